"""What draws from the posterior say of each image: samples, moments, intervals, coverage.

Notation: S draws, B images; x [S, B, H, W, C] their images in [-1, 1], with the known pixels
put back where there are such; t [B, H, W, C] the truth; quantiles run over the draws.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping

import numpy as np

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.evaluation import metrics
from brgm_tf.reporting.results import PosteriorSamples

# Draws that moments and quantiles are taken from; more than one would look at.
STATISTICS_DRAWS = 64
MISFIT_BOUND = 1.5  # of the draws' distance from the measurement, in noise scales
INTERVALS = {"coverage_50": 0.5, "coverage_90": 0.9}


def draw_samples(
    estimator, fit, *, render: Callable, num_samples: int, seed: int, dispersion_factor: float = 1.0
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Draws from a fitted posterior, rendered one after another.

    Args:
        estimator: an `estimators.base.Sampler`.
        fit: what it fitted.
        render: ws [B, L, D], unknown parameters [B] by name -> (images, images corrupted again,
            images merged or None).
        num_samples: restorations that are shown; statistics take `STATISTICS_DRAWS` at least.
        seed: of the draws.
        dispersion_factor: how much further than drawn the coordinates v are from the mean m of all
            draws, m + spread (v - m): a correction of what is known to be too narrow or wide.

    Returns:
        Latents, images, re-corrupted and merged images, each [S, B, ...] (merged: or None),
        and the parameters [S, B] by name as of `Estimator.parameters`.
    """
    count = max(num_samples, STATISTICS_DRAWS)
    coordinates = estimator.draw(fit, num_samples=count, seed=seed)
    if dispersion_factor != 1.0:
        mean = coordinates.numpy().mean(axis=0)
        coordinates = mean + dispersion_factor * (coordinates - mean)
    parts, parameters = [], []
    for v in coordinates:
        ws, own = estimator.latents(v), estimator.parameters(v)
        parts.append([None if a is None else a.numpy() for a in (ws, *render(ws, own))])
        parameters.append({name: values.numpy() for name, values in own.items()})
    columns = zip(*parts, strict=True)
    pictures = [None if c[0] is None else np.stack(c) for c in columns]
    return pictures, {name: np.stack([own[name] for own in parameters]) for name in parameters[0]}


def summarise(
    drawn, *, num_samples: int, model_discrepancy_stddev=0.0, missing=None
) -> list[PosteriorSamples]:
    """The `PosteriorSamples` of each image.

    Args:
        drawn: what `draw_samples` returns first.
        num_samples: images that are kept.
        model_discrepancy_stddev: [B] or a number, grey levels, see `interval`; the standard deviation has
            it, too.
        missing: bool [B, H, W, 1], the pixels that are not known; None if none is.
    """
    latents, pictures, _, merged = drawn
    shown = np.clip(pictures if merged is None else merged, -1, 1)
    unknown = model_discrepancy_map(shown, model_discrepancy_stddev, missing=missing)
    low, high = interval(shown, 0.9, model_discrepancy_stddev=unknown)
    stddev = np.hypot(_stddev(shown), unknown).astype(np.float32)
    return [
        PosteriorSamples(
            images=pictures[:num_samples, b],
            merged=None if merged is None else merged[:num_samples, b],
            latents=latents[:num_samples, b],
            mean=shown[:, b].mean(axis=0, dtype=np.float64).astype(np.float32),
            stddev=stddev[b],
            low=low[b],
            high=high[b],
        )
        for b in range(pictures.shape[1])
    ]


def figures_of(
    drawn,
    parameters,
    measurement,
    *,
    observed=None,
    truth=None,
    missing=None,
    model_discrepancy_stddev=0.0,
) -> dict[str, np.ndarray]:
    """Figures of the draws, each [B].

    Args:
        drawn, parameters: what `draw_samples` returns.
        measurement: y [B, ...].
        observed: bool, True = observed; None if everything is.
        truth: [B, H, W, C]; None if unknown.
        missing: bool [B, H, W, 1]; None without a mask.
        model_discrepancy_stddev: [B] or a number, grey levels, see `interval`.

    Returns:
        of each parameter NAME its mean over the draws and, as NAME_stddev, its standard
            deviation, where that is not 0: `noise_scale`, grey levels, among them.
        model_discrepancy_stddev: as given.
        samples_residual: RMS distance of the draws, corrupted again, from the measurement,
            grey levels, to be compared with the noise scale.
        coverage_50, coverage_90 (with a truth): share of the true values inside the central
            interval of the draws; with a mask of the missing ones alone.
        mean_rmse (with a truth): RMSE of the mean of the draws, grey levels.
    """
    _, pictures, predicted_measurement, merged = drawn
    squares = [
        metrics.residual(measurement, y, observed=observed) ** 2 for y in predicted_measurement
    ]
    found = _moments(parameters) | {
        "samples_residual": np.sqrt(np.mean(squares, axis=0)),
        "model_discrepancy_stddev": np.broadcast_to(
            model_discrepancy_stddev, measurement.shape[:1]
        ),
    }
    if truth is None:
        return found
    shown = np.clip(pictures if merged is None else merged, -1, 1)
    unknown = model_discrepancy_map(shown, model_discrepancy_stddev, missing=missing)
    for name, share in INTERVALS.items():
        found[name] = coverage(
            shown, truth, share=share, counted=missing, model_discrepancy_stddev=unknown
        )
    found["mean_rmse"] = metrics.image_metrics(shown.mean(axis=0), truth)["rmse"]
    return found


