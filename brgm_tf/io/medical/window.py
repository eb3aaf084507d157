"""Grey windows of medical files: the values that are black and white."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from brgm_tf.core.errors import InputError

# Fraction of the values beyond either end of an estimated window.
_TAIL = 0.005


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
    if low == high:  # a small bright spot in an empty picture
        low, high = float(np.min(values)), float(np.max(values))
    if not high > low:
        raise InputError("input", f"{name} must hold values that differ", value=low)
    return Window(low, high)
