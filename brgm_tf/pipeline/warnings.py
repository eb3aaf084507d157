"""Warnings about a restored image, a line of text each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from brgm_tf.pipeline.inference import Estimate
from brgm_tf.pipeline.model import Model
from brgm_tf.reporting import posterior_summary

RESIDUAL_BOUND = 10.0  # grey levels


def image_warnings(
    model: Model,
    estimate: Estimate,
    scores: Mapping[str, float],
    *,
    noise: float,
    num_steps: int,
) -> tuple[str, ...]:
    """Returns the warnings about an image.

    Args:
        model: the model.
        estimate: the end of the estimator's run.
        scores: the image's metrics by name.
        noise: standard deviation of the simulated noise in grey levels.
        num_steps: number of steps of a complete run.
    """
    return tuple(_lines(model, estimate, scores, noise=noise, num_steps=num_steps))


def _lines(model: Model, estimate: Estimate, scores, *, noise, num_steps) -> Iterator[str]:
    if model.estimator.warning:
        yield model.estimator.warning
    if not estimate.complete:
        yield f"stopped after {len(estimate.history['total'])} of {num_steps} steps"
    # A value that is rounded to the other side is a whole step off, whatever the fit.
    if not model.corruption.straight_through_gradient:
        yield from _of_residual(scores, noise=noise)
    if line := posterior_summary.misfit(scores):
        yield line


def _of_residual(scores: Mapping[str, float], *, noise: float) -> Iterator[str]:
    # The inferred noise scale contains the misfit; it is NaN if the estimator has no noise scale.
    noise = np.fmax(noise, scores.get("noise_scale", 0.0))
    bound = float(np.hypot(RESIDUAL_BOUND, noise))
    if scores["residual"] > bound:
        yield (
            f"residual {scores['residual']:.1f} grey levels is above {bound:.0f}: the picture "
            "lies outside the generator's range, or num_steps is too small"
        )
