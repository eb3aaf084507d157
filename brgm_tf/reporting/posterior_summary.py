"""Summaries of posterior draws of each image: samples, moments, intervals, coverage.

Notation: S draws, B images; x [S, B, H, W, C] the images of the draws in [-1, 1], blended into the
observed pixels if the corruption keeps them; t [B, H, W, C] the truth. Quantiles are over the
draws.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.evaluation import metrics
from brgm_tf.reporting.results import PosteriorSamples

# Moments and quantiles take at least this many draws, more than a person looks at.
STATISTICS_DRAWS = 64
MISFIT_BOUND = 1.5  # distance of the draws from the measurement, in noise scales
INTERVALS = {"coverage_50": 0.5, "coverage_90": 0.9}

# Latents, images, predicted measurements and merged images (or None) of draws, each [S, B, ...].
Draws = Sequence[Any]


def draw_samples(
    estimator, fit, *, render: Callable, num_samples: int, seed: int, dispersion_factor: float = 1.0
) -> tuple[list[Any], dict[str, np.ndarray]]:
    """Draws from a fitted posterior, and renders the draws one by one.

        v -> m + dispersion_factor (v - m),   m the mean of the draws

    Args:
        estimator: an `estimators.base.Sampler`.
        fit: the fitted posterior, as the estimator returns it.
        render: (latents [B, L, D], parameters [B] by name) -> (images, predicted measurements).
        num_samples: number of samples to show; at least `STATISTICS_DRAWS` are drawn.
        seed: seed of the draws.
        dispersion_factor: factor on the distance of the whitened latents v from their mean, which
            corrects a posterior that is known to be too narrow or too wide.

    Returns:
        Latents, images and predicted measurements of the draws, each [S, B, ...], and the
        parameters [S, B] by name.
    """
    count = max(num_samples, STATISTICS_DRAWS)
    whitened = estimator.draw(fit, num_samples=count, seed=seed)
    if dispersion_factor != 1.0:
        mean = whitened.numpy().mean(axis=0)
        whitened = mean + dispersion_factor * (whitened - mean)
    parts, parameters = [], []
    for v in whitened:
        latents, drawn = estimator.latents(v), estimator.parameters(v)
        tensors = (latents, *render(latents, drawn))
        parts.append([tensor.numpy() for tensor in tensors])
        parameters.append({name: values.numpy() for name, values in drawn.items()})
    draws = [np.stack(column) for column in zip(*parts, strict=True)]
    names = parameters[0]
    return draws, {name: np.stack([drawn[name] for drawn in parameters]) for name in names}


def summarise(
    draws: Draws,
    *,
    num_samples: int,
    model_discrepancy_stddev: np.ndarray | float = 0.0,
    missing: np.ndarray | None = None,
) -> list[PosteriorSamples]:
    """Returns the `PosteriorSamples` of each image.

    Args:
        draws: the arrays of `draw_samples`, and the merged images [S, B, H, W, C] or None.
        num_samples: number of samples to keep.
        model_discrepancy_stddev: [B] or a number, grey levels; see `interval`. The standard
            deviation contains it as well.
        missing: bool [B, H, W, 1], the pixels that are not observed; None counts all pixels.
    """
    latents, images, _, merged = draws
    shown = np.clip(images if merged is None else merged, -1, 1)
    discrepancy = model_discrepancy_map(shown, model_discrepancy_stddev, missing=missing)
    low, high = interval(shown, 0.9, model_discrepancy_stddev=discrepancy)
    stddev = np.hypot(_stddev(shown), discrepancy).astype(np.float32)
    return [
        PosteriorSamples(
            images=images[:num_samples, b],
            merged=None if merged is None else merged[:num_samples, b],
            latents=latents[:num_samples, b],
            mean=shown[:, b].mean(axis=0, dtype=np.float64).astype(np.float32),
            stddev=stddev[b],
            low=low[b],
            high=high[b],
        )
        for b in range(images.shape[1])
    ]


def sample_metrics(
    draws: Draws,
    parameters: Mapping[str, np.ndarray],
    measurement: np.ndarray,
    *,
    observed: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    missing: np.ndarray | None = None,
    model_discrepancy_stddev: np.ndarray | float = 0.0,
) -> dict[str, np.ndarray]:
    """Returns metrics of the draws by name, each [B].

    Args:
        draws: see `summarise`.
        parameters: see `draw_samples`.
        measurement: y [B, ...].
        observed: bool, True = observed; None if every value is observed.
        truth: [B, H, W, C]; None if it is unknown.
        missing: bool [B, H, W, 1]; None without a mask.
        model_discrepancy_stddev: [B] or a number, grey levels; see `interval`.

    Returns:
        NAME, NAME_stddev: mean and, unless it is 0, standard deviation over the draws of each
            parameter; `noise_scale` in grey levels is one of them.
        discrepancy: the model discrepancy, as given.
        samples_residual: RMS distance of the predicted measurements from the measurement in grey
            levels, to compare with the noise scale.
        coverage_50, coverage_90 (with a truth): fraction of the true values in the central
            interval of the draws; with a mask, of the missing values.
        mean_rmse (with a truth): RMSE of the mean of the draws in grey levels.
    """
    _, images, predicted_measurements, merged = draws
    squares = [
        metrics.residual(measurement, y, observed=observed) ** 2 for y in predicted_measurements
    ]
    results = _moments(parameters) | {
        "samples_residual": np.sqrt(np.mean(squares, axis=0)),
        "discrepancy": np.broadcast_to(model_discrepancy_stddev, measurement.shape[:1]),
    }
    if truth is None:
        return results
    shown = np.clip(images if merged is None else merged, -1, 1)
    discrepancy = model_discrepancy_map(shown, model_discrepancy_stddev, missing=missing)
    for name, fraction in INTERVALS.items():
        results[name] = coverage(
            shown, truth, fraction=fraction, counted=missing, model_discrepancy_stddev=discrepancy
        )
    results["mean_rmse"] = metrics.image_metrics(shown.mean(axis=0), truth)["rmse"]
    return results


def misfit(metrics_of_image: Mapping[str, float]) -> str:
    """Returns a warning if an image's draws do not fit its measurement; else ''.

    Args:
        metrics_of_image: see `sample_metrics`; without a noise scale, or with NaN, there is no
            warning.

    Example:
        >>> misfit({"samples_residual": 4.0, "noise_scale": 3.0})
        ''
    """
    residual = metrics_of_image.get("samples_residual", math.nan)
    noise_scale = metrics_of_image.get("noise_scale", math.nan)
    if not residual > MISFIT_BOUND * noise_scale:
        return ""
    return (
        f"the samples, damaged again, are {residual:.1f} grey levels from the measurement, whose "
        f"noise scale is {noise_scale:.1f}: their spread means little. num_steps is too small, or "
        "noise_scale is"
    )


def coverage(
    draws: np.ndarray,
    truth: np.ndarray,
    *,
    fraction: float,
    counted: np.ndarray | None = None,
    model_discrepancy_stddev: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Returns the fraction [B] of the true values in the central `interval` of the draws.

    Args:
        draws: [S, B, ...].
        truth: [B, ...].
        fraction: fraction of the draws in the interval.
        counted: bool, broadcastable to the truth, the values that count; None counts all.
        model_discrepancy_stddev: grey levels, broadcastable to the truth.
    """
    low, high = interval(draws, fraction, model_discrepancy_stddev=model_discrepancy_stddev)
    inside = (low <= truth) & (truth <= high)
    counts = np.broadcast_to(True if counted is None else counted, inside.shape)
    axes = tuple(range(1, inside.ndim))
    number = counts.sum(axis=axes)
    return np.where(number > 0, (inside & counts).sum(axis=axes) / np.maximum(number, 1), np.nan)


