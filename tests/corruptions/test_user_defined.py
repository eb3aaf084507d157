"""Corruptions in a file of the user: their behaviour and their errors."""

import sys
from pathlib import Path

import numpy as np
import pytest
from smooth_generator import smooth_generator
from unseeing import Unseeing

import brgm_tf
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.objective import resolve_objective

FOG = '''"""Fog."""
from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.noise import NoiseModel


@dataclasses.dataclass(frozen=True)
class Fog(Corruption):
    """forward(x) = (1 - density) x + density."""

    density: float = 0.5

    def __post_init__(self):
        checked("density", self.density, number(0, 1))

    def forward(self, x):
        return (1.0 - self.density) * x + self.density

    def adjoint(self, y):
        return (1.0 - self.density) * y

    def get_config(self):
        return {"density": self.density}


@dataclasses.dataclass(frozen=True)
class Holes(Fog):
    density: float = 0.2
    missing: object = None
    data_names = ("missing",)


@dataclasses.dataclass(frozen=True)
class Speckle(NoiseModel):
    scale: float

    def draw(self, mean, seed):
        return mean + tf.random.stateless_normal(mean.shape, seed, dtype=mean.dtype)


class Abstract(Corruption):
    pass


class Other(Fog):
    data_names = ("depth",)


class Plain:
    pass


COUNT = 1
'''


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "my_ops.py"
    path.write_text(FOG, "utf-8")
    return path


def test_a_corruption_in_a_file_is_parsed_and_computed(file):
    stages = parsing.parse(f"{file}:Fog(density=0.25)")
    assert str(stages) == f"{file}:Fog(density=0.25)"
    x = np.linspace(-1, 1, 12).reshape(1, 2, 2, 3)
    np.testing.assert_allclose(stages.create().forward(x), 0.75 * x + 0.25)
    assert parsing.parse(str(stages)) == stages


def test_defaults_come_from_the_constructor(file):
    for text in (f"{file}:Fog", f"{file}:Fog()"):
        assert str(parsing.parse(text)) == f"{file}:Fog(density=0.5)"


def test_a_corruption_in_a_file_may_be_a_stage_of_a_chain(file):
    text = f"downsample(factor=2) + {file}:Fog(density=0.25) + noise(scale=5)"
    assert resolve_objective(Config(text)).noise_scale == 5.0
    chain = parsing.parse(text).create()
    assert chain.linear
    x = np.ones((1, 4, 4, 1))
    np.testing.assert_allclose(chain.forward(x), np.ones((1, 2, 2, 1)))
    again = type(chain).from_config(chain.get_config())
    np.testing.assert_array_equal(again.forward(-x), chain.forward(-x))


def test_its_data_names_and_its_noise_scale_are_known(file):
    assert parsing.parse(f"{file}:Holes").data_names == ("missing",)
    noise = parsing.parse(f"none + {file}:Speckle(scale=4)")
    assert noise.noise_scale == 4.0
    with pytest.raises(InputError, match="noise must be the last stage"):
        parsing.parse(f"{file}:Speckle(scale=4) + none")


def test_the_file_is_executed_once(file):
    first, second = (type(parsing.parse(f"{file}:Fog").create()) for _ in range(2))
    assert first is second


def test_a_changed_file_is_executed_again(file):
    before = parsing.parse(f"{file}:Fog").create()
    file.write_text(FOG.replace("density: float = 0.5", "density: float = 0.125"), "utf-8")
    assert (before.density, parsing.parse(f"{file}:Fog").create().density) == (0.5, 0.125)


def test_a_relative_path_is_made_absolute(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    text = "none + my_ops.py:Fog(density=0.25)"
    assert parsing.parse(text).create().stages[1].density == 0.25
    assert parsing.absolute(text) == f"none + {file}:Fog(density=0.25)"
    assert parsing.absolute("none  +  mask()") == "none  +  mask()"


def test_images_are_restored_with_a_corruption_in_a_file(file):
    x = np.random.default_rng(0).uniform(-1, 1, (16, 16, 3)).astype("float32")
    restoration = brgm_tf.restore(
        x,
        corruption=f"{file}:Fog(density=0.5)",
        input_kind="clean",
        generator=smooth_generator(16),
        overrides={"perceptual_scale": 0.0},
        num_steps=4,
        perceptual=Unseeing(),
    )
    (image,) = restoration.images
    np.testing.assert_allclose(image.measurement, 0.5 * x + 0.5, atol=1e-6)
    np.testing.assert_allclose(
        image.predicted_measurement, 0.5 * image.reconstruction + 0.5, atol=1e-5
    )


# Errors.


def message(text):
    with pytest.raises(InputError) as caught:
        parsing.parse(text)
    assert caught.value.argument == "corruption"
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    assert "does not exist" in message(f"{tmp_path / 'none.py'}:Fog")


def test_the_error_for_a_missing_class_lists_the_other_classes(file):
    error = message(f"{file}:Smoke")
    assert "my_ops.py must define the class Smoke" in error
    assert "It defines: Fog, Holes, Speckle, Abstract, Other." in error


def test_a_class_that_is_not_a_corruption_is_refused(file):
    assert "must define the class Plain, a subclass of" in message(f"{file}:Plain")
    assert "must define the class COUNT" in message(f"{file}:COUNT")


def test_parameters_must_be_parameters_of_the_constructor(file):
    assert "has no parameter 'depth' in Fog(); it takes: density" in message(f"{file}:Fog(depth=1)")
    assert "Speckle() needs the parameter 'scale'" in message(f"{file}:Speckle")
    assert "must be written name or name(parameter=literal" in message(f"{file}:Fog(open('x'))")


def test_the_error_of_the_class_is_reported(file):
    error = message(f"none + {file}:Fog(density=2)")
    assert error.startswith(f"`corruption` stage 2 '{file}:Fog(density=2)'"[:60])
    assert "Fog(density=2) is refused by its class: `density` must be a number in [0, 1]" in error
    assert "Can't instantiate abstract class Abstract" in message(f"{file}:Abstract")


def test_data_other_than_masks_are_refused(file):
    assert "Other must take no data but 'missing'" in message(f"{file}:Other")


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ("x = 1\n\nx / 0\n", "line 3: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
        ("x = 1\nclass (:\n", "line 2: SyntaxError: invalid syntax"),
        ("import no_such_module\n", "line 1: ModuleNotFoundError: No module named"),
        ("def f():\n    raise OSError('a\\nb')\n\nf()\n", "line 2: OSError: a b"),
    ],
)
def test_the_error_for_a_failing_file_states_the_line(tmp_path, source, description):
    path = tmp_path / "broken.py"
    path.write_text(source, "utf-8")
    assert f"broken.py cannot be run: {description}" in message(f"{path}:Fog")
    assert not [name for name in sys.modules if name.startswith("brgm_tf_own_broken")]
