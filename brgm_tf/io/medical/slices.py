"""What slices of volumes have in common: which are asked for, their grey window, their place.

TensorFlow is not imported here.
"""

from __future__ import annotations

import abc
import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from brgm_tf.core.errors import InputError

PLANES = ("axial", "coronal", "sagittal")
AUTO = "auto"
# Shares of the values that 'auto' leaves at either end, where a file says no window.
_TAIL = 0.005
_RANGE = re.compile(r"(-?\d*):(-?\d*)(?::(-?\d+))?")


class Window(NamedTuple):
    """The values of a file that are black and white, in the file's unit; others are clipped."""

    low: float
    high: float

    def image_of(self, values: np.ndarray) -> np.ndarray:
        """2 (v - low) / (high - low) - 1, clipped to [-1, 1], as float32."""
        share = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return np.clip(2 * share - 1, -1, 1).astype(np.float32)

    def values_of(self, image: np.ndarray) -> np.ndarray:
        """low + (x + 1) (high - low) / 2, as float64: undoes `image_of` but for what it clipped."""
        return self.low + (np.asarray(image, np.float64) + 1) * 0.5 * (self.high - self.low)


def window_of(values: np.ndarray, *, name: str) -> Window:
    """The window of a file that says none: all but 0.5 % of the values at either end.

    Raises:
        InputError: the values do not differ.
    """
    low, high = (float(q) for q in np.quantile(values, (_TAIL, 1 - _TAIL)))
    if low == high:  # a bright spot in an empty picture
        low, high = float(np.min(values)), float(np.max(values))
    if not high > low:
        raise InputError("input", f"{name} must hold values that differ", value=low)
    return Window(low, high)


@dataclasses.dataclass(frozen=True)
class Slicing:
    """Which slices of volumes are wanted, and how their values become grey levels.

    Args:
        plane: one of `PLANES`, of a volume's slices.
        slices: 'middle', 'all', an index, or a range 'FIRST:END' or 'FIRST:END:STEP' as Python's,
            counted along the plane's axis from the feet, the back or the left of the patient.
        window: 'LOW:HIGH', the values that are black and white, or 'auto': the window that the
            file says, or else all but 0.5 % of the volume's values at either end.

    Raises:
        InputError: a value cannot be used.
    """

    plane: str = "axial"
    slices: str = "middle"
    window: str = AUTO

    def __post_init__(self):
        if self.plane not in PLANES:
            raise InputError("plane", "must be one of " + ", ".join(PLANES), plane=self.plane)
        self.indices(1, name="")
        _ = self.asked_window

    @property
    def asked_window(self) -> Window | None:
        """The window, None for 'auto'."""
        if self.window == AUTO:
            return None
        try:
            low, high = (float(text) for text in self.window.split(":"))
        except (ValueError, AttributeError):
            low = high = 0.0
        # Written so that NaN is refused too.
        if not (low < high and np.isfinite([low, high]).all()):
            raise InputError(
                "window",
                "must be 'auto' or LOW:HIGH, the values that become black and white",
                remedy="Such as --window=-1000:400",
                window=self.window,
            )
        return Window(low, high)

    def indices(self, count: int, *, name: str) -> list[int]:
        """The slices of `count` that are wanted.

        Raises:
            InputError: the text says none, or there are none of these in the volume of this name.
        """
        text = str(self.slices).strip()
        if text in ("middle", "all"):
            return [count // 2] if text == "middle" else list(range(count))
        found = self._range(text)
        if not name:  # the text alone is judged
            return []
        chosen = list(range(count))[found]
        if not chosen:
            raise InputError(
                "slices",
                f"must name slices of {name}, which has 0 to {count - 1} in this plane",
                slices=self.slices,
            )
        return chosen

    def _range(self, text: str) -> slice:
        match = _RANGE.fullmatch(text)
        step = int(match[3]) if match and match[3] else 1
        if match and step:
            return slice(*(int(part) if part else None for part in match.groups()[:2]), step)
        if re.fullmatch(r"-?\d+", text):
            index = int(text)
            return slice(index, index + 1 if index != -1 else None)
        raise InputError(
            "slices",
            "must be 'middle', 'all', an index or a range FIRST:END[:STEP]",
            slices=self.slices,
        )


class Square(NamedTuple):
    """The part of a slice that a restoration shows, and in how many pixels.

    A restoration's pixel i covers `scale` pixels of the slice from `first + i scale` on, so that
    its centre is at the index `start + i scale`.

    Args:
        top, left: the first row and column.
        side: of the square, pixels of the slice.
        resolution: pixels of the restoration along a side.
    """

    top: int
    left: int
    side: int
    resolution: int

    @classmethod
    def central(cls, shape: tuple[int, int], *, resolution: int) -> Square:
        """The part that `images.central_square` takes."""
        height, width = shape
        side = min(height, width)
        return cls((height - side) // 2, (width - side) // 2, side, resolution)

    @property
    def scale(self) -> float:
        """Pixels of the slice along a side of a pixel of the restoration."""
        return self.side / self.resolution

    def start(self, first: int) -> float:
        """The index in the slice of the centre of pixel 0, of a square that begins at `first`."""
        return first + (self.scale - 1) / 2


class Slice(abc.ABC):
    """One slice in a medical file, of which the header is read.

    Attributes:
        path: the file.
        name: that its results would like.
        shape: rows and columns, as shown.
        spacing: millimetres from row to row, and from column to column; None where unknown.
        inverted: whether small values are white.
        suffix: of files written in its geometry.
    """

    path: Path
    name: Path
    shape: tuple[int, int]
    spacing: tuple[float, float] | None
    inverted: bool
    suffix: str

    @abc.abstractmethod
    def load(self) -> tuple[np.ndarray, Window]:
        """The picture, float32 [h, w, 1] in [-1, 1], and its window.

        Raises:
            InputError: the file is damaged.
        """

    @abc.abstractmethod
    def encoded(self, values: np.ndarray, *, part: str, window: Window) -> bytes:
        """A file of this slice's kind, in its place in the patient.

        Args:
            values: [R, R] in the file's unit, of the slice's central square.
            part: what they are, such as 'reconstruction'.
            window: to show them in.
        """

    @property
    @abc.abstractmethod
    def about(self) -> Mapping[str, object]:
        """Where the slice is and how it is shown, for a table of the results."""

    def check_square_pixels(self) -> None:
        """Refuses a slice that would be shown distorted.

        Raises:
            InputError: rows and columns are not equally far apart, by more than 1 %.
        """
        if self.spacing is None:
            return
        rows, columns = self.spacing
        if abs(rows - columns) > 0.01 * max(rows, columns):
            raise InputError(
                "input",
                f"{self.name.stem} must have square pixels",
                remedy="Choose another plane, or resample the volume",
                millimetres=f"{rows:.3g} x {columns:.3g}",
            )


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where a restored slice belongs, and how its grey levels become values again.

    Args:
        source: the slice that was restored.
        window: in which it was read.
    """

    source: Slice
    window: Window

    @property
    def about(self) -> Mapping[str, object]:
        """The slice and its window, for a table of the results."""
        return {**self.source.about, "window": list(self.window)}

    def as_image(self, image: np.ndarray, *, part: str) -> bytes:
        """A file of a picture [R, R, C] in [-1, 1] of the slice's central square."""
        grey = np.mean(image, axis=-1)
        values = self.window.values_of(-grey if self.source.inverted else grey)
        return self.source.encoded(values, part=part, window=self.window)

    def deviation(self, levels: np.ndarray, *, part: str) -> bytes:
        """A file of a standard deviation [R, R] in grey levels, in the slice's unit."""
        values = np.asarray(levels, np.float64) * (self.window.high - self.window.low) / 255
        shown = Window(0.0, float(values.max()) or 1.0)
        return self.source.encoded(values, part=part, window=shown)