def _moments(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Means and, where they are not 0, standard deviations [B] of parameters [S, B]."""
    found = {}
    for name, values in parameters.items():
        values = values.astype(np.float64)
        found[name] = values.mean(axis=0)
        if np.ptp(values, axis=0).any():
            found[f"{name}_stddev"] = values.std(axis=0, ddof=1)
    return found


def misfit(figures: Mapping[str, float]) -> str:
    """A line for the user where an image's draws do not fit its measurement; '' where they do.

    Args:
        figures: of one image, by name; none or NaN where an estimator has no noise scale.
    """
    residual = figures.get("samples_residual", math.nan)
    noise_scale = figures.get("noise_scale", math.nan)
    if not residual > MISFIT_BOUND * noise_scale:
        return ""
    return (
        f"the samples, damaged again, are {residual:.1f} grey levels from the measurement, whose "
        f"noise scale is {noise_scale:.1f}: their spread means little. num_steps is too small, or "
        "noise_scale is"
    )


def coverage(
    draws, truth, *, share: float, counted=None, model_discrepancy_stddev=0.0
) -> np.ndarray:
    """Share [B] of the true values inside the central `interval` of the draws.

    Args:
        draws: [S, B, ...].
        truth: [B, ...].
        share: of the draws that the interval holds.
        counted: bool, broadcastable to the truth: which values count; None for all.
        model_discrepancy_stddev: grey levels, broadcastable to the truth.
    """
    low, high = interval(draws, share, model_discrepancy_stddev=model_discrepancy_stddev)
    inside = (low <= truth) & (truth <= high)
    counted = np.broadcast_to(True if counted is None else counted, inside.shape)
    axes = tuple(range(1, inside.ndim))
    number = counted.sum(axis=axes)
    return np.where(number > 0, (inside & counted).sum(axis=axes) / np.maximum(number, 1), np.nan)


def interval(draws, share: float, *, model_discrepancy_stddev=0.0) -> np.ndarray:
    """Bounds [2, ...] that the truth lies between with the probability `share`.

    The k-th smallest of S draws has k / (S + 1) of all further ones below it, on average; NumPy's
    own (k - 1) / (S - 1) is about the draws at hand, and of 64 its 90 % interval holds 87 %.

    A model discrepancy, truth = image + N(0, discrepancy^2), widens the distances of the bounds
    from the median as it would a normal distribution's, d -> sqrt(d^2 + (z discrepancy)^2).

    Args:
        draws: [S, ...].
        share: in (0, 1).
        model_discrepancy_stddev: standard deviation of what no draw has, grey levels; broadcastable [...].

    Reference: Kennedy, O'Hagan, Bayesian calibration of computer models (2001).
    """
    tail = 0.5 * (1.0 - share)
    low, middle, high = np.quantile(draws, [tail, 0.5, 1.0 - tail], axis=0, method="weibull")
    z = statistics.NormalDist().inv_cdf(1.0 - tail)
    added = z * np.asarray(model_discrepancy_stddev) / GREY_LEVELS_PER_UNIT
    bounds = middle - np.hypot(middle - low, added), middle + np.hypot(high - middle, added)
    # Bounds of draws that are all alike are that value, exactly.
    bounds = np.where(added > 0, bounds, (low, high))
    return bounds.astype(draws.dtype)


def model_discrepancy_map(draws, model_discrepancy_stddev, *, missing=None) -> np.ndarray:
    """The discrepancy of each pixel [B, H, W, C] of draws [S, B, H, W, C]: 0 of known ones.

    Args:
        draws: [S, B, H, W, C].
        model_discrepancy_stddev: [B] or a number, grey levels.
        missing: bool [B, H, W, 1], the pixels that are not known; None if none is.
    """
    unknown = np.ones(draws.shape[1:], np.float32)
    unknown = unknown if missing is None else unknown * missing
    return unknown * np.reshape(model_discrepancy_stddev, [-1, 1, 1, 1]).astype(np.float32)


def _stddev(draws) -> np.ndarray:
    """In grey levels, over the first axis; in double precision, for a known pixel has none."""
    return draws.astype(np.float64).std(axis=0, ddof=1) * GREY_LEVELS_PER_UNIT
