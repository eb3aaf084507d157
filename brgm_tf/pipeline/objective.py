"""The objective of a restoration: the chosen preset, the user's values, and the corruption.

TensorFlow is not imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brgm_tf.posterior.objectives import Objective, objective_for

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


def resolve_objective(config: Config) -> Objective:
    """Returns the objective of a configuration; see `posterior.objectives.objective_for`.

    Args:
        config: the configuration.

    Raises:
        InputError: a scale cannot be used.

    Example:
        >>> from brgm_tf.pipeline.config import Config
        >>> resolve_objective(Config("noise(scale=40)")).perceptual_scale
        0.0
    """
    return objective_for(str(config.objective), config.traits, overrides=config.overrides)


def needs_perceptual(config: Config) -> bool:
    """Returns whether a run computes the perceptual distance, for its objective or its report."""
    return resolve_objective(config).perceptual_scale > 0 or config.input_kind == "clean"
