"""Loads the model of a configuration: generator, corruption, posterior, estimator, LPIPS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from brgm_tf.corruptions.traits import create_corruption
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.generators.loading import load_generator
from brgm_tf.perceptual.loading import load_perceptual
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.objective import needs_perceptual, resolve_objective
from brgm_tf.pipeline.photographs import for_boxes

if TYPE_CHECKING:
    from brgm_tf.estimators.restoring.batch import BatchRestorer


def load_model(
    config: Config, *, notify: Callable[[str], object] | None = None, box_size: int = 0
) -> BatchRestorer:
    """Loads the objects that a configuration names.

    Args:
        config: the configuration.
        notify: called with a line of text for each event, such as a download.
        box_size: side of the boxes of photographs in pixels; 0 for the generator's resolution.

    Returns:
        The `BatchRestorer` of the posterior and the estimator.

    Raises:
        InputError: weights cannot be fetched or read.
    """
    from brgm_tf.core.compilation import compiled
    from brgm_tf.estimators.restoring.batch import BatchRestorer
    from brgm_tf.estimators.restoring.sampling import SampleOptions
    from brgm_tf.posterior.posterior import Posterior

    perceptual = None
    if needs_perceptual(config):
        perceptual = load_perceptual(config.perceptual, progress=notify)
    corruption = create_corruption(config.corruption)
    if config.align == "faces":
        corruption = for_boxes(corruption, box_size)
    posterior = Posterior(
        load_generator(config.generator, progress=notify),
        corruption,
        objective=resolve_objective(config),
        perceptual=perceptual,
        adaptation_scale=config.adaptation_scale if config.adaptation_steps else None,
        class_label=config.class_label,
    )
    if config.adaptation_steps and config.batch_size > 1 and notify is not None:
        notify("each image has its own weights, so the images of a batch are generated in turn")
    estimator = ESTIMATORS.row(config.estimator).load()(
        num_steps=config.num_steps, **config.estimator_options
    )
    sampling = SampleOptions(
        num_samples=config.num_samples,
        seed=config.seed,
        dispersion_factor=config.dispersion_factor,
        model_discrepancy_stddev=config.model_discrepancy_stddev,
    )
    distance = None if perceptual is None else compiled(perceptual)
    return BatchRestorer(posterior, estimator, sampling=sampling, distance=distance)
