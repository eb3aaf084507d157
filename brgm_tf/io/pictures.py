"""Pictures as sources: image files, PIL images and arrays.

TensorFlow is not imported here.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import images
from brgm_tf.io.opening import Frame
from brgm_tf.io.sources import Content, Header
from brgm_tf.io.stacks import frame_name

_REMEDY = "Give uint8 grey levels, or floats: levels / 127.5 - 1"
_TOLERANCE = 0.001  # by which rounding may exceed [-1, 1]


@dataclasses.dataclass(frozen=True)
class PictureFile:
    """An image file.

    Args:
        path: Path of the file.

    Example:
        >>> from brgm_tf.io import find_images
        >>> source = PictureFile(find_images("example:astronaut_32")[0])
        >>> source.header().height
        32
        >>> source.load(channels=1).image.shape
        (32, 32, 1)
    """

    path: Path

    @property
    def name(self) -> Path:
        """Path of the file."""
        return self.path

    def header(self) -> Header:
        """Returns the displayed size, from the header of the file."""
        width, height = images.image_size(self.path)
        return Header(height, width)

    def load(self, *, channels: int) -> Content:
        """Decodes the file."""
        return images.load_content(self.path, channels=channels)


@dataclasses.dataclass(frozen=True)
class PictureFrame:
    """A frame of an animation, or a page of a stack.

    Args:
        path: Path of the file.
        frame: Number of the frame, from 0.

    Example:
        >>> PictureFrame(Path("stack.tif"), 2).name
        PosixPath('stack_p0003.tif')
    """

    path: Path
    frame: int

    @property
    def name(self) -> Path:
        """Path with the number of the frame."""
        return self.path.with_stem(frame_name(self.path.stem, self.frame))

    def header(self) -> Header:
        """Returns the displayed size."""
        width, height = images.image_size(Frame(self.path, self.frame))
        return Header(height, width)

    def load(self, *, channels: int) -> Content:
        """Decodes the frame."""
        return images.load_content(Frame(self.path, self.frame), channels=channels)


@dataclasses.dataclass(frozen=True, eq=False)
class PillowImage:
    """An image of the Pillow library.

    Args:
        picture: The image; it is decoded as its file would be.

    Example:
        >>> PillowImage(Image.new("L", (4, 3), 255)).load(channels=3).image.shape
        (3, 4, 3)
    """

    picture: Image.Image

    @property
    def name(self) -> Path | None:
        """Path that the image was opened from; None for an image made in memory."""
        path = getattr(self.picture, "filename", "")
        return Path(path) if path else None

    def header(self) -> Header:
        """Returns the displayed size."""
        width, height = images.image_size(self.picture)
        return Header(height, width)

    def load(self, *, channels: int) -> Content:
        """Converts the image to floats."""
        return images.load_content(self.picture, channels=channels)


@dataclasses.dataclass(frozen=True, eq=False)
class PictureArray:
    """An array of grey levels or colours.

    Args:
        values: uint8 grey levels in [0, 255], or floats in [-1, 1], [h, w, C].

    Example:
        >>> PictureArray(np.full((2, 2, 1), 255, np.uint8)).load(channels=1).image.max()
        np.float32(1.0)
        >>> PictureArray(np.full((2, 2, 1), 255.0)).header()
        Traceback (most recent call last):
        brgm_tf.core.errors.InputError: `input` must hold floats in [-1, 1]. Give uint8 grey \
levels, or floats: levels / 127.5 - 1. Received: low=255.0, high=255.0
    """

    values: np.ndarray

    @property
    def name(self) -> None:
        """None: an array has no name."""
        return

    def header(self) -> Header:
        """Returns the shape and checks type and range of the values."""
        values = self.values
        if values.ndim != 3 or not values.size:
            raise InputError("input", "must be arrays [h, w, channels]", shape=values.shape)
        if values.dtype == np.uint8:
            return Header(*values.shape)
        if values.dtype.kind != "f":
            raise InputError(
                "input",
                "must be uint8 grey levels in [0, 255] or floats in [-1, 1]",
                remedy=_REMEDY,
                dtype=str(values.dtype),
            )
        check_range(values, argument="input")
        return Header(*values.shape)

    def load(self, *, channels: int) -> Content:
        """Returns the values as float32."""
        if self.values.dtype == np.uint8:
            notes = images.dark_notes(float(self.values.max()))
            return Content(images.from_uint8(self.values), notes=notes)
        return Content(np.asarray(self.values, np.float32))


def check_range(values: np.ndarray, *, argument: str) -> None:
    """Checks that floats lie in [-1, 1], up to rounding.

    Args:
        values: Floats of any shape.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: a value lies outside, or is NaN.
    """
    # NaN fails this comparison.
    if not np.abs(values).max() <= 1 + _TOLERANCE:
        raise InputError(
            argument,
            "must hold floats in [-1, 1]",
            remedy=_REMEDY,
            low=float(values.min()),
            high=float(values.max()),
        )
