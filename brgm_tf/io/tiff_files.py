"""TIFF files of colours that Pillow does not read or write, by the package `tifffile`.

These are colours of 16 and 32 bits, integers and floats.
"""

from __future__ import annotations

import dataclasses
import io
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from brgm_tf.core.errors import InputError

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PHOTOMETRIC = {
    "MINISWHITE": "L",
    "MINISBLACK": "L",
    "RGB": "RGB",
    "SEPARATED": "CMYK",
    "YCBCR": "RGB",
}
_CHANNELS = {"L": 1, "RGB": 3, "CMYK": 4}
_SUBFILE_TYPE = 254
_ORIENTATION, _PROFILE = 274, 34675
# Directories that a tag points to: EXIF and GPS.
_DIRECTORIES = (34665, 34853)
# Tags that describe the storage of the samples, and are written anew.
_STORAGE = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 282, 283, 284),
    *(292, 293, 296, 317, 320, 322, 323, 324, 325, 330, 338, 339, 340, 341, 347, 512, 513, 514),
    *(519, 520, 521, 529, 530, 531, 532, _PROFILE, *_DIRECTORIES),
}
_ASSOCIATED_ALPHA = 1
_LONG = 4  # type of an offset


@dataclasses.dataclass(frozen=True)
class Page:
    """A page of a TIFF file.

    Args:
        samples: [H, W, C] with alpha as the last channel, as the file stores them.
        mode: 'L', 'RGB' or 'CMYK'.
        has_alpha: Whether there is an alpha channel.
        low_is_white: Whether 0 is white.
        orientation: Orientation of EXIF, 1 to 8.
        profile: ICC profile; None without one.
        white: Largest sample; 1 for floats.
        frames: Number of pages of the file.
        tags: All tags of the page.
        directories: Tags of the directories EXIF and GPS.
    """

    samples: np.ndarray
    mode: str
    has_alpha: bool
    low_is_white: bool
    orientation: int
    profile: bytes | None
    white: float
    frames: int
    tags: Mapping[int, Any]
    directories: Mapping[int, Mapping[int, Any]]


def is_tiff(file: BinaryIO) -> bool:
    """Returns whether a file begins as TIFF files do; the position is restored."""
    position = file.tell()
    head = file.read(4)
    file.seek(position)
    return head in _MAGIC


def stored_size(file: BinaryIO, *, frame: int = 0) -> tuple[int, int]:
    """Returns the displayed width and height of a page, from its header.

    Args:
        file: Opened file.
        frame: Number of the page, from 0.
    """
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages[frame]
        width, height = int(page.imagewidth), int(page.imagelength)
        is_turned = _tag(page, _ORIENTATION, 1) in (5, 6, 7, 8)
        return (height, width) if is_turned else (width, height)


def subfile_types(file: BinaryIO) -> list[int]:
    """Returns the tag NewSubfileType of each page: 1 marks previews and 4 masks.

    Args:
        file: Opened file.
    """
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        return [int(_tag(page, _SUBFILE_TYPE, 0)) for page in tiff.pages]


def read_page(file: BinaryIO, *, frame: int = 0) -> Page:
    """Reads a page of a TIFF file.

    Args:
        file: Opened file.
        frame: Number of the page, from 0.

    Raises:
        ValueError: the kind of the samples is unknown, or their decoder is not installed.
    """
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages[frame]
        _check_size(page)
        name = getattr(page.photometric, "name", str(page.photometric))
        mode = _PHOTOMETRIC.get(name)
        if mode is None:
            raise ValueError(f"TIFF samples of the kind {name} are not read")
        samples = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        samples = samples[..., None] if samples.ndim == 2 else samples
        count = _CHANNELS[mode]
        extra = [int(one) for one in page.extrasamples]
        # Extra samples of unknown meaning (0) are no alpha.
        has_alpha = bool(extra) and extra[0] != 0
        if samples.ndim != 3 or samples.shape[-1] < count + has_alpha:
            raise ValueError(f"TIFF samples of the shape {samples.shape} are not read")
        samples = samples[..., : count + has_alpha]
        if has_alpha and extra[0] == _ASSOCIATED_ALPHA:
            samples = _straight(samples)
        profile = _tag(page, _PROFILE, None)
        return Page(
            np.ascontiguousarray(samples),
            mode,
            has_alpha,
            name == "MINISWHITE",
            int(_tag(page, _ORIENTATION, 1)),
            None if profile is None else bytes(profile),
            1 if samples.dtype.kind == "f" else 2 ** int(page.bitspersample) - 1,
            len(tiff.pages),
            {tag.code: tag.value for tag in page.tags},
            _read_directories(file, page),
        )


