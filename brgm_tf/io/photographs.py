"""Whole photographs: samples as the file stores them, with boxes of them in sRGB.

A photograph keeps the samples, profile, orientation and metadata of its file. Only boxes become
floats, so that memory stays bounded. `photograph_writing` puts changed boxes back.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import decoding, deep_samples, opening, png_files, tiff_files
from brgm_tf.io.colour_spaces import ColourSpace
from brgm_tf.io.orientation import INVERSE, orientation_of, upright

_CHANNELS = {"L": 1, "RGB": 3, "CMYK": 4, "LAB": 3}
_EXIF, _GPS = 0x8769, 0x8825
_REDUCED_BAND = 1 << 22
Tags = Mapping[int, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Metadata:
    """Metadata of a photograph, which are written with its changed samples.

    Args:
        icc_profile: ICC profile; None without one.
        exif: EXIF data as bytes; None without any. TIFF files have `tags` instead.
        xmp: XMP data; None without any.
        dpi: Dots per inch, horizontal and vertical; None if unknown.
        chunks: Chunks of a PNG file.
        tags: Tags of a TIFF file.
        directories: Tags of the directories EXIF and GPS of a TIFF file.
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    chunks: tuple[png_files.Chunk, ...] = ()
    tags: Tags = dataclasses.field(default_factory=dict)
    directories: Mapping[int, Tags] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph as its file stores it.

    Boxes are given in pixels of the upright photograph.

    Args:
        path: Path of the file.
        format: Format of the file in Pillow, such as 'JPEG'.
        mode: 'L', 'RGB', 'CMYK' or 'LAB'.
        samples: uint8, uint16 or float32 [H, W, C], not turned upright, without alpha.
        alpha: Alpha of the same type, [H, W, 1]; None for opaque photographs.
        white: Largest sample: 255, 65535 or 1.
        orientation: Orientation of EXIF, 1 to 8.
        space: Colour space of the samples.
        metadata: Metadata of the file.
        notes: Lines of text that tell the user which properties of the file are not used.

    Example:
        >>> from brgm_tf.io.discovery import find_images
        >>> photograph = read_photograph(find_images("example:astronaut_32")[0])
        >>> photograph.size, photograph.bit_depth, photograph.box(0, 8, 16, 20).shape
        ((32, 32), 8, (16, 20, 3))
    """

    path: Path
    format: str
    mode: str
    samples: np.ndarray
    alpha: np.ndarray | None
    white: float
    orientation: int
    space: ColourSpace
    metadata: Metadata
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright photograph in pixels."""
        height, width = upright(self.samples, self.orientation).shape[:2]
        return width, height

    @property
    def bit_depth(self) -> int:
        """Number of bits of a sample: 8, 16, or 32 for floats."""
        return 8 * self.samples.dtype.itemsize

    @property
    def icc_profile(self) -> bytes | None:
        """ICC profile; None without one."""
        return self.metadata.icc_profile

    def box(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Returns a box of the upright photograph, composited on white.

        Args:
            top, left: First row and column of the box, in pixels.
            height, width: Size of the box in pixels.

        Returns:
            float32 [height, width, 3], sRGB in [-1, 1]. Colours that sRGB lacks are clipped.

        Raises:
            InputError: the box does not lie inside the photograph, or holds no numbers.
        """
        return self.to_image(*self.view(top, left, height, width))

    def alpha_box(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """Returns alpha of a box, float32 [height, width, 1] in [0, 1]; None if all is opaque.

        Args:
            top, left, height, width: see `box`.
        """
        alpha = self.view(top, left, height, width)[1]
        return None if alpha is None else alpha.astype(np.float32) / np.float32(self.white)

    def reduced(self, largest: int) -> tuple[np.ndarray, int]:
        """Returns the whole photograph at a smaller size, for the detection of faces.

        Args:
            largest: Largest side of the result in pixels.

        Returns:
            float32 [h, w, 3], sRGB in [-1, 1], the means of squares of samples; and the side n of
            the squares. Pixel i covers the rows from i n to (i + 1) n. Incomplete squares at the
            right and the lower edge are left out.
        """
        n = max(1, -(-max(self.size) // largest))
        samples = _means(upright(self.samples, self.orientation), n)
        alpha = None
        if self.alpha is not None:
            alpha = _means(upright(self.alpha, self.orientation), n)
        return self.to_image(samples, alpha), n

    def to_image(self, samples: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
        """Returns samples [h, w, C] as float32 [h, w, 3] in [-1, 1], composited on white.

        Raises:
            InputError: a sample is NaN.
        """
        values = samples / np.float64(self.white)
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise InputError("input", "must hold numbers, not NaN", path=str(self.path))
        colours = np.clip(self.space.to_srgb(values.clip(0, 1)), 0, 1)
        if alpha is not None:
            weight = alpha / np.float64(self.white)
            colours = colours * weight + (1 - weight)
        return np.asarray(2 * colours - 1, np.float32)

    def view(
        self, top: int, left: int, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns views of the samples [height, width, C] and of alpha of a box.

        Args:
            top, left, height, width: see `box`.

        Raises:
            InputError: the box does not lie inside the photograph.
        """
        columns, rows = self.size
        if not (0 <= top < top + height <= rows and 0 <= left < left + width <= columns):
            raise InputError(
                "box",
                f"must lie inside the photograph of {columns} x {rows} pixels",
                top=top,
                left=left,
                height=height,
                width=width,
            )
        area = slice(top, top + height), slice(left, left + width)
        samples = upright(self.samples, self.orientation)[area]
        alpha = None if self.alpha is None else upright(self.alpha, self.orientation)[area]
        return samples, alpha


def _means(stored: np.ndarray, n: int) -> np.ndarray:
    """Returns the means of squares of n x n samples, computed in bands."""
    rows, columns = stored.shape[0] // n, stored.shape[1] // n
    means = np.empty((rows, columns, stored.shape[2]), np.float32)
    step = max(1, _REDUCED_BAND // (columns * n * n))
    for i in range(0, rows, step):
        band = stored[i * n : min(i + step, rows) * n, : columns * n]
        blocks = band.reshape(-1, n, columns, n, stored.shape[2])
        means[i : i + step] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


# Reading.


def read_photograph(path: str | os.PathLike, *, argument: str = "input") -> Photograph:
    """Reads a photograph with its profile, orientation and metadata.

    Args:
        path: Path of the file.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file is missing, not an image, truncated, or has more pixels than twice
            `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    path = Path(path)

    def read_all(image: Image.Image) -> Photograph:
        return _from_image(path, image)

    def read_page(file: BinaryIO) -> Photograph:
        return _from_page(path, tiff_files.read_page(file))

    return opening.read(read_all, path, argument=argument, otherwise=read_page, allow_large=True)


def _from_image(path: Path, image: Image.Image) -> Photograph:
    format_, notes = str(image.format), decoding.frame_notes(image)
    # Pillow decodes a PNG file to find its orientation, and forgets then how it did.
    is_rounded, is_deep = deep_samples.is_rounded(image), deep_samples.can_read(image)
    maximum, low_is_white = decoding.sample_scale(image)
    profile = decoding.usable_profile(image, notes)
    # Pillow turns TIFF files upright when it decodes them, and forgets the orientation.
    metadata, orientation = _metadata(image), orientation_of(image)
    if is_rounded and is_deep:
        mode = "CMYK" if image.mode == "CMYK" else "RGB"
        key = image.info.get("transparency")
        channels = deep_samples.read(lambda: opening.open_image(path))
        maximum = 65535
        if image.mode == "RGB" and isinstance(key, tuple):
            opaque = (channels[..., :3] != key).any(axis=-1, keepdims=True)
            channels = np.concatenate([channels[..., :3], np.uint16(opaque) * 65535], axis=-1)
        has_alpha = mode == "RGB" and (image.mode == "RGBA" or isinstance(key, tuple))
    else:
        if is_rounded:
            notes.append(decoding.ROUNDED)
        mode, has_alpha, channels = _samples_of(image, maximum=maximum)
    if low_is_white:
        channels = maximum - channels
    if format_ == "TIFF":
        channels = np.ascontiguousarray(upright(channels, INVERSE[orientation]))
    white = 255 if channels.dtype == np.uint8 else 1 if channels.dtype.kind == "f" else 65535
    if maximum not in (white, 1):
        channels = np.rint(channels * (white / maximum)).astype(channels.dtype)
        notes.append(f"Samples in [0, {maximum}] are written as samples in [0, {white}]")
    space = decoding.usable_space(mode, profile, notes)
    count = _CHANNELS[mode]
    alpha = channels[..., -1:] if has_alpha else None
    samples = channels[..., :count]
    return Photograph(
        path, format_, mode, samples, alpha, white, orientation, space, metadata, tuple(notes)
    )


def _samples_of(image: Image.Image, *, maximum: int) -> tuple[str, bool, np.ndarray]:
    """Returns the mode, whether there is an alpha channel, and the samples [H, W, C]."""
    if maximum != 255:
        samples = np.array(image)[..., None]
        return "L", False, samples if samples.dtype.kind == "f" else samples.astype(np.uint16)
    if image.mode in ("CMYK", "LAB"):
        return image.mode, False, _copy(image, image.mode)
    base = "L" if image.mode in ("1", "L", "LA") else "RGB"
    has_alpha = image.has_transparency_data
    return base, has_alpha, _copy(image, base + ("A" if has_alpha else ""))


def _copy(image: Image.Image, mode: str) -> np.ndarray:
    """Returns the samples [H, W, C] in a mode, copied in bands to save memory."""
    image.load()
    width, height = image.size
    samples = np.empty((height, width, len(mode)), np.uint8)
    rows = max(1, _REDUCED_BAND // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = image.crop((0, top, width, bottom))
        band = band if band.mode == mode else band.convert(mode)
        samples[top:bottom] = np.asarray(band).reshape(bottom - top, width, -1)
    return samples


def _metadata(image: Image.Image) -> Metadata:
    info = image.info
    chunks: list[png_files.Chunk] = []
    tags: Tags = {}
    directories: dict[int, Tags] = {}
    exif = info.get("exif")
    file = getattr(image, "fp", None)
    if image.format == "PNG" and file is not None:
        position = file.tell()
        chunks = png_files.read_metadata(file)
        file.seek(position)
    elif image.format == "TIFF":
        tags = dict(image.tag_v2)  # type: ignore[attr-defined]
        loaded = image.getexif()
        directories = {tag: dict(loaded.get_ifd(tag)) for tag in (_EXIF, _GPS)}
        exif = None
    xmp = info.get("xmp")
    return Metadata(
        icc_profile=info.get("icc_profile"),
        exif=exif,
        xmp=xmp if isinstance(xmp, bytes) else None,
        dpi=info.get("dpi"),
        chunks=tuple(chunks),
        tags=tags,
        directories=directories,
    )


def _from_page(path: Path, page: tiff_files.Page) -> Photograph:
    """Returns a photograph of a page of a TIFF file that Pillow does not read."""
    notes = [] if page.frames == 1 else [decoding.further_frames(page.frames)]
    channels, white = page.samples, page.white
    if channels.dtype not in (np.uint8, np.uint16, np.float32):
        notes.append(f"Samples of the type {channels.dtype} are written as floats of 32 bits")
        channels, white = np.asarray(channels / page.white, np.float32), 1
    if page.low_is_white:
        channels = np.asarray(white - channels, channels.dtype)
    return Photograph(
        path,
        "TIFF",
        page.mode,
        channels[..., : _CHANNELS[page.mode]],
        channels[..., -1:] if page.has_alpha else None,
        white,
        page.orientation if page.orientation in range(1, 9) else 1,
        decoding.usable_space(page.mode, page.profile, notes),
        Metadata(page.profile, tags=page.tags, directories=page.directories),
        tuple(notes),
    )
