"""Encoded pictures -> float grey levels in sRGB, through Pillow.

Files are decoded to float levels in [0, 255], so that 16-bit greys, transparency, luma and resizing
are never rounded to 8 bits. Pillow decodes 16-bit RGB, and 16-bit files with alpha, to the high
byte of each sample. The error is unbiased and less than one grey level. 16-bit greys keep all
their bits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from PIL import Image, ImageOps

from brgm_tf.core.errors import InputError
from brgm_tf.io import profiles
from brgm_tf.io.discovery import not_found_error

# Only these decoders run: other decoders (EPS) start programs, and a suffix proves nothing.
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "QOI")
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


class Openable(Protocol):
    """An object that opens an encoded picture, as `pathlib.Path` does."""

    def open(self, mode: str = "rb") -> Any:
        """Returns the encoded picture as a binary file."""


Readable = str | os.PathLike | Openable | Image.Image
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Decoded:
    """A decoded picture, upright and in sRGB.

    Args:
        colours: float32 [H, W, 1 or 3], levels in [0, 255], without transparency.
        alpha: float32 [H, W, 1] in [0, 1], 0 = transparent; None for opaque pictures.
        notes: Lines of text that tell the user about properties of the file that are not used.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> np.ndarray:
        """Levels [H, W, 1 or 3] of the picture, composited on white."""
        if self.alpha is None:
            return self.colours
        return self.colours * self.alpha + 255 * (1 - self.alpha)


def decode(source: Readable, *, argument: str = "input") -> Decoded:
    """Decodes a picture, turns it upright and converts its colours to sRGB.

    Args:
        source: Path of the image file, an object with `open`, or a PIL image.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, not an image, truncated or too large to be decoded
            safely, or a sample is out of range.

    Example:
        >>> decode(Image.new("LA", (1, 1), (0, 51))).levels.item()
        204.0
    """

    def read_all(image: Image.Image) -> Decoded:
        return _decode(image, name=str(source), argument=argument)

    return read(read_all, source, argument=argument)


def read(function: Callable[[Image.Image], _T], source: Readable, *, argument: str) -> _T:
    """Returns function(image) of the opened image; every problem becomes one `InputError`."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata, which is not used here.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _open(source) as image:
                return function(image)
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
            remedy="Give a complete PNG, JPEG, WebP, TIFF, GIF, BMP, PNM, JPEG 2000 or AVIF file",
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
    with openable.open("rb") as file, Image.open(file, formats=_known_formats()) as image:
        yield image


@functools.cache
def _known_formats() -> tuple[str, ...]:
    """Returns the formats that this build of Pillow decodes."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _decode(image: Image.Image, *, name: str, argument: str) -> Decoded:
    notes = _frame_notes(image)
    maximum, low_is_white = _sample_scale(image)
    profile = None
    try:
        profile = profiles.profile_of(image)
    except profiles.UNUSABLE as error:
        notes.append(_unusable(error))
    transparent_sample = image.info.get("transparency")
    image = ImageOps.exif_transpose(image)
    if maximum == 255 and image.mode not in ("1", "L", "LA"):
        return _decode_colours(image, profile=profile, notes=notes)
    if image.mode in ("1", "L") and image.has_transparency_data:
        image = image.convert("LA")
    samples, alpha = np.asarray(image), None
    if image.mode == "LA":
        samples, alpha = samples[..., 0], samples[..., 1:] / np.float32(255)
    elif maximum > 255 and isinstance(transparent_sample, int):
        # Pillow gives no alpha to greys of more than 8 bits.
        alpha = (samples != transparent_sample).astype(np.float32)[..., None]
    _check_range(samples, maximum=maximum, name=name, argument=argument)
    scale = 255 if samples.dtype == bool else 255 / maximum
    levels = samples.astype(np.float32)
    if scale != 1:
        levels *= np.float32(scale)
    if low_is_white:
        levels = 255 - levels
    return Decoded(_grey_to_srgb(levels, profile, notes)[..., None], alpha, tuple(notes))


def _decode_colours(image: Image.Image, *, profile: bytes | None, notes: list[str]) -> Decoded:
    """Decodes a picture of 8 bits that is not grey."""
    if image.mode not in ("CMYK", "LAB"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "CMYK" and profile is None:
        notes.append("CMYK colours without a profile are converted by (1 - ink)(1 - black)")
    alpha = None
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A"), np.float32)[..., None] / 255
        image = image.convert("RGB")
    if profile is not None:
        try:
            image = profiles.colours_to_srgb(image, profile)
        except profiles.UNUSABLE as error:
            notes.append(_unusable(error))
    return Decoded(np.asarray(image.convert("RGB"), np.float32), alpha, tuple(notes))


def _grey_to_srgb(levels: np.ndarray, profile: bytes | None, notes: list[str]) -> np.ndarray:
    if profile is None:
        return levels
    try:
        curve = profiles.grey_curve(profile)
    except profiles.UNUSABLE as error:
        notes.append(_unusable(error))
        return levels
    if curve is None:
        return levels
    return np.interp(levels, np.arange(len(curve)) / 257, curve).astype(np.float32)


def _check_range(samples: np.ndarray, *, maximum: int, name: str, argument: str) -> None:
    low, high = samples.min(), samples.max()
    # NaN fails this comparison.
    if not (low >= 0 and high <= maximum):
        raise InputError(
            argument,
            f"must have samples in [0, {maximum}]",
            remedy="Rescale the image, or save it with 8 or 16 bits",
            path=name,
            low=float(low),
            high=float(high),
        )


# Notes.


def _frame_notes(image: Image.Image) -> list[str]:
    """Returns a note if the file holds several frames or pages."""
    if image.format == "MPO":  # The other pictures are previews and depth maps.
        return []
    try:
        if image.tell():  # A frame that the user chose.
            return []
        count = getattr(image, "n_frames", 1)
        image.seek(0)
    except Exception:  # A later frame is damaged.
        return ["Only the first frame is read; a later one is damaged"]
    if count == 1:
        return []
    return [f"Only the first of {count} frames or pages is read; save the others as files"]


def _unusable(error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"The colour profile cannot be used ({reason}), so the samples are read as sRGB"


def _sample_scale(image: Image.Image) -> tuple[int, bool]:
    """Returns the largest sample, and whether 0 is white, which Pillow undoes for 8 bits."""
    tags = getattr(image, "tag_v2", {})
    low_is_white = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if image.mode == "F":
        return 1, low_is_white
    if image.mode == "I":
        return 65535, low_is_white
    if not image.mode.startswith("I;16"):
        return 255, False
    if image.format != "TIFF":
        return 65535, False
    return 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1, low_is_white
