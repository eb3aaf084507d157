"""Low-pass filters that PyTorch checkpoints store beside the weights."""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError

_MOST_TAPS = 64


def take(
    arrays: dict[str, np.ndarray], *, names: list[str], taps: list, gain: float, argument: str
) -> dict[str, np.ndarray]:
    """Returns `arrays` without the filters, which must be those of `taps`, times `gain`.

    Args:
        arrays: tensors by their names in the file; filters that are separable may have
            one axis.
        names: of the filters that the network has.
        taps: of the network's resample_filter, with one or two axes.
        gain: of the stored filters.
        argument: name of the argument (or flag) that the file was given by.

    Raises:
        InputError: a filter is missing, or is another one.
    """
    expected = gain * _plane(taps)
    for name in names:
        if name not in arrays or not _is_filter(arrays[name], expected):
            raise InputError(
                argument,
                "must have one low-pass filter, that of its options, in every place",
                tensor=name,
                taps=taps,
                missing=name not in arrays,
            )
    return {name: array for name, array in arrays.items() if name not in set(names)}


def _is_filter(array: np.ndarray, expected: np.ndarray) -> bool:
    array = np.outer(array, array) if array.ndim == 1 else array
    return array.shape == expected.shape and np.allclose(array, expected, atol=1e-3)


def _plane(taps: list) -> np.ndarray:
    """The two-dimensional filter of one- or two-dimensional taps, of sum one."""
    taps = np.asarray(taps, "float64")
    taps = np.outer(taps, taps) if taps.ndim == 1 else taps
    return taps / taps.sum()


def taps_of(array: np.ndarray) -> list:
    """The taps of a stored filter: with one axis where it is an outer square, else with two.

    Args:
        array: [n, n], the filter times any gain.

    Raises:
        ValueError: it is no filter of a few taps whose sum is not zero.
    """
    if array.ndim != 2 or array.size > _MOST_TAPS**2 or not np.isfinite(array).all():
        raise ValueError("a filter is no square of a few numbers")
    if not array.sum():
        raise ValueError("a filter's sum is zero")
    filter = np.asarray(array, "float64") / np.sum(array)
    line = filter.sum(axis=1)
    return (line if np.allclose(np.outer(line, line), filter, atol=1e-6) else filter).tolist()
