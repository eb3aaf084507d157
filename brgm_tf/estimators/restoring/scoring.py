"""Score: metrics of the images and of the inferred parameters, each [B] by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from brgm_tf.estimators.restoring.inference import Estimate
from brgm_tf.estimators.restoring.measurement import Measurement
from brgm_tf.estimators.restoring.rendering import ObservationInfo, Rendering
from brgm_tf.evaluation import metrics


def image_scores(
    measurement: Measurement,
    rendering: Rendering,
    observation: ObservationInfo,
    *,
    merged: np.ndarray | None,
    distance: Callable | None,
) -> dict[str, np.ndarray]:
    """Returns the residual and, with a truth, the metrics of the restoration.

    Args:
        measurement: the batch.
        rendering: arrays.
        observation: observed values and missing pixels.
        merged: images that agree with the measurement [B, H, W, C], or None.
        distance: (x, y) -> LPIPS [B]; None leaves it out.
    """
    residual = metrics.residual(
        measurement.values, rendering.predicted_measurement, observed=observation.observed
    )
    if measurement.truth is None:
        return {"residual": residual}
    return {"residual": residual} | metrics.restoration_metrics(
        rendering.reconstruction,
        measurement.truth,
        merged=merged,
        missing=observation.missing,
        distance=distance,
    )


def parameter_scores(
    program, estimate: Estimate, measurement: Measurement, *, posterior
) -> dict[str, np.ndarray]:
    """Returns the unknown parameters and, unless they are drawn, their standard deviations."""
    names = posterior.parameter_priors
    scores = {n: values.numpy() for n, values in estimate.parameters.items() if n in names}
    if not scores or estimate.progress.approximation is not None:
        return scores
    stddevs = program.parameters_stddev(
        estimate.progress, measurement.values, data=measurement.data
    )
    return scores | {f"{name}_stddev": values.numpy() for name, values in stddevs.items()}


def measurement_scores(measurement: Measurement) -> dict[str, np.ndarray]:
    """Returns the true parameters of a simulated measurement, and the scale of k-space."""
    scores = {f"{name}_true": values for name, values in measurement.parameters.items()}
    if measurement.kspace_scale is not None:
        scores["kspace_white"] = measurement.kspace_scale
    return scores
