"""Grey windows of medical files: the values that are black and white.

A display maps the values of a file to an image and back. `Window` is the linear display; see
`curves` for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from brgm_tf.core.errors import InputError

# Fraction of the values beyond either end of an estimated window.
_TAIL = 0.005


class Display(Protocol):
    """A map between the values of a file and an image."""

    @property
    def about(self) -> Mapping[str, object]:
        """Parameters of the display, for a table of the results."""
        ...

    def to_image(self, values: np.ndarray) -> np.ndarray:
        """Returns the values as an image, float32 in [-1, 1]."""
        ...

    def to_values(self, image: np.ndarray) -> np.ndarray:
        """Returns an image as float64 values in the unit of the file."""
        ...


class Window(NamedTuple):
    """The values of a file that are black and white, in the unit of the file.

    Args:
        low: Value that is black; smaller values are clipped.
        high: Value that is white; larger values are clipped.

    Example:
        >>> window = Window(-100.0, 300.0)
        >>> window.to_image(np.array([-200.0, 100.0, 300.0])).tolist()
        [-1.0, 0.0, 1.0]
        >>> window.to_values(np.array([0.0])).tolist()
        [100.0]
    """

    low: float
    high: float

    @property
    def about(self) -> Mapping[str, object]:
        """Black and white."""
        return {"window": [self.low, self.high]}

    def to_image(self, values: np.ndarray) -> np.ndarray:
        """Returns 2 (v - low) / (high - low) - 1, clipped to [-1, 1], as float32."""
        fraction = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return np.clip(2 * fraction - 1, -1, 1).astype(np.float32)

    def to_values(self, image: np.ndarray) -> np.ndarray:
        """Returns low + (x + 1) (high - low) / 2 as float64, the inverse of `to_image`."""
        return self.low + (np.asarray(image, np.float64) + 1) * 0.5 * (self.high - self.low)


def estimate_window(values: np.ndarray, *, name: str) -> Window:
    """Returns the window that clips 0.5 % of the values at either end.

    Args:
        values: Values of any shape.
        name: Name of the file, for errors.

    Raises:
        InputError: all values are equal.
    """
    low, high = (float(q) for q in np.quantile(values, (_TAIL, 1 - _TAIL)))
    return _checked(low, high, extremes=(float(np.min(values)), float(np.max(values))), name=name)


def estimate_common_window(arrays: Iterable[np.ndarray], *, name: str) -> Window:
    """Returns the window that `estimate_window` gives for all values of several arrays.

    The arrays are read one by one, and only their different values are kept.

    Args:
        arrays: Arrays of any shapes.
        name: Name of a file, for errors.

    Raises:
        InputError: all values are equal, or there is no value.

    Example:
        >>> window = estimate_common_window([np.arange(101.0), np.arange(101.0, 201)], name="a")
        >>> tuple(round(end, 9) for end in window)
        (1.0, 199.0)
    """
    values, counts = np.zeros(0), np.zeros(0, np.int64)
    for array in arrays:
        new_values, new_counts = np.unique(array, return_counts=True)
        values, indices = np.unique(np.concatenate([values, new_values]), return_inverse=True)
        all_counts = np.concatenate([counts, new_counts])
        counts = np.bincount(indices, all_counts, minlength=len(values)).astype(np.int64)
    if not len(values):
        raise InputError("input", f"{name} must hold values that differ", values=0)
    low, high = (_counted_quantile(values, counts, q) for q in (_TAIL, 1 - _TAIL))
    return _checked(low, high, extremes=(float(values[0]), float(values[-1])), name=name)


def _counted_quantile(values: np.ndarray, counts: np.ndarray, q: float) -> float:
    """Returns a quantile of sorted values that occur `counts` times, as `np.quantile` does."""
    ends = np.cumsum(counts)
    position = q * (ends[-1] - 1)
    below = int(position)
    first, second = np.searchsorted(ends, [below, min(below + 1, ends[-1] - 1)], side="right")
    return float(values[first] + (position - below) * (values[second] - values[first]))


def _checked(low: float, high: float, *, extremes: tuple[float, float], name: str) -> Window:
    if low == high:  # a small bright spot in an empty picture
        low, high = extremes
    if not high > low:
        raise InputError("input", f"{name} must hold values that differ", value=low)
    return Window(low, high)