def interval(
    draws: np.ndarray, fraction: float, *, model_discrepancy_stddev: np.ndarray | float = 0.0
) -> np.ndarray:
    """Returns bounds [2, ...] that contain the truth with the probability `fraction`.

    On average, k / (S + 1) of all further draws are below the k-th smallest of S draws. NumPy's
    default, (k - 1) / (S - 1), describes only the given draws: its 90 % interval of 64 draws
    contains 87 %.

    A model discrepancy, truth = image + N(0, discrepancy^2), widens the distances of the bounds
    from the median as it widens a normal distribution's, d -> sqrt(d^2 + (z discrepancy)^2).

    Args:
        draws: [S, ...].
        fraction: in (0, 1).
        model_discrepancy_stddev: standard deviation of the generator's error in grey levels,
            broadcastable to [...].

    Reference: Kennedy, O'Hagan, Bayesian calibration of computer models (2001).

    Example:
        >>> interval(np.arange(9.0), 0.5).tolist()
        [1.5, 6.5]
    """
    tail = 0.5 * (1.0 - fraction)
    low, middle, high = np.quantile(draws, [tail, 0.5, 1.0 - tail], axis=0, method="weibull")
    z = statistics.NormalDist().inv_cdf(1.0 - tail)
    added = z * np.asarray(model_discrepancy_stddev) / GREY_LEVELS_PER_UNIT
    bounds = middle - np.hypot(middle - low, added), middle + np.hypot(high - middle, added)
    # Without a discrepancy, equal draws have exactly their value as both bounds.
    return np.where(added > 0, bounds, (low, high)).astype(draws.dtype)


def model_discrepancy_map(
    draws: np.ndarray,
    model_discrepancy_stddev: np.ndarray | float,
    *,
    missing: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the model discrepancy of each pixel [B, H, W, C]: 0 for observed pixels.

    Args:
        draws: [S, B, H, W, C].
        model_discrepancy_stddev: [B] or a number, grey levels.
        missing: bool [B, H, W, 1], the pixels that are not observed; None counts all pixels.
    """
    unobserved = np.ones(draws.shape[1:], np.float32)
    if missing is not None:
        unobserved = unobserved * missing
    return unobserved * np.reshape(model_discrepancy_stddev, [-1, 1, 1, 1]).astype(np.float32)


def _moments(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns means and, unless they are 0, standard deviations [B] of parameters [S, B]."""
    moments = {}
    for name, values in parameters.items():
        values = values.astype(np.float64)
        moments[name] = values.mean(axis=0)
        if np.ptp(values, axis=0).any():
            moments[f"{name}_stddev"] = values.std(axis=0, ddof=1)
    return moments


def _stddev(draws: np.ndarray) -> np.ndarray:
    """Returns the standard deviation over the first axis in grey levels."""
    # In double precision, so that equal draws have exactly 0.
    return draws.astype(np.float64).std(axis=0, ddof=1) * GREY_LEVELS_PER_UNIT
