"""Low-pass filters that PyTorch checkpoints store among the weights."""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError

_MAX_TAPS = 64


def remove_filters(
    arrays: dict[str, np.ndarray], *, names: list[str], taps: list, gain: float, argument: str
) -> dict[str, np.ndarray]:
    """Checks the filters and returns `arrays` without them.

    Args:
        arrays: Tensors by their names in the file. A separable filter may have one axis.
        names: Names of the filters of the network.
        taps: Taps of the network's resample_filter, with one or two axes.
        gain: Factor of the stored filters.
        argument: Name of the argument (or flag) that gave the file.

    Raises:
        InputError: a filter is missing or differs from `gain` times `taps`.
    """
    expected = gain * _as_plane(taps)
    for name in names:
        if name not in arrays or not _is_filter(arrays[name], expected):
            raise InputError(
                argument,
                "must store the low-pass filter of its options for every layer",
                tensor=name,
                taps=taps,
                missing=name not in arrays,
            )
    return {name: array for name, array in arrays.items() if name not in set(names)}


def _is_filter(array: np.ndarray, expected: np.ndarray) -> bool:
    array = np.outer(array, array) if array.ndim == 1 else array
    return array.shape == expected.shape and np.allclose(array, expected, atol=1e-3)


def _as_plane(taps: list) -> np.ndarray:
    """Returns the two-dimensional filter of one- or two-dimensional taps, with the sum 1."""
    plane = np.asarray(taps, "float64")
    plane = np.outer(plane, plane) if plane.ndim == 1 else plane
    return plane / plane.sum()


def taps_of(array: np.ndarray) -> list:
    """Returns the taps of a stored filter, with one axis if it is separable, else with two.

    Args:
        array: [n, n], the filter times any gain.

    Raises:
        ValueError: the array is not square, is too large, is not finite, or has the sum 0.

    Example:
        >>> taps_of(np.array([[1.0, 1.0], [1.0, 1.0]]))
        [0.5, 0.5]
    """
    if array.ndim != 2 or array.size > _MAX_TAPS**2 or not np.isfinite(array).all():
        raise ValueError("a filter must be a square of a few numbers")
    if not array.sum():
        raise ValueError("a filter's sum is zero")
    plane = np.asarray(array, "float64") / np.sum(array)
    line = plane.sum(axis=1)
    return (line if np.allclose(np.outer(line, line), plane, atol=1e-6) else plane).tolist()
