"""The objective of a configuration: presets, overrides, and defaults from the corruption."""

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.objective import needs_perceptual, resolve_objective


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
def test_strong_noise_and_surrogate_gradients_disable_the_perceptual_term(corruption, has_term):
    def scale(corruption, **options):
        return resolve_objective(Config(corruption, **options)).perceptual_scale

    assert (scale(corruption) > 0) == has_term
    assert scale(corruption, overrides={"perceptual_scale": 7.0}) == 7.0
    assert scale("noise(scale=40)", objective="brgm_tf1") > 0


def test_adam_is_the_default_for_surrogate_gradients():
    def optimizer(corruption, **overrides):
        return resolve_objective(Config(corruption, overrides=overrides)).optimizer

    assert optimizer("jpeg(quality=5)") == "adam"
    assert optimizer("none + quantise(bits=2)") == "adam"
    assert optimizer("blur(sigma=2)") == "lbfgs"
    assert optimizer("jpeg(quality=5)", optimizer="lbfgs") == "lbfgs"


@pytest.mark.parametrize("corruption", ["poisson(peak=9)", "noise(scale=unknown)"])
def test_a_noise_scale_for_noise_that_defines_its_scale_is_refused(corruption):
    with pytest.raises(InputError, match="`noise_scale` must not be given with"):
        Config(corruption, overrides={"noise_scale": 3.0})


def test_an_objective_or_a_report_requires_the_perceptual_distance():
    without = {"overrides": {"perceptual_scale": 0.0}}
    assert needs_perceptual(Config())
    assert not needs_perceptual(Config(**without))
    assert needs_perceptual(Config(input_kind="clean", **without))
