"""Image files <-> float32 NHWC arrays in [-1, 1]; no other room uses uint8.

A "level" is a grey level: a number in [0, 255], not necessarily an integer. Level v becomes
v / 127.5 - 1 in an image. Files are decoded to float levels, so that 16-bit greys, transparency,
luma and resizing are never rounded to 8 bits.

Pillow decodes 16-bit RGB, and 16-bit files with alpha, to the high byte of each sample. The error
is unbiased and less than one grey level. 16-bit greys keep all their bits. Colour profiles are
ignored: samples are taken to be sRGB.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from PIL import Image, ImageOps

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.io.discovery import not_found_error

# Only these decoders run: other decoders (EPS) start programs, and a suffix proves nothing.
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
# ITU-R BT.601.
_LUMA_RED, _LUMA_BLUE = np.float32(0.299), np.float32(0.114)
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


class Openable(Protocol):
    """An object that opens an encoded picture, as `pathlib.Path` does."""

    def open(self, mode: str = "rb") -> Any:
        """Returns the encoded picture as a binary file."""


Readable = str | os.PathLike | Openable | Image.Image
_T = TypeVar("_T")


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
    return _read(_displayed_size, source, argument=argument)


def load_image(source: Readable, *, channels: int, argument: str = "input") -> np.ndarray:
    """Reads a PNG, JPEG, WebP, TIFF, GIF or BMP file as float32 [H, W, channels] in [-1, 1].

    grey = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); grey becomes RGB by repetition.
    Transparent pixels are composited on white. The EXIF orientation is applied. Only the first
    frame of an animation or stack is read. Grey samples of 9 to 16 bits are divided by their
    maximum; 32-bit integers must lie in [0, 65535] and are divided by 65535; float samples must
    lie in [0, 1]. 16-bit RGB is read to 8 bits, as the module's docstring explains.

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
    return _to_signed(load_levels(source, channels=channels, argument=argument))


def load_levels(source: Readable, *, channels: int, argument: str = "input") -> np.ndarray:
    """Reads a file as `load_image` does, but as levels in [0, 255]."""
    if channels not in (1, 3):
        raise InputError("channels", "must be 1 or 3", channels=channels)
    samples, maximum, low_is_white = _read(_decode, source, argument=argument)
    low, high = samples.min(), samples.max()
    # NaN fails this comparison.
    if not (low >= 0 and high <= maximum):
        raise InputError(
            argument,
            f"must have samples in [0, {maximum}]",
            remedy="Rescale the image, or save it with 8 or 16 bits",
            path=str(source),
            low=float(low),
            high=float(high),
        )
    levels = samples.astype(np.float32)
    if maximum != 255:
        levels *= np.float32(255 / maximum)
    if low_is_white:
        levels = 255 - levels
    return _convert_channels(_composite_on_white(levels), channels=channels)


def _composite_on_white(levels: np.ndarray) -> np.ndarray:
    """Composites [H, W] or [H, W, 1 to 4] levels on white and returns [H, W, 1 or 3]."""
    if levels.ndim == 2:
        return levels[..., None]
    if levels.shape[-1] in (1, 3):
        return levels
    colour, alpha = levels[..., :-1], levels[..., -1:] / 255
    return colour * alpha + 255 * (1 - alpha)


def _convert_channels(levels: np.ndarray, *, channels: int) -> np.ndarray:
    if levels.shape[-1] == channels:
        return levels
    if channels == 3:
        return np.repeat(levels, 3, axis=-1)
    red, green, blue = np.moveaxis(levels, -1, 0)
    # Differences from green: three equal channels give exactly that grey.
    return (green + _LUMA_RED * (red - green) + _LUMA_BLUE * (blue - green))[..., None]


def _read(read: Callable[[Image.Image], _T], source: Readable, *, argument: str) -> _T:
    """Returns read(image) of the opened image; every problem becomes one `InputError`."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata, which is not used here.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _open(source) as image:
                return read(image)
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(
            argument,
            f"must have at most {Image.MAX_IMAGE_PIXELS} pixels",
            remedy="Make the image smaller",
            path=str(source),
        ) from None
    except FileNotFoundError:
        raise not_found_error(str(source), argument=argument) from None
    except Exception as error:
        # Decoders of damaged files raise SyntaxError, struct.error, KeyError and more.
        raise InputError(
            argument,
            "must be an image file that can be read",
            remedy="Give a complete PNG, JPEG, WebP, TIFF, GIF or BMP file",
            path=str(source),
            reason=str(error) or type(error).__name__,
        ) from None


@contextlib.contextmanager
def _open(source: Readable) -> Iterator[Image.Image]:
    if isinstance(source, Image.Image):
        yield source
        return
    # Pillow maps a file that it opens itself into memory, and then garbles uncompressed TIFFs of
    # orientation 5 to 8 (seen in Pillow 13.0).
    openable = Path(source) if isinstance(source, str | os.PathLike) else source
    with openable.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
        yield image


def _displayed_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # Pillow has swapped the sides of a TIFF already.
    is_turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return (height, width) if is_turned else (width, height)


def _decode(image: Image.Image) -> tuple[np.ndarray, int, bool]:
    """Returns upright samples, the largest possible sample, and whether 0 is white."""
    maximum, low_is_white = _sample_scale(image)
    image = ImageOps.exif_transpose(image)
    # Pillow gives no alpha to greys of more than 8 bits. LA needs no colours.
    if maximum == 255 and image.mode != "LA":
        image = image.convert("RGBA" if image.has_transparency_data else _opaque_mode(image))
    return np.asarray(image), maximum, low_is_white


def _opaque_mode(image: Image.Image) -> str:
    return "L" if image.mode in ("1", "L") else "RGB"


def _sample_scale(image: Image.Image) -> tuple[int, bool]:
    """Returns the largest sample, and whether 0 is white, which Pillow undoes for 8 bits."""
    if image.mode == "F":
        return 1, False
    if image.mode == "I":
        return 65535, False
    if not image.mode.startswith("I;16"):
        return 255, False
    if image.format != "TIFF":
        return 65535, False
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
    return 2**bits - 1, tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


# Geometry.


def fit(
    image: np.ndarray, *, resolution: int, how: str = "crop", argument: str = "input"
) -> np.ndarray:
    """Crops an image to its central square and resizes it to the generator's resolution.

    Shrinking takes area (box) means; enlarging is Lanczos, clipped to [-1, 1]. All computations
    are in floats.

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
    method = Image.Resampling.BOX if len(square) > resolution else Image.Resampling.LANCZOS
    planes = [
        # Mode F: 8-bit modes would round to whole grey levels.
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((resolution,) * 2, method))
        for plane in np.moveaxis(square, -1, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), -1, 1)


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
