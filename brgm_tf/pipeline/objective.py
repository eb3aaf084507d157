"""The objective of a restoration: the chosen preset, the user's values, and the corruption.

TensorFlow is not imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.corruption_traits import CorruptionTraits
from brgm_tf.posterior.objectives import Objective, objective

if TYPE_CHECKING:
    from brgm_tf.pipeline.config import Config

# Fields of `Objective` that a user may override, with their help.
SCALES = {
    "pixel_scale": "Factor on the log-likelihood of the pixels",
    "perceptual_scale": "Factor on the perceptual log-likelihood; 0 leaves VGG16 out",
    "prior_scale": "Factor on the Gaussian log-prior of the latents",
    "colinearity_scale": "Factor on the colinearity log-prior",
    "noise_scale": "Standard deviation of the noise in grey levels; 'bayes' infers it by default",
    "effective_sample_size_cap": "Largest number of independent values that a measurement has",
    "layer_scale": "Distance between the latents of the layers, relative to the latent prior",
    "learning_rate": "Peak learning rate of Adam",
    "rampup": "Fraction of the steps over which the learning rate grows",
    "rampdown": "Fraction of the steps over which the learning rate falls",
}
OVERRIDES = ("optimizer", *SCALES)

_LARGE_FACTOR = 16


def resolve_objective(config: Config) -> Objective:
    """Returns the objective of a configuration.

    The preset's scales hold unless `config.overrides` has another value. The corruption then
    decides three scales that are still open:

    - The noise scale is the scale of the stage of noise, if that stage has one.
    - The perceptual term is left out of 'balanced' and 'bayes' in three cases: the noise is
      strong, the gradient is a substitute, or a parameter is unknown. VGG16 takes noise for
      detail, so an unknown blur would come out too small. A substitute gradient is also
      followed by Adam, because it misleads a line search.
    - brgm-pytorch multiplies its colinearity by ten above a factor of 16, and so does
      'brgm_torch'.

    Args:
        config: the configuration.

    Raises:
        InputError: a scale cannot be used.

    Example:
        >>> from brgm_tf.pipeline.config import Config
        >>> resolve_objective(Config("noise(scale=40)")).perceptual_scale
        0.0
    """
    traits = config.traits
    overrides = {name: value for name, value in config.overrides.items() if value is not None}
    defaults: dict[str, object] = {}
    if "noise_scale" in overrides:
        _check_noise_scale(overrides["noise_scale"], traits)
    else:
        defaults["noise_scale"] = traits.noise_scale
    if not str(config.objective).startswith("brgm"):
        defaults |= _of_gradients(traits)
    elif config.objective == "brgm_torch" and traits.factor > _LARGE_FACTOR:
        defaults["colinearity_scale"] = 1.0
    return objective(str(config.objective), **{**defaults, **overrides})


def needs_perceptual(config: Config) -> bool:
    """Returns whether a run computes the perceptual distance, for its objective or its report."""
    return resolve_objective(config).perceptual_scale > 0 or config.input_kind == "clean"


def _of_gradients(traits: CorruptionTraits) -> dict[str, object]:
    substitute = traits.straight_through_gradient
    found: dict[str, object] = {}
    if traits.hides_features or substitute or traits.infers_parameters:
        found["perceptual_scale"] = 0.0
    if substitute:
        found["optimizer"] = "adam"
    return found


def _check_noise_scale(noise_scale: object, traits: CorruptionTraits) -> None:
    if traits.has_fixed_noise or traits.infers_noise:
        raise InputError(
            "noise_scale",
            f"must not be given with {traits.noise}, whose noise has its own scale",
            noise_scale=noise_scale,
        )
