"""Settings of a visitor become a configuration, within what the owner allows."""

import dataclasses
from pathlib import Path

import pytest

from brgm_tf.app import chains
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.owner import make_owner
from brgm_tf.app.settings import Settings, config_of
from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.config import Config

ROOT = Path(__file__).parents[2]
OWNER = make_owner(generators=["xray-64"], limits=Limits(steps=300))
SETTINGS = Settings("xray-64", num_steps=100)


def config(**changes):
    return config_of(dataclasses.replace(SETTINGS, **changes), OWNER)


def test_settings_are_the_configuration_of_the_command():
    rows = [chains.new_row(OWNER.corruptions["downsample"])]
    made = config(rows=rows, estimator="vi", num_samples=4, input_kind="clean")
    assert made == Config(
        "downsample(factor=4)",
        generator="xray-64",
        estimator="vi",
        num_samples=4,
        input_kind="clean",
        num_steps=100,
    )


def test_the_objective_follows_the_estimator():
    assert (config().objective, config(estimator="vi").objective) == ("balanced", "bayes")


def test_options_of_the_owner_stay():
    owner = make_owner(generators=["xray-64"], options={"overrides": {"perceptual_scale": 0.0}})
    assert config_of(SETTINGS, owner).overrides == {"perceptual_scale": 0.0}


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("generator", {"generator": "ffhq-mobile-1024"}),
        ("generator", {"generator": "/etc/passwd"}),
        ("generator", {"generator": "https://example.com/evil.pkl"}),
        ("generator", {"generator": ["xray-64"]}),
        ("num_steps", {"num_steps": 301}),
        ("num_steps", {"num_steps": 200, "adaptation_steps": 101}),
        ("num_steps", {"num_steps": 1.5}),
        ("num_steps", {"num_steps": float("nan")}),
        ("num_steps", {"num_steps": None}),
        ("num_samples", {"num_samples": 1000, "estimator": "vi"}),
        ("estimator", {"estimator": "vi_brgm"}),
        ("input_kind", {"input_kind": "stolen"}),
        ("plane", {"plane": "oblique"}),
        ("slices", {"slices": "all"}),
    ],
)
def test_what_the_page_does_not_offer_is_refused(field, changes):
    with pytest.raises(Refusal) as refusal:
        config(**changes)
    assert refusal.value.field == field


def test_a_window_of_another_form_is_an_input_error():
    with pytest.raises(InputError, match="window"):
        config(window="bright")


def test_the_default_generator_comes_first():
    assert [*make_owner(generators=["xray-128", "xray-64"]).generators] == ["xray-64", "xray-128"]


def test_examples_need_an_offered_generator():
    generators = {example.flags["generator"] for example in OWNER.examples.values()}
    assert generators == {"xray-64"}


def test_a_generator_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="`generators`"):
        make_owner(generators=["nobody"])


def test_no_path_of_the_owner_is_public():
    owner = make_owner(generators=[str(ROOT / "checkpoints" / "xray-64")])
    assert dict(owner.generators) == {"xray-64": str(ROOT / "checkpoints" / "xray-64")}
    assert owner.public(f"--generator={ROOT}/checkpoints/xray-64") == "--generator=xray-64"


def test_a_corruption_of_the_owner_is_offered_without_its_path(tmp_path):
    source = (
        "import dataclasses\n"
        "from brgm_tf.core.parameters import parameter\n"
        "from brgm_tf.core.validation import number\n"
        "from brgm_tf.corruptions.base import Corruption\n"
        "@dataclasses.dataclass(frozen=True, repr=False)\n"
        "class Fog(Corruption):\n"
        "    density: float = parameter(number(0, 1), 'Density')\n"
        "    def forward(self, x):\n"
        "        return x * (1 - self.density)\n"
    )
    (tmp_path / "fog.py").write_text(source)
    owner = make_owner(generators=["xray-64"], corruptions=[f"{tmp_path}/fog.py:Fog"])
    rows = [chains.new_row(owner.corruptions["fog.py:Fog"])]
    text = config_of(dataclasses.replace(SETTINGS, rows=rows), owner).corruption
    assert text == f"{tmp_path}/fog.py:Fog(density=0.5)"
    assert owner.public(text) == "fog.py:Fog(density=0.5)"
