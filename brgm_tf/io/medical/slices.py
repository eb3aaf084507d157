"""Slices of medical files: the interface of a format, and geometry.

TensorFlow is not imported here.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.io.medical.slicing import AUTO, PLANES, Slicing
from brgm_tf.io.medical.window import Display, Window, estimate_window
from brgm_tf.io.sources import Content, Header

__all__ = [
    "AUTO",
    "PLANES",
    "Display",
    "Geometry",
    "Slice",
    "Slicing",
    "Square",
    "Window",
    "estimate_window",
]


class Square(NamedTuple):
    """The part of a slice that a restoration shows, and its number of pixels.

    Pixel i of a restoration covers `scale` pixels of the slice, from `first + i scale` on. Its
    centre has the index `start + i scale`.

    Args:
        top: First row.
        left: First column.
        side: Side of the square in pixels of the slice.
        resolution: Side of the restoration in its pixels.
    """

    top: int
    left: int
    side: int
    resolution: int

    @classmethod
    def central(cls, shape: tuple[int, int], *, resolution: int) -> Square:
        """Returns the square that `images.crop_square` takes.

        Example:
            >>> Square.central((6, 10), resolution=3)
            Square(top=0, left=2, side=6, resolution=3)
        """
        height, width = shape
        side = min(height, width)
        return cls((height - side) // 2, (width - side) // 2, side, resolution)

    @property
    def scale(self) -> float:
        """Side of a pixel of the restoration in pixels of the slice."""
        return self.side / self.resolution

    def start(self, first: int) -> float:
        """Returns the index of the centre of pixel 0, for a square that begins at `first`."""
        return first + (self.scale - 1) / 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slice(abc.ABC):
    """One slice in a medical file whose header has been read; a `Source`.

    Args:
        path: Path of the file.
        name: Path that names the results.
        shape: Number of rows and columns, as displayed.
        spacing: Millimetres between rows and between columns; None if unknown.
        window: Window that the user chose; None for the window of the file.
        inverted: Whether small values are white.

    Attributes:
        suffix: Suffix of files written in the geometry of the slice.
    """

    path: Path
    name: Path
    shape: tuple[int, int]
    spacing: tuple[float, float] | None
    window: Window | None
    inverted: bool = False

    suffix: ClassVar[str]

    @abc.abstractmethod
    def read(self) -> tuple[np.ndarray, Display]:
        """Returns the picture, float32 [h, w, 1] in [-1, 1], and its display.

        Raises:
            InputError: the file is damaged.
        """

    @abc.abstractmethod
    def encode(
        self, values: np.ndarray, *, part: str, display: Display, is_deviation: bool = False
    ) -> bytes:
        """Encodes values as a file of the same format, placed in the patient.

        Args:
            values: [R, R] in the unit of the file, of the central square of the slice.
            part: Word for the values, such as 'reconstruction'.
            display: Display of the values.
            is_deviation: Whether the values are standard deviations, whose unit has no offset.
        """

    @property
    @abc.abstractmethod
    def about(self) -> Mapping[str, object]:
        """Position of the slice and directions of its axes, for a table of the results."""

    def header(self) -> Header:
        """Returns the displayed size and checks that the pixels are square.

        Raises:
            InputError: the distances of rows and of columns differ by more than 1 %.
        """
        spacing = self.spacing
        if spacing is not None and abs(spacing[0] - spacing[1]) > 0.01 * max(spacing):
            raise InputError(
                "input",
                f"{self.name.stem} must have square pixels",
                remedy="Choose another plane, or resample the volume",
                spacing="{:.3g} x {:.3g}".format(*spacing),
            )
        return Header(*self.shape)

    def check_contents(self) -> None:
        """Checks that the slice can be decoded, and that its restorations can be encoded.

        Raises:
            InputError: the file is damaged or its values cannot be displayed, the decoder is not
                installed, or an element cannot be written.
        """
        _, display = self.read()
        values = display.to_values(np.zeros((1, 1)))
        try:
            self.encode(values, part="check", display=display)
        except InputError:
            raise
        # Writers of damaged elements raise ValueError, TypeError, struct.error and more.
        except Exception as error:
            raise InputError(
                "input",
                f"{self.path.name} must have elements that can be written, because results are "
                "copies of it",
                remedy="Repair the file, or convert it to PNG",
                path=str(self.path),
                reason=" ".join(str(error).split()) or type(error).__name__,
            ) from None

    def load(self, *, channels: int) -> Content:
        """Returns the picture, repeated in all channels, and its geometry."""
        picture, display = self.read()
        return Content(np.repeat(picture, channels, axis=-1), Geometry(self, display))


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Place of a restored slice in the patient, and the unit of its values.

    Args:
        source: Slice that was restored.
        display: Display in which it was read.
    """

    source: Slice
    display: Display

    @property
    def about(self) -> Mapping[str, object]:
        """Position and display of the slice, for a table of the results."""
        return {**self.source.about, **self.display.about}

    def encode_image(self, image: np.ndarray, *, part: str) -> bytes:
        """Encodes an image [R, R, C] in [-1, 1] of the central square in the slice's format."""
        return self.source.encode(self._to_values(image), part=part, display=self.display)

    def encode_stddev(self, levels: np.ndarray, *, mean: np.ndarray, part: str) -> bytes:
        """Encodes a standard deviation in the slice's unit.

        A display that is not linear is replaced by its chord over one standard deviation on either
        side of the mean.

        Args:
            levels: Standard deviation in grey levels, [R, R].
            mean: Mean image, [R, R, C] in [-1, 1].
            part: Word for the values.
        """
        stddev = np.asarray(levels, np.float64)[..., None] / GREY_LEVELS_PER_UNIT
        centre = np.mean(mean, axis=-1, keepdims=True, dtype=np.float64)
        # One grey level at least, so that the chord has a slope.
        reach = np.maximum(np.nan_to_num(stddev, nan=1, posinf=1), 1 / GREY_LEVELS_PER_UNIT)
        low, high = (np.clip(centre + sign * reach, -1, 1) for sign in (-1, 1))
        slope = np.abs(self._to_values(high) - self._to_values(low)) / (high - low)[..., 0]
        values = stddev[..., 0] * slope
        white = float(np.max(values, where=np.isfinite(values), initial=0)) or 1.0
        return self.source.encode(values, part=part, display=Window(0.0, white), is_deviation=True)

    def _to_values(self, image: np.ndarray) -> np.ndarray:
        """Returns an image [R, R, C] as values [R, R] in the unit of the file."""
        grey = np.asarray(image, np.float64).mean(axis=-1)
        return self.display.to_values(-grey if self.source.inverted else grey)
