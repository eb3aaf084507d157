"""`Config` names every invalid value in one line."""

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.options import options_of


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"corruption": "blur"}, "corruption"),
        ({"corruption": "downsample()"}, "corruption"),
        ({"generator": "nobody"}, "generator"),
        ({"input_kind": "dirty"}, "input_kind"),
        ({"objective": "best"}, "objective"),
        ({"estimator": "guess"}, "estimator"),
        ({"num_steps": 0}, "num_steps"),
        ({"num_steps": 1.5}, "num_steps"),
        ({"num_steps": True}, "num_steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "2"}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": 0.0}, "seed"),
        ({"seed": None}, "seed"),
        ({"non_square": "stretch"}, "non_square"),
        ({"surrogate": "flow"}, "surrogate"),
        ({"surrogate_rank": 0}, "surrogate_rank"),
        ({"num_elbo_samples": 3}, "num_elbo_samples"),
        ({"num_elbo_samples": 0}, "num_elbo_samples"),
        ({"num_samples": 0}, "num_samples"),
        ({"num_restarts": 0}, "num_restarts"),
        ({"model_discrepancy_stddev": -1.0}, "model_discrepancy_stddev"),
        ({"dispersion_factor": 0.0}, "dispersion_factor"),
        ({"dispersion_factor": float("nan")}, "dispersion_factor"),
        ({"perceptual": "nobody"}, "perceptual"),
        ({"perceptual": None}, "perceptual"),
        ({"overrides": {"pixel_scale": -1.0}}, "pixel_scale"),
        ({"overrides": {"prior_scale": float("nan")}}, "prior_scale"),
        ({"overrides": {"noise_scale": 0.0}}, "noise_scale"),
        ({"overrides": {"learning_rate": 0}}, "learning_rate"),
        ({"overrides": {"rampup": 1.5}}, "rampup"),
    ],
)
def test_an_invalid_value_is_named(options, argument):
    with pytest.raises(InputError) as caught:
        Config(**options)
    assert caught.value.argument == argument
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["num_steps", "batch_size", "seed"])
@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_numpy_integers_become_python_integers(name, kind):
    value = getattr(Config(**{name: kind(7)}), name)
    assert (value, type(value)) == (7, int)


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_a_seed_is_a_nonnegative_int32(seed):
    assert Config(seed=seed).seed == seed


def test_the_default_objective_depends_on_the_estimator():
    assert Config().objective == "balanced"
    assert Config(estimator="vi").objective == "bayes"
    assert Config(estimator="vi", objective="balanced").objective == "balanced"


def test_every_help_text_starts_with_a_capital_and_has_no_full_stop():
    for name, option in options_of(Config).items():
        assert option.help[0].isupper(), name
        assert not option.help.endswith("."), name
