"""Image files <-> float32 NHWC arrays in [-1, 1]; no other room uses uint8.

A "level" is a grey level: a number in [0, 255], not necessarily an integer. Level v becomes
v / 127.5 - 1 in an image. `decoding` reads the levels of a file.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.io import opening, tiff_files
from brgm_tf.io.decoding import decode
from brgm_tf.io.opening import Readable
from brgm_tf.io.sources import Content

# ITU-R BT.601.
_LUMA_RED, _LUMA_BLUE = np.float32(0.299), np.float32(0.114)
_ORIENTATION = 0x0112
_ENLARGE = Image.Resampling.LANCZOS
# A camera of 12 bits uses a sixteenth of the range of 16 bits.
_NEARLY_BLACK = 255 / 15


# Reading.


def image_size(source: Readable, *, argument: str = "input") -> tuple[int, int]:
    """Returns the displayed width and height in pixels, from the header of a file.

    Pixels are decoded only if a PNG may store its orientation behind them. A truncated file may
    therefore pass here; `load_image` refuses it.

    Args:
        source: Path of the image file, an object with `open`, or a PIL image.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, not an image, or too large to be decoded safely.
    """

    def page_size(file: BinaryIO) -> tuple[int, int]:
        return tiff_files.stored_size(file, frame=opening.frame_of(source))

    return opening.read(_displayed_size, source, argument=argument, otherwise=page_size)


def load_image(source: Readable, *, channels: int, argument: str = "input") -> np.ndarray:
    """Reads an image file as float32 [H, W, channels] in [-1, 1].

    grey = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); grey becomes RGB by repetition.
    Transparent pixels are composited on white. The EXIF orientation is applied, and colours are
    converted from the profile of the file to sRGB. Only the first frame of an animation or stack
    is read. Grey samples of 9 to 16 bits are divided by their maximum; 32-bit integers must lie
    in [0, 65535] and are divided by 65535; float samples must lie in [0, 1].

    Args:
        source: Path of the image file, an object with `open`, or a PIL image.
        channels: Number of channels, 1 or 3.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, not an image, truncated or too large to be decoded
            safely, or a sample is out of range.

    Example:
        >>> load_image(Image.new("RGB", (4, 3), "white"), channels=1).shape
        (3, 4, 1)
    """
    return load_content(source, channels=channels, argument=argument).image


def load_content(source: Readable, *, channels: int, argument: str = "input") -> Content:
    """Reads a file as `load_image` does, with its transparency and lines of text for the user.

    The lines tell which properties of the file are not used, such as further frames.
    """
    if channels not in (1, 3):
        raise InputError("channels", "must be 1 or 3", channels=channels)
    decoded = decode(source, argument=argument)
    levels = convert_channels(decoded.levels, channels=channels)
    notes = (*decoded.notes, *dark_notes(float(levels.max())))
    return Content(_to_signed(levels), notes=notes, alpha=decoded.alpha)


def dark_notes(brightest: float) -> tuple[str, ...]:
    """Returns a line of text if a picture is nearly black, as samples of a smaller range are.

    Args:
        brightest: Largest grey level.

    Example:
        >>> dark_notes(200.0)
        ()
    """
    if not 0 < brightest <= _NEARLY_BLACK:
        return ()
    return (
        f"The brightest grey level is {brightest:.3g} of 255; rescale the samples of the picture "
        "if they have a smaller range than their type",
    )


def convert_channels(levels: np.ndarray, *, channels: int) -> np.ndarray:
    """Returns levels [H, W, channels]: colours become luma, and grey is repeated."""
    if levels.shape[-1] == channels:
        return levels
    if channels == 3:
        return np.repeat(levels, 3, axis=-1)
    red, green, blue = np.moveaxis(levels, -1, 0)
    # Differences from green: three equal channels give exactly that grey.
    return (green + _LUMA_RED * (red - green) + _LUMA_BLUE * (blue - green))[..., None]


def _displayed_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # Pillow has swapped the sides of a TIFF already.
    is_turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return (height, width) if is_turned else (width, height)


# Geometry.


def fit(
    image: np.ndarray, *, resolution: int, how: str = "crop", argument: str = "input"
) -> np.ndarray:
    """Crops an image to its central square and resizes it to the generator's resolution.

    Shrinking takes the exact means of areas, at any ratio. Enlarging is Lanczos, clipped to
    [-1, 1]. All computations are in floats.

    Args:
        image: float32 [H, W, C] in [-1, 1].
        resolution: Side of the result in pixels.
        how: 'crop', or 'refuse' to raise an error for an image that is not square.
        argument: Name of the user's argument, for errors.

    Returns:
        float32 [resolution, resolution, C] in [-1, 1].

    Raises:
        InputError: the image is not square and `how` is 'refuse'.

    Example:
        >>> fit(np.zeros((6, 9, 3)), resolution=4).shape
        (4, 4, 3)
    """
    if how not in ("crop", "refuse"):
        raise InputError("how", "must be 'crop' or 'refuse'", how=how)
    height, width = image.shape[:2]
    if how == "refuse" and height != width:
        raise InputError(
            argument,
            "must be a square image",
            remedy="Crop it to a square, or allow the central square to be taken",
            width=width,
            height=height,
        )
    square = crop_square(np.asarray(image, np.float32))
    if len(square) == resolution:
        return square.copy()
    if len(square) > resolution:
        rows = _area_means(square, resolution)
        return _area_means(rows.swapaxes(0, 1), resolution).swapaxes(0, 1).clip(-1, 1)
    planes = [
        # Mode F: 8-bit modes would round to whole grey levels.
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((resolution,) * 2, _ENLARGE))
        for plane in np.moveaxis(square, -1, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), -1, 1)


def _area_means(values: np.ndarray, size: int) -> np.ndarray:
    """Returns the means over areas along the first axis, [n, ...] -> [size, ...], n > size.

    Pixel i of the result covers [i n / size, (i + 1) n / size). Pillow's BOX takes whole pixels
    instead, and shifts the picture. Weights are multiplied by `size`, so that they are integers
    and a constant picture stays exact.
    """
    values = np.ascontiguousarray(values)
    edges = np.arange(size + 1) * len(values)
    first, covered = edges // size, (edges % size).astype(np.float32)
    covered = covered.reshape(-1, *[1] * (values.ndim - 1))
    sums = np.add.reduceat(values, first[:-1], axis=0)
    sums *= np.float32(size)
    sums -= covered[:-1] * values[first[:-1]]
    # The last edge is the border, where no part of a further pixel is covered.
    sums[:-1] += covered[1:-1] * values[first[1:-1]]
    return sums / np.float32(len(values))


def enlarging_weights(size: int, *, resolution: int) -> np.ndarray:
    """Returns the weights of `fit` along one axis when it enlarges, float32 [resolution, size]."""
    identity = Image.fromarray(np.eye(size, dtype=np.float32))
    return np.asarray(identity.resize((size, resolution), _ENLARGE))


def crop_square(array: np.ndarray) -> np.ndarray:
    """Returns the central square of an array [H, W, ...]."""
    height, width = array.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return array[top : top + side, left : left + side]


# Levels and writing.


def from_uint8(levels: np.ndarray) -> np.ndarray:
    """Returns levels / 127.5 - 1 as float32.

    Args:
        levels: uint8 of any shape.

    Example:
        >>> from_uint8(np.array([0, 255], np.uint8)).tolist()
        [-1.0, 1.0]
    """
    return _to_signed(np.asarray(levels, np.float32))


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Returns (image + 1) * 127.5, clipped to [0, 255] and rounded half to even, as uint8.

    It is the exact inverse of `from_uint8`.

    Args:
        image: Floats of any shape in [-1, 1]; values outside are clipped.

    Raises:
        InputError: a value is NaN.

    Example:
        >>> to_uint8(np.array([-1.0, 0.0, 1.0])).tolist()
        [0, 128, 255]
    """
    image = np.asarray(image, np.float32)
    if np.isnan(image).any():
        raise InputError("image", "must hold numbers", nan=int(np.isnan(image).sum()))
    return np.rint(
        (np.clip(image, -1, 1) + np.float32(1)) * np.float32(GREY_LEVELS_PER_UNIT)
    ).astype(np.uint8)


def save_image(path: str | os.PathLike, image: np.ndarray, *, argument: str = "output") -> None:
    """Writes an 8-bit PNG atomically; equal images give equal bytes.

    Args:
        path: Path of the file, with the suffix .png; its folder must exist.
        image: float32 [H, W, 1 or 3] in [-1, 1]; clipped and rounded by `to_uint8`.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file cannot be written, or the image has another shape.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(argument, "must be a file with the suffix .png", path=str(path))
    if np.ndim(image) != 3 or np.shape(image)[-1] not in (1, 3) or not np.size(image):
        raise InputError("image", "must be [H, W, 1 or 3]", shape=tuple(np.shape(image)))
    levels = to_uint8(image)
    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG", compress_level=6)
    try:
        atomic_files.write(path, encoded.getvalue())
    except OSError as error:
        raise InputError(
            argument,
            "must be a file that can be written",
            path=str(path),
            reason=str(error),
        ) from None


def _to_signed(levels: np.ndarray) -> np.ndarray:
    return levels / np.float32(GREY_LEVELS_PER_UNIT) - np.float32(1)