def write(
    samples: np.ndarray,
    *,
    mode: str,
    has_alpha: bool = False,
    profile: bytes | None = None,
    tags: Mapping[int, Any] | None = None,
    directories: Mapping[int, Mapping[int, Any]] | None = None,
) -> bytes:
    """Returns a TIFF file, compressed without loss.

    Args:
        samples: [H, W, C] with alpha as the last channel.
        mode: 'L', 'RGB' or 'CMYK'.
        has_alpha: Whether there is an alpha channel, which is not premultiplied.
        profile: ICC profile; None for none.
        tags: Further tags of the original; the storage of its samples is left out.
        directories: Tags of the directories EXIF (34665) and GPS (34853).
    """
    import tifffile

    photometric = {"L": "minisblack", "RGB": "rgb", "CMYK": "separated"}[mode]
    tags, directories = dict(tags or {}), dict(directories or {})
    entries = _entries({tag: value for tag, value in tags.items() if tag not in _STORAGE})
    resolution: dict[str, Any] = {}
    if 282 in tags and 283 in tags:
        resolution = {
            "resolution": (_ratio(tags[282]), _ratio(tags[283])),
            "resolutionunit": int(tags.get(296, 2)),
        }
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        samples if samples.shape[-1] > 1 else samples[..., 0],
        photometric=photometric,
        byteorder="<",
        planarconfig="contig" if samples.shape[-1] > 1 else None,
        extrasamples=["unassalpha"] if has_alpha else None,
        compression="adobe_deflate",
        iccprofile=profile,
        extratags=entries,
        metadata=None,
        software=False,
        **resolution,
    )
    if any(directories.values()):
        filled = {tag: directories[tag] for tag in _DIRECTORIES if directories.get(tag)}
        _append_directories(file, filled)
    return file.getvalue()


def _read_directories(file: BinaryIO, page: Any) -> dict[int, Mapping[int, Any]]:
    """Returns the tags of the directories EXIF and GPS as Pillow reads them."""
    directories: dict[int, Mapping[int, Any]] = {}
    for tag in _DIRECTORIES:
        entry = page.tags.get(tag)
        if entry is None:
            continue
        file.seek(0)
        directory = TiffImagePlugin.ImageFileDirectory_v2(file.read(8), group=tag)
        # `tifffile` follows the tag, and gives the place of the directory.
        file.seek(entry.valueoffset)
        directory.load(file)
        directories[tag] = dict(directory)
    return directories


def _append_directories(file: io.BytesIO, directories: Mapping[int, Mapping[int, Any]]) -> None:
    """Appends directories, and a main directory that points to them, to a little-endian file.

    `tifffile` does not write these tags. The offsets of all other values stay as they are.
    """
    file.seek(4)
    (start,) = struct.unpack("<I", file.read(4))
    file.seek(start)
    (count,) = struct.unpack("<H", file.read(2))
    entries = [file.read(12) for _ in range(count)]
    for tag, values in directories.items():
        directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II", group=tag)
        for key, value in values.items():
            directory[key] = value
        offset = _even_end(file)
        file.write(directory.tobytes(offset))
        entries.append(struct.pack("<HHII", tag, _LONG, 1, offset))
    entries.sort(key=lambda entry: struct.unpack("<H", entry[:2]))
    offset = _even_end(file)
    file.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    file.seek(4)
    file.write(struct.pack("<I", offset))


def _even_end(file: io.BytesIO) -> int:
    """Returns the end of a file; directories begin at even offsets."""
    offset = file.seek(0, io.SEEK_END)
    return offset + file.write(b"\0") if offset % 2 else offset


def _entries(tags: Mapping[int, Any]) -> list[tuple]:
    """Returns the tags that `tifffile` can write: texts, bytes and whole numbers."""
    entries: list[tuple] = []
    for tag, value in tags.items():
        if isinstance(value, str):
            # Pillow reads texts as Latin-1, which gives back their bytes.
            text = value.encode("latin-1", "replace") + b"\0"
            entries.append((tag, "s", len(text), text, True))
        elif isinstance(value, bytes):
            entries.append((tag, "B", len(value), value, True))
        elif isinstance(value, int) and 0 <= value < 2**32:
            entries.append((tag, "H" if value < 65536 else "I", 1, value, True))
    return entries


def _ratio(value: Any) -> float:
    """Returns a rational number, which `tifffile` gives as two integers."""
    return value[0] / max(value[1], 1) if isinstance(value, tuple) else float(value)


def _check_size(page: Any) -> None:
    """Checks that the page is not larger than the pictures that Pillow decodes."""
    limit = 2 * (Image.MAX_IMAGE_PIXELS or 2**62)
    if page.imagewidth * page.imagelength > limit:
        raise InputError(
            "input",
            f"must have at most {limit} pixels",
            remedy="Make the image smaller",
            width=int(page.imagewidth),
            height=int(page.imagelength),
        )


def _tag(page: Any, number: int, default: Any) -> Any:
    tag = page.tags.get(number)
    return default if tag is None else tag.value


def _straight(samples: np.ndarray) -> np.ndarray:
    """Returns samples whose colours are not multiplied by alpha."""
    white = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
    alpha = samples[..., -1:] / white
    colours = samples[..., :-1] / np.where(alpha > 0, alpha, 1)
    colours = colours.clip(0, white)
    if samples.dtype.kind != "f":
        colours = np.rint(colours)
    return np.concatenate([colours.astype(samples.dtype), samples[..., -1:]], axis=-1)
