"""Displays of medical files that are not linear: the sigmoid and lookup tables of DICOM."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from brgm_tf.core.errors import InputError


class Sigmoid(NamedTuple):
    """The display 2 / (1 + exp(-4 (v - center) / width)) - 1 of values v.

    Args:
        center: Value that is mid-grey.
        width: Width of the window.

    Example:
        >>> display = Sigmoid(40.0, 8.0)
        >>> display.to_image(np.array([40.0, 42.0])).astype(str).tolist()
        ['0.0', '0.46211717']
        >>> display.to_values(display.to_image(np.array([42.0]))).round(3).tolist()
        [42.0]

    Reference: DICOM PS3.3 C.11.2.1.3.1.
    """

    center: float
    width: float

    @property
    def about(self) -> Mapping[str, object]:
        """Center and width."""
        return {"sigmoid": {"center": self.center, "width": self.width}}

    def to_image(self, values: np.ndarray) -> np.ndarray:
        """Returns the values as an image, float32 in [-1, 1]."""
        # The logistic function is a hyperbolic tangent, which never overflows.
        values = np.asarray(values, np.float64)
        return np.tanh(2 * (values - self.center) / self.width).astype(np.float32)

    def to_values(self, image: np.ndarray) -> np.ndarray:
        """Returns an image as float64 values; black and white are half a grey level inside."""
        image = np.clip(np.asarray(image, np.float64), -1 + 1 / 255, 1 - 1 / 255)
        return self.center + self.width / 2 * np.arctanh(image)


@dataclasses.dataclass(frozen=True, eq=False)
class LookupTable:
    """The display that a table of grey levels defines.

    Args:
        first: Value that has the first grey level; smaller values have it as well.
        levels: Grey levels of consecutive values in [-1, 1], [N]; larger values have the last
            one.

    Raises:
        InputError: the levels do not rise or fall throughout.

    Example:
        >>> display = LookupTable(100, np.array([-1.0, -0.5, 1.0]))
        >>> display.to_image(np.array([0, 101, 200])).tolist()
        [-1.0, -0.5, 1.0]
        >>> display.to_values(np.array([-0.75])).tolist()
        [100.5]

    Reference: DICOM PS3.3 C.11.2.1.1.
    """

    first: int
    levels: np.ndarray

    def __post_init__(self):
        steps = np.diff(self.levels)
        if not steps.any() or ((steps < 0).any() and (steps > 0).any()):
            raise InputError(
                "input",
                "must have a VOI LUT whose grey levels rise or fall throughout",
                remedy="Give --window=LOW:HIGH, which is used instead",
            )

    @property
    def about(self) -> Mapping[str, object]:
        """First and last value of the table."""
        return {"lookup_table": [self.first, self.first + len(self.levels) - 1]}

    def to_image(self, values: np.ndarray) -> np.ndarray:
        """Returns the values as an image, float32 in [-1, 1]."""
        indices = np.rint(np.asarray(values, np.float64)) - self.first
        indices = np.clip(indices, 0, len(self.levels) - 1).astype(np.intp)
        return self.levels[indices].astype(np.float32)

    def to_values(self, image: np.ndarray) -> np.ndarray:
        """Returns an image as float64 values, by interpolation between the levels.

        A level of several values gives their middle, and the extreme levels give the value next
        to the other levels, as the ends of a window do.
        """
        levels, first, counts = np.unique(self.levels, return_index=True, return_counts=True)
        last = first + counts - 1
        indices = (first + last) / 2
        rises = self.levels[-1] > self.levels[0]
        indices[0], indices[-1] = (last[0], first[-1]) if rises else (first[0], last[-1])
        return self.first + np.interp(np.asarray(image, np.float64), levels, indices)
