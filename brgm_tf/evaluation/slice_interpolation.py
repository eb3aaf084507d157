"""Interpolation between thick slices: the baseline of volumes."""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError

METHODS = ("linear", "cubic")


def interpolate_slices(
    measured: np.ndarray, *, factor: int, count: int, method: str = "linear"
) -> np.ndarray:
    """Returns slices [count, ...] between the centres of measured slices [S', ...].

    Slices beyond the centre of the first or last measured slice have the values of that slice.

    Args:
        measured: Measured slices.
        factor: Number of slices for each measured slice.
        count: Number of slices.
        method: 'linear', or 'cubic' for a cubic spline (SciPy).

    Raises:
        InputError: The method has another name.

    Example:
        >>> interpolate_slices(np.array([0.0, 4.0]), factor=2, count=4).tolist()
        [0.0, 1.0, 3.0, 4.0]
    """
    if method not in METHODS:
        raise InputError("method", "must be linear or cubic", method=method)
    if len(measured) == 1:
        return np.repeat(measured, count, axis=0)
    centres = (np.arange(len(measured)) + 0.5) * factor - 0.5
    positions = np.clip(np.arange(count), centres[0], centres[-1])
    if method == "cubic":
        from scipy.interpolate import CubicSpline

        return CubicSpline(centres, measured)(positions)
    after = np.clip(np.searchsorted(centres, positions), 1, len(centres) - 1)
    weight = (positions - centres[after - 1]) / factor
    weight = weight.reshape(-1, *[1] * (measured.ndim - 1))
    return (1 - weight) * measured[after - 1] + weight * measured[after]
