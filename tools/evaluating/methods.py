"""Restores images by an estimator or a baseline, with their figures of merit."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from brgm_tf.corruptions.traits import create_corruption
from brgm_tf.evaluation import baselines, metrics
from brgm_tf.io import inputs
from brgm_tf.pipeline.batches import restore_all
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.measurement import noise_seeds

# Method, name of the image, pictures by name, figures by name.
Result = tuple[str, str, dict[str, np.ndarray], dict[str, float]]


def by_estimator(setting: Any, restorer: Any, specs: list, *, expected: Any) -> Iterator[Result]:
    """Restores a batch by the estimator of a restorer; failed images go to stderr.

    An estimator that draws samples gives three results for each image: its reconstruction, the
    mean of the samples and the first sample.

    Args:
        setting: `Setting` of the restorer.
        restorer: `Restorer` of the task.
        specs: Inputs of the batch.
        expected: Requirements of the inputs.
    """
    for batch in restore_all([restorer], specs, expected=expected):
        for failure in batch.failures:
            sys.stderr.write(f"failed: {failure}\n")
        for result in batch.images:
            images = {
                "restored": result.reconstruction if result.merged is None else result.merged,
                "measurement": result.measurement,
                "truth": result.truth,
            }
            figures = {"seconds": result.seconds, **result.metrics}
            yield setting.text, result.name, images, figures
            if result.samples is not None:
                pictures = (result.samples.mean, result.samples.shown[0])
                for method, picture in zip(setting.methods[1:], pictures, strict=True):
                    yield (
                        method,
                        result.name,
                        images | {"restored": picture},
                        _figures(picture, result),
                    )


def _figures(picture: np.ndarray, result: Any) -> dict[str, float]:
    """Returns the figures of a picture that has the known pixels of a result."""
    is_merged = result.merged is not None and result.missing is not None
    figures = metrics.restoration_metrics(
        picture[None],
        result.truth[None],
        distance=_distance(),
        merged=picture[None] if is_merged else None,
        missing=result.missing[None] if is_merged else None,
    )
    return {name: float(values[0]) for name, values in figures.items()}


def by_baseline(method: str, specs: list, *, config: Config, expected: Any) -> Iterator[Result]:
    """Restores a batch by a baseline.

    Args:
        method: Name of the baseline.
        specs: Inputs of the batch.
        config: Configuration of the task, with its corruption and seed.
        expected: Requirements of the inputs.
    """
    shape = (expected.resolution, expected.resolution, expected.channels)
    corruption = create_corruption(config.corruption).of_images(shape)
    restore = baselines.BASELINES[method].load()
    for spec in specs:
        item = inputs.load(spec, expected=expected)
        data = {} if item.missing is None else {"missing": item.missing[None]}
        bound = corruption.with_data(**data)
        seeds = noise_seeds([spec.name], seed=config.seed)
        measurement = bound.sample(item.image[None], seeds).numpy()[0]
        missing = missing_pixels(bound, measurement)
        restored = restore(
            measurement,
            corruption=bound,
            missing=missing,
            resolution=expected.resolution,
            seed=config.seed,
        )
        is_hole = bound.puts_pixels_back
        merged = bound.composite(measurement[None], restored[None]) if is_hole else None
        figures = metrics.restoration_metrics(
            restored[None],
            item.image[None],
            distance=_distance(),
            merged=merged,
            missing=missing[None] if merged is not None else None,
        )
        images = {
            "restored": restored if merged is None else merged[0],
            "measurement": np.asarray(bound.as_image(measurement[None]))[0],
            "truth": item.image,
        }
        figures = {name: float(values[0]) for name, values in figures.items()}
        yield method, spec.name, images, figures


def missing_pixels(corruption: Any, measurement: np.ndarray) -> np.ndarray:
    """Returns bool [h, w, 1], the unobserved pixels of a measurement [h, w, C]."""
    observed = np.broadcast_to(
        corruption.observation_mask(measurement[None]), (1, *measurement.shape)
    )
    return ~(observed[0] > 0).all(axis=-1, keepdims=True)


@functools.cache
def _distance():
    from brgm_tf.core.compilation import compiled
    from brgm_tf.perceptual.loading import load_perceptual

    return compiled(load_perceptual(progress=lambda line: sys.stderr.write(line + "\n")))
