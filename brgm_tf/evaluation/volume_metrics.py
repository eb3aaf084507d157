"""Metrics of volumes, in grey levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.evaluation.metrics import image_metrics


def volume_metrics(restored: Any, truth: Any) -> dict[str, float]:
    """Returns metrics of a volume.

        rmse     = 127.5 sqrt(mean (x - t)^2)
        flicker  = 127.5 sqrt(mean ((x_{s+1} - x_s) - (t_{s+1} - t_s))^2)

    `ssim_1` and `ssim_2` are the means of SSIM over the slices of the two other planes: of rows,
    and of columns. `flicker` is 0 for a volume of one slice.

    Args:
        restored: x [S, H, W] in [-1, 1].
        truth: t [S, H, W] in [-1, 1]; NaN where it is unknown, which counts as no error.

    Example:
        >>> truth = np.zeros([12, 16, 16])
        >>> round(volume_metrics(truth + 2 / 255, truth)["rmse"], 6)
        1.0
    """
    truth = np.asarray(truth, np.float64)
    restored = np.where(np.isfinite(truth), np.asarray(restored, np.float64), 0.0)
    truth = np.nan_to_num(truth)
    error = restored - truth
    changes = np.diff(error, axis=0)
    metrics = {"rmse": _levels(error), "flicker": _levels(changes) if changes.size else 0.0}
    for number, axis in ((1, 1), (2, 2)):
        first, second = (np.moveaxis(v, axis, 0)[..., None] for v in (restored, truth))
        metrics[f"ssim_{number}"] = float(np.mean(image_metrics(first, second)["ssim"]))
    return metrics


def _levels(values: np.ndarray) -> float:
    return float(GREY_LEVELS_PER_UNIT * np.sqrt(np.mean(np.square(values))))
