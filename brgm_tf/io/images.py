"""Image files <-> float32 NHWC arrays in [-1, 1]; nothing else knows uint8.

A "level" is a grey level: a number in [0, 255], not necessarily an integer. Level v is
v / 127.5 - 1 in an image. Files are decoded to float levels and stay floats, so that
16-bit greys, transparency, luma and resizing suffer no rounding to 8 bits.

Pillow decodes 16-bit RGB (and 16-bit files with alpha) to the high byte of each sample;
the error is less than one grey level and without bias. 16-bit greys keep all their bits.
Colour profiles are ignored: samples are taken to be sRGB.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io.discovery import not_found

# Only these decoders run: others (EPS) start programs, and a name proves nothing.
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
# ITU-R BT.601.
_LUMA_RED, _LUMA_BLUE = np.float32(0.299), np.float32(0.114)
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


# Reading.


def image_size(path: str | os.PathLike, *, argument: str = "input") -> tuple[int, int]:
    """Returns (width, height) in pixels, as displayed, from the file's header.

    A cheap check before heavy work: pixels are decoded only where a PNG may hold its
    orientation behind them. A truncated file may thus pass here; `load_image` finds it.

    Args:
        path: the image file, or something with its `open`.
        argument: name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, no image, or too large to be decoded safely.
    """
    return _guarded(_displayed_size, path, argument=argument)


def load_image(path: str | os.PathLike, *, channels: int, argument: str = "input") -> np.ndarray:
    """Reads a PNG, JPEG, WebP, TIFF, GIF or BMP file as float32 [H, W, channels] in [-1, 1].

    grey = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); grey becomes RGB by repetition.
    Transparent pixels are composited on white. The EXIF orientation is applied; of an
    animation or a stack the first frame is read. Grey samples of 9 to 16 bits are divided
    by their maximum; 32-bit integers must lie in [0, 65535] and are divided by 65535;
    float samples must lie in [0, 1]. 16-bit RGB is read to 8 bits (see the module).

    Args:
        path: the image file, or something with its `open`.
        channels: 1 or 3.
        argument: name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, no image, truncated, too large to be decoded
            safely, or its samples are out of range.
    """
    return _to_signed(load_levels(path, channels=channels, argument=argument))


def load_levels(path: str | os.PathLike, *, channels: int, argument: str = "input") -> np.ndarray:
    """Reads a file as `load_image` does, but as levels in [0, 255]."""
    if channels not in (1, 3):
        raise InputError("channels", "must be 1 or 3", channels=channels)
    samples, maximum, low_is_white = _guarded(_decode, path, argument=argument)
    low, high = samples.min(), samples.max()
    # Written so that NaN is refused too.
    if not (low >= 0 and high <= maximum):
        raise InputError(
            argument,
            f"must have samples in [0, {maximum}]",
            remedy="Rescale the image, or save it with 8 or 16 bits",
            path=str(path),
            low=float(low),
            high=float(high),
        )
    levels = samples.astype(np.float32)
    if maximum != 255:
        levels *= np.float32(255 / maximum)
    if low_is_white:
        levels = 255 - levels
    return _with_channels(_on_white(levels), channels=channels)


def _on_white(levels: np.ndarray) -> np.ndarray:
    """Composites [H, W] or [H, W, 1 to 4] levels on white and returns [H, W, 1 or 3]."""
    if levels.ndim == 2:
        return levels[..., None]
    if levels.shape[-1] in (1, 3):
        return levels
    colour, alpha = levels[..., :-1], levels[..., -1:] / 255
    return colour * alpha + 255 * (1 - alpha)


def _with_channels(levels: np.ndarray, *, channels: int) -> np.ndarray:
    if levels.shape[-1] == channels:
        return levels
    if channels == 3:
        return np.repeat(levels, 3, axis=-1)
    red, green, blue = np.moveaxis(levels, -1, 0)
    # Differences to green, so that equal channels give exactly that grey.
    return (green + _LUMA_RED * (red - green) + _LUMA_BLUE * (blue - green))[..., None]


def _guarded(read, path, *, argument: str):
    """Returns read(image) of the opened file; whatever goes wrong is one `InputError`."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata, which does not matter here.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Opened here and not by Pillow, which maps a named file into memory and then
            # garbles uncompressed TIFFs of orientation 5 to 8 (seen in Pillow 13.0).
            source = path if hasattr(path, "open") else Path(path)
            with source.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
                return read(image)
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(
            argument,
            f"must have at most {Image.MAX_IMAGE_PIXELS} pixels",
            remedy="Make the image smaller",
            path=str(path),
        ) from None
    except FileNotFoundError:
        raise not_found(str(path), argument=argument) from None
    except Exception as error:
        # On damaged files the decoders raise SyntaxError, struct.error, KeyError and more.
        raise InputError(
            argument,
            "must be an image file that can be read",
            remedy="Give a complete PNG, JPEG, WebP, TIFF, GIF or BMP file",
            path=str(path),
            reason=str(error) or type(error).__name__,
        ) from None


