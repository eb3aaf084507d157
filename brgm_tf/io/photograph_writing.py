"""Writing of photographs: changed boxes go back into the samples of the original.

Every sample outside of the changes stays as it is. A changed colour is converted to the profile of
the photograph and laid over the original, where w = weight, a = alpha, s = samples:

    alpha' = w + a (1 - w),    s' = (w s_new + a (1 - w) s) / alpha'
"""

from __future__ import annotations

import dataclasses
import io
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import png_files, tiff_files
from brgm_tf.io.photographs import Photograph

Change = tuple[int, int, np.ndarray, np.ndarray | float]
_JPEG_QUALITY = 95
_AVIF_QUALITY = 95
# A colour that differs by a smaller part of a sample's step is not changed.
_UNCHANGED_STEPS = 0.25
_FLOAT_STEP = 1e-6


@dataclasses.dataclass(frozen=True)
class Saved:
    """A written photograph.

    Args:
        path: Path of the file.
        notes: Lines of text that tell the user how the file differs from the original.
    """

    path: Path
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Format:
    """A format of files.

    Args:
        suffixes: Suffixes of the files. The original's suffix is kept if it is one of them.
        encode: Function of a photograph that returns the file.
        modes: Modes that the format has, with the bits of a sample: 'RGB8', 'RGBA16'.
        note: Line of text for the user; '' for a lossless format.
    """

    suffixes: tuple[str, ...]
    encode: Callable[[Photograph], bytes]
    modes: tuple[str, ...]
    note: str = ""


def save_photograph(
    photograph: Photograph,
    changes: Sequence[Change],
    path: str | os.PathLike,
    *,
    argument: str = "output",
) -> Saved:
    """Writes a photograph with changed boxes, in its format, size, profile and orientation.

    PNG, TIFF, WebP, BMP, PNM and QOI are written without loss. JPEG is encoded again, with quality
    95 and full colour resolution, and AVIF with quality 95. Formats that cannot be written become
    PNG. A thumbnail in the EXIF data is left out because it shows the original.

    Args:
        photograph: The original.
        changes: (top, left, image, weight) for each box, in pixels of the upright photograph: image
            float32 [h, w, 3], sRGB in [-1, 1]; weight in [0, 1], a number, [h, w] or [h, w, 1].
            Pixels of weight 0, and pixels that equal `photograph.box`, stay exactly as they are.
            A later box lies over an earlier one.
        path: Path of the file. Its suffix is replaced by the suffix of the format.
        argument: Name of the user's argument, for errors.

    Returns:
        The path of the written file, and lines of text for the user.

    Raises:
        InputError: a box lies outside of the photograph, or the file cannot be written.
    """
    changed = apply_changes(photograph, changes)
    chosen, notes = _choose_format(photograph)
    target = Path(path).with_suffix(suffix_of(photograph))
    try:
        atomic_files.write(target, chosen.encode(changed))
    except OSError as error:
        raise InputError(
            argument, "must be a file that can be written", path=str(target), reason=str(error)
        ) from None
    return Saved(target, notes)


def suffix_of(photograph: Photograph) -> str:
    """Returns the suffix of the file that `save_photograph` writes."""
    suffixes = _choose_format(photograph)[0].suffixes
    suffix = photograph.path.suffix
    return suffix if suffix.lower() in suffixes else suffixes[0]


# Samples.


def apply_changes(photograph: Photograph, changes: Sequence[Change]) -> Photograph:
    """Returns a photograph with changed boxes; see `save_photograph`."""
    samples = photograph.samples.copy()
    alpha = None if photograph.alpha is None else photograph.alpha.copy()
    changed = dataclasses.replace(photograph, samples=samples, alpha=alpha)
    for top, left, image, weight in changes:
        _apply(changed, top, left, np.asarray(image), np.asarray(weight, np.float64))
    return changed


def _apply(
    photograph: Photograph, top: int, left: int, image: np.ndarray, weight: np.ndarray
) -> None:
    """Lays an image over a box of a photograph, whose arrays are changed."""
    if image.ndim != 3 or image.shape[2] != 3 or np.isnan(image).any():
        raise InputError("changes", "must hold images [h, w, 3] of numbers", shape=image.shape)
    height, width = image.shape[:2]
    weight = weight[..., None] if weight.ndim == 2 else weight
    if weight.shape not in ((), (height, width, 1)) or not np.all((weight >= 0) & (weight <= 1)):
        raise InputError("changes", "must hold weights [h, w] in [0, 1]", shape=weight.shape)
    weight = np.broadcast_to(weight, (height, width, 1))
    before = photograph.box(top, left, height, width)
    image = np.clip(image, -1, 1)
    white = photograph.white
    step = 2 * _UNCHANGED_STEPS / white if white > 1 else _FLOAT_STEP
    is_changed = (weight[..., 0] > 0) & (np.abs(image - before) > step).any(axis=-1)
    samples, alpha = photograph.view(top, left, height, width)
    target = photograph.space.from_srgb((image.astype(np.float64) + 1) / 2)
    old = samples / np.float64(white)
    below = 1 - weight
    if alpha is not None:
        below = below * (alpha / np.float64(white))
    total = weight + below
    new = (weight * target + below * old) / np.where(total > 0, total, 1)
    samples[is_changed] = _rounded(new, samples.dtype, white)[is_changed]
    if alpha is not None:
        alpha[is_changed] = _rounded(total, alpha.dtype, white)[is_changed]


def _rounded(values: np.ndarray, dtype: np.dtype, white: float) -> np.ndarray:
    values = values * white
    if dtype.kind != "f":
        values = np.rint(values.clip(0, white))
    return values.astype(dtype)


# Formats.


