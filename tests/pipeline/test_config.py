"""`Config`: every value that cannot be used is named, in one line."""

import subprocess
import sys

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.objective import resolve_objective


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
def test_a_value_that_cannot_be_used_is_named(options, argument):
    with pytest.raises(InputError) as caught:
        Config(**options)
    assert caught.value.argument == argument
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["num_steps", "batch_size", "seed"])
@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_numpys_integers_become_pythons(name, kind):
    value = getattr(Config(**{name: kind(7)}), name)
    assert (value, type(value)) == (7, int)


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_a_seed_is_any_int32_that_is_not_negative(seed):
    assert Config(seed=seed).seed == seed


def test_a_large_factor_multiplies_the_colinearity_of_brgm_torch_by_ten():
    def scale(factor, **overrides):
        config = Config(f"downsample(factor={factor})", objective="brgm_torch", overrides=overrides)
        return resolve_objective(config).colinearity_scale

    assert (scale(16), scale(32), scale(32, colinearity_scale=0.5)) == (0.1, 1.0, 0.5)


@pytest.mark.parametrize(
    ("corruption", "has_term"),
    [
        ("blur(sigma=2)", True),
        ("noise(scale=5)", True),
        ("noise(scale=40)", False),
        ("poisson(peak=8)", False),
        ("salt_and_pepper(fraction=0.1, scale=3)", False),
        ("jpeg(quality=5)", False),
    ],
)
def test_strong_noise_and_substitute_gradients_leave_out_the_perceptual_term(corruption, has_term):
    assert (resolve_objective(Config(corruption=corruption)).perceptual_scale > 0) == has_term
    own = Config(corruption=corruption, overrides={"perceptual_scale": 7.0})
    assert resolve_objective(own).perceptual_scale == 7.0
    originals = resolve_objective(Config(corruption="noise(scale=40)", objective="brgm_tf1"))
    assert originals.perceptual_scale > 0


def test_a_substitute_for_a_gradient_is_climbed_by_adam():
    assert resolve_objective(Config(corruption="jpeg(quality=5)")).optimizer == "adam"
    assert resolve_objective(Config(corruption="none + quantise(bits=2)")).optimizer == "adam"
    assert resolve_objective(Config(corruption="blur(sigma=2)")).optimizer == "lbfgs"
    chosen = Config(corruption="jpeg(quality=5)", overrides={"optimizer": "lbfgs"})
    assert resolve_objective(chosen).optimizer == "lbfgs"


def test_it_needs_no_tensorflow():
    code = (
        "import sys; from brgm_tf import Config; Config('downsample(factor=32)');"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
