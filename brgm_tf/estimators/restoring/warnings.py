"""Warnings about a restored image, a line of text each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from brgm_tf.estimators.restoring.inference import Estimate
from brgm_tf.estimators.restoring.misfit import Fit, cause_of_misfit
from brgm_tf.reporting import posterior_summary

RESIDUAL_BOUND = 10.0  # grey levels


def image_warnings(
    scores: Mapping[str, float],
    *,
    fit: Fit,
    estimate: Estimate,
    estimator_warning: str,
    has_exact_gradient: bool,
    noise: float,
    num_steps: int,
) -> tuple[str, ...]:
    """Returns the warnings about an image.

    Args:
        scores: the image's metrics by name.
        fit: the end of the restoration of the image.
        estimate: the end of the estimator's run.
        estimator_warning: a line about every result of the estimator; '' without one.
        has_exact_gradient: whether the gradient of the corruption is its derivative.
        noise: standard deviation of the simulated noise in grey levels.
        num_steps: number of steps of a complete run.
    """
    lines = [estimator_warning] if estimator_warning else []
    if not estimate.complete:
        lines.append(f"stopped after {len(estimate.history['total'])} of {num_steps} steps")
    if line := posterior_summary.misfit(scores):
        lines.append(line)
    # A value that is rounded to the other side is a whole step off, whatever the fit.
    if has_exact_gradient:
        lines += _of_residual(scores, fit=fit, noise=noise)
    return tuple(lines)


def _of_residual(scores: Mapping[str, float], *, fit: Fit, noise: float) -> Iterator[str]:
    """Yields a warning if the residual is large and its cause is known."""
    # The inferred noise scale contains the misfit; it is NaN if the estimator has no noise scale.
    noise = np.fmax(noise, scores.get("noise_scale", 0.0))
    bound = float(np.hypot(RESIDUAL_BOUND, noise))
    if scores["residual"] > bound and (cause := cause_of_misfit(fit, bound=bound)):
        yield f"residual {scores['residual']:.1f} grey levels is above {bound:.0f}: {cause}"