def _choose_format(photograph: Photograph) -> tuple[_Format, tuple[str, ...]]:
    """Returns the format that is written, and lines of text for the user."""
    kind = f"{photograph.mode}{'A' * (photograph.alpha is not None)}{photograph.bit_depth}"
    chosen = _FORMATS.get(photograph.format)
    if chosen is not None and kind in chosen.modes and _keeps_metadata(photograph):
        return chosen, (chosen.note,) if chosen.note else ()
    other = _PNG if kind in _PNG.modes else _TIFF
    name = "PNG" if other is _PNG else "TIFF"
    return other, (f"The photograph is written as {name}, not as {photograph.format}",)


def _keeps_metadata(photograph: Photograph) -> bool:
    """Returns whether a format without metadata would lose none."""
    metadata = photograph.metadata
    if photograph.format not in ("JPEG2000", "BMP", "DIB", "PPM", "QOI"):
        return True
    return not (metadata.icc_profile or metadata.exif)


def _to_pillow(photograph: Photograph) -> Image.Image:
    channels = _channels(photograph)
    mode = photograph.mode + "A" * (photograph.alpha is not None)
    height, width = channels.shape[:2]
    return Image.frombuffer(mode, (width, height), channels.tobytes(), "raw", mode, 0, 1)


def _channels(photograph: Photograph) -> np.ndarray:
    if photograph.alpha is None:
        return np.ascontiguousarray(photograph.samples)
    return np.concatenate([photograph.samples, photograph.alpha], axis=-1)


def _encode_with_pillow(photograph: Photograph, format_: str, **options) -> bytes:
    metadata = photograph.metadata
    known = {
        "icc_profile": metadata.icc_profile,
        "exif": None if metadata.exif is None else without_thumbnail(metadata.exif),
        "xmp": metadata.xmp,
        "dpi": metadata.dpi,
    }
    encoded = io.BytesIO()
    given = {name: value for name, value in known.items() if value}
    _to_pillow(photograph).save(encoded, format=format_, **given, **options)
    return encoded.getvalue()


def _encode_png(photograph: Photograph) -> bytes:
    metadata = photograph.metadata
    if photograph.format == "PNG":
        chunks = [
            (name, without_thumbnail(content) if name == b"eXIf" else content)
            for name, content in metadata.chunks
        ]
    else:
        exif = None if metadata.exif is None else without_thumbnail(metadata.exif)
        chunks = png_files.make_metadata(profile=metadata.icc_profile, exif=exif)
    return png_files.encode(_channels(photograph), chunks)


def _encode_tiff(photograph: Photograph) -> bytes:
    metadata = photograph.metadata
    return tiff_files.write(
        _channels(photograph),
        mode=photograph.mode,
        has_alpha=photograph.alpha is not None,
        profile=metadata.icc_profile,
        tags=metadata.tags,
        directories=metadata.directories,
    )


def _pillow(format_: str, **options) -> Callable[[Photograph], bytes]:
    return lambda photograph: _encode_with_pillow(photograph, format_, **options)


def without_thumbnail(exif: bytes) -> bytes:
    """Returns EXIF data whose thumbnail is no longer referred to.

    Args:
        exif: EXIF data, which may begin with 'Exif' and two zeros.
    """
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    order = {b"II": "<", b"MM": ">"}.get(exif[start : start + 2])
    try:
        (first,) = struct.unpack_from(f"{order}I", exif, start + 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start + first)
        end = start + first + 2 + 12 * count
        struct.unpack_from("4s", exif, end)
    except struct.error:  # Damaged data are kept as they are.
        return exif
    return exif[:end] + bytes(4) + exif[end + 4 :]


_EIGHT_BITS = ("L8", "LA8", "RGB8", "RGBA8")
_REENCODED = "{} is encoded again with quality {}, so all pixels may change by some grey levels"
_PNG = _Format((".png", ".apng"), _encode_png, (*_EIGHT_BITS, "L16", "LA16", "RGB16", "RGBA16"))
_TIFF = _Format(
    (".tif", ".tiff"),
    _encode_tiff,
    tuple(f"{mode}{bits}" for mode in ("L", "LA", "RGB", "RGBA", "CMYK") for bits in (8, 16, 32)),
)
_JPEG = _Format(
    (".jpg", ".jpeg", ".jpe", ".jfif"),
    _pillow("JPEG", quality=_JPEG_QUALITY, subsampling=0),
    ("L8", "RGB8", "CMYK8"),
    _REENCODED.format("JPEG", _JPEG_QUALITY),
)
_FORMATS = {
    "PNG": _PNG,
    "TIFF": _TIFF,
    "JPEG": _JPEG,
    "MPO": _JPEG,
    "WEBP": _Format((".webp",), _pillow("WEBP", lossless=True, exact=True), ("RGB8", "RGBA8")),
    "AVIF": _Format(
        (".avif",),
        _pillow("AVIF", quality=_AVIF_QUALITY, subsampling="4:4:4"),
        ("RGB8", "RGBA8"),
        _REENCODED.format("AVIF", _AVIF_QUALITY),
    ),
    "JPEG2000": _Format(
        (".jp2", ".jpf", ".jpx"), _pillow("JPEG2000", irreversible=False), _EIGHT_BITS
    ),
    "BMP": _Format((".bmp", ".dib"), _pillow("BMP"), ("L8", "RGB8")),
    "DIB": _Format((".bmp", ".dib"), _pillow("BMP"), ("L8", "RGB8")),
    "PPM": _Format((".ppm", ".pgm", ".pnm"), _pillow("PPM"), ("L8", "RGB8")),
    "QOI": _Format((".qoi",), _pillow("QOI"), ("RGB8", "RGBA8")),
}