def _displayed_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # For a TIFF, Pillow has swapped the sides already.
    turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def _decode(image: Image.Image) -> tuple[np.ndarray, int, bool]:
    """Returns the samples, the sample that is white (or black: then True), upright."""
    maximum, low_is_white = _sample_scale(image)
    image = ImageOps.exif_transpose(image)
    # Greys of more than 8 bits have no alpha in Pillow, and LA needs no colours.
    if maximum == 255 and image.mode != "LA":
        image = image.convert("RGBA" if image.has_transparency_data else _opaque_mode(image))
    return np.asarray(image), maximum, low_is_white


def _opaque_mode(image: Image.Image) -> str:
    return "L" if image.mode in ("1", "L") else "RGB"


def _sample_scale(image: Image.Image) -> tuple[int, bool]:
    """Returns the largest sample, and whether 0 is white (which Pillow undoes for 8 bits)."""
    if image.mode == "F":
        return 1, False
    if image.mode == "I":
        return 65535, False
    if not image.mode.startswith("I;16"):
        return 255, False
    if image.format != "TIFF":
        return 65535, False
    bits = image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0]
    return 2**bits - 1, image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


# Geometry.


def fit(
    image: np.ndarray, *, resolution: int, how: str = "crop", argument: str = "input"
) -> np.ndarray:
    """Brings an image to the generator's square resolution.

    A non-square image is cropped to its central square. Shrinking takes area (box)
    means; enlarging is Lanczos, clipped to [-1, 1]. All in floats.

    Args:
        image: float32 [H, W, C] in [-1, 1].
        resolution: side of the result in pixels.
        how: 'crop', or 'refuse' to raise for an image that is not square.
        argument: name of the user's argument, for errors.

    Returns:
        float32 [resolution, resolution, C] in [-1, 1].

    Raises:
        InputError: the image is not square and `how` is 'refuse'.
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
    square = central_square(np.asarray(image, np.float32))
    if len(square) == resolution:
        return square.copy()
    method = Image.Resampling.BOX if len(square) > resolution else Image.Resampling.LANCZOS
    planes = [
        # Mode F: the 8-bit modes would round to whole grey levels.
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((resolution,) * 2, method))
        for plane in np.moveaxis(square, -1, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), -1, 1)


def central_square(array: np.ndarray) -> np.ndarray:
    """The central square of an array [H, W, ...]."""
    height, width = array.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return array[top : top + side, left : left + side]


# Levels and writing.


def from_uint8(levels: np.ndarray) -> np.ndarray:
    """Returns levels / 127.5 - 1 as float32.

    Args:
        levels: uint8 of any shape.
    """
    return _to_signed(np.asarray(levels, np.float32))


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Returns (image + 1) * 127.5, clipped to [0, 255] and rounded half to even, as uint8.

    It undoes `from_uint8` exactly.

    Args:
        image: floats of any shape, in [-1, 1]; others are clipped.

    Raises:
        InputError: a value is NaN.
    """
    image = np.asarray(image, np.float32)
    if np.isnan(image).any():
        raise InputError("image", "must hold numbers", nan=int(np.isnan(image).sum()))
    return np.rint((np.clip(image, -1, 1) + np.float32(1)) * np.float32(127.5)).astype(np.uint8)


def save_image(path: str | os.PathLike, image: np.ndarray, *, argument: str = "output") -> None:
    """Writes an 8-bit PNG, whole or not at all; equal images give equal bytes.

    Args:
        path: the file, with the suffix .png; its folder must exist.
        image: float32 [H, W, 1 or 3] in [-1, 1]; clipped and rounded by `to_uint8`.
        argument: name of the user's argument, for errors.

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
    return levels / np.float32(127.5) - np.float32(1)
