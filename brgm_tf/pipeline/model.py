"""The loaded objects of a restoration: generator, corruption, posterior, estimator, distance."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.generators.loading import load_generator
from brgm_tf.perceptual.loading import load_perceptual
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.corruption_traits import create_corruption
from brgm_tf.pipeline.objective import needs_perceptual, resolve_objective


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """The loaded objects of a restoration.

    Attributes:
        generator: the `generators.base.Generator`.
        corruption: the `Corruption` for the generator's images, without per-image data.
        posterior: the `Posterior`.
        estimator: the `Estimator`.
        perceptual: the `LPIPS` of the objective and of the report; None if neither needs it.
    """

    generator: Any
    corruption: Any
    posterior: Any
    estimator: Any
    perceptual: Any


def load_model(config: Config, *, notify: Callable[[str], object] | None = None) -> Model:
    """Loads the model of a configuration.

    Args:
        config: the configuration.
        notify: called with a line of text for each event, such as a download.

    Raises:
        InputError: weights cannot be fetched or read.
    """
    perceptual = None
    if needs_perceptual(config):
        perceptual = load_perceptual(config.perceptual, progress=notify)
    generator = load_generator(config.generator, progress=notify)
    generator.freeze()
    shape = (generator.resolution, generator.resolution, generator.channels)
    corruption = create_corruption(config.corruption).of_images(shape)
    posterior = _posterior(config, generator, corruption, perceptual)
    estimator = ESTIMATORS.row(config.estimator).load()(
        posterior, corruption=corruption, num_steps=config.num_steps, **config.estimator_options
    )
    return Model(generator, corruption, posterior, estimator, perceptual)


def _posterior(config: Config, generator, corruption, perceptual):
    from brgm_tf.posterior.posterior import LatentPrior, Posterior, parameter_priors_of

    objective = resolve_objective(config)
    statistics = generator.latent_statistics()
    features: Any = None
    if perceptual is not None:
        # Only brgm-pytorch enlarges small images; the LPIPS of the report does not.
        enlarge = objective.family == "brgm_torch"
        features = functools.partial(perceptual.features, enlarge=enlarge)
    prior = LatentPrior(
        statistics.mean,
        statistics.covariance,
        generator.num_ws,
        objective.layer_scale,
        parameter_priors_of(corruption.params, objective),
    )
    return Posterior(
        synthesis=generator.synthesis, features=features, prior=prior, objective=objective
    )
