"""Opening of encoded pictures with Pillow; every problem becomes one `InputError`."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from PIL import Image, UnidentifiedImageError

from brgm_tf.core.errors import InputError
from brgm_tf.io import tiff_files
from brgm_tf.io.discovery import not_found_error

# Only these decoders run: other decoders (EPS) start programs, and a suffix proves nothing.
_FORMATS = (
    *("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "QOI"),
    "HEIF",
)
# Brands of HEIC files, which follow the letters 'ftyp'.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class Openable(Protocol):
    """An object that opens an encoded picture, as `pathlib.Path` does."""

    def open(self, mode: str = "rb") -> Any:
        """Returns the encoded picture as a binary file."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame of an animation, or a page of a stack.

    Args:
        path: Path of the file.
        frame: Number of the frame, from 0.
    """

    path: Path
    frame: int

    def __str__(self) -> str:
        return f"{self.path}, page {self.frame + 1}"

    def open(self, mode: str = "rb") -> Any:
        """Opens the file."""
        return self.path.open(mode)


Readable = str | os.PathLike | Openable | Image.Image
_T = TypeVar("_T")


def read(
    function: Callable[[Image.Image], _T],
    source: Readable,
    *,
    argument: str,
    otherwise: Callable[[BinaryIO], _T] | None = None,
    allow_large: bool = False,
) -> _T:
    """Returns function(image) of the opened image; every problem becomes one `InputError`.

    Args:
        function: Function of the opened image.
        source: Path of the image file, an object with `open`, or a PIL image.
        argument: Name of the user's argument, for errors.
        otherwise: Function of the opened file, for TIFF files that Pillow does not read.
        allow_large: Whether pictures of up to twice `PIL.Image.MAX_IMAGE_PIXELS` are read as well.
    """
    limit = (Image.MAX_IMAGE_PIXELS or 0) * (2 if allow_large else 1)
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata, which is not used here.
            warnings.simplefilter("ignore")
            if not allow_large:
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _read(function, source, otherwise)
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(
            argument,
            f"must have at most {limit} pixels",
            remedy="Make the image smaller",
            path=str(source),
        ) from None
    except FileNotFoundError:
        raise not_found_error(str(source), argument=argument) from None
    except Exception as error:
        # Decoders of damaged files raise SyntaxError, struct.error, KeyError and more.
        raise _unreadable(source, error, argument=argument) from None


def _read(
    function: Callable[[Image.Image], _T],
    source: Readable,
    otherwise: Callable[[BinaryIO], _T] | None,
) -> _T:
    try:
        with open_image(source) as image:
            return function(image)
    except UnidentifiedImageError:
        if otherwise is None or isinstance(source, Image.Image):
            raise
        with _openable(source).open("rb") as file:
            if not tiff_files.is_tiff(file):
                raise
            return otherwise(file)


@contextlib.contextmanager
def open_image(source: Readable) -> Iterator[Image.Image]:
    """Opens a picture, at the frame that the source names."""
    if isinstance(source, Image.Image):
        yield source
        return
    with (
        _openable(source).open("rb") as file,
        Image.open(file, formats=_known_formats()) as image,
    ):
        if frame := frame_of(source):
            image.seek(frame)
        yield image


def frame_of(source: Readable) -> int:
    """Returns the number of the frame that a source names, from 0."""
    return getattr(source, "frame", 0) if not isinstance(source, Image.Image) else source.tell()


def _openable(source: Any) -> Any:
    # Pillow maps a file that it opens itself into memory, and then garbles uncompressed TIFFs of
    # orientation 5 to 8 (seen in Pillow 13.0).
    return Path(source) if isinstance(source, str | os.PathLike) else source


@functools.cache
def _known_formats() -> tuple[str, ...]:
    """Returns the formats that this build of Pillow decodes."""
    Image.init()
    if has_heif():
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@functools.cache
def has_heif() -> bool:
    """Returns whether the decoder of HEIC files is installed."""
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        return False
    return True


def _unreadable(source: Readable, error: Exception, *, argument: str) -> InputError:
    if isinstance(error, UnidentifiedImageError) and not has_heif() and _is_heif(source):
        return InputError(
            argument,
            "is a HEIC picture, whose decoder is not installed",
            remedy="pip install 'brgm_tf[heif]', or save the picture as JPEG",
            path=str(source),
        )
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(
        argument,
        "must be an image file that can be read",
        remedy="Give a complete PNG, JPEG, WebP, TIFF, GIF, BMP, PNM, JPEG 2000, AVIF or HEIC file",
        path=str(source),
        reason=reason,
    )


def _is_heif(source: Readable) -> bool:
    if isinstance(source, Image.Image):
        return False
    with _openable(source).open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS
