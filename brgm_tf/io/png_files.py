"""PNG files of 8 and 16 bits with all metadata, as chunks.

Pillow writes no colours of 16 bits and leaves out chunks that it does not know.

Reference: Portable Network Graphics (PNG) Specification, third edition, W3C 2025.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by the number of channels
_PAETH = 4
_BAND_BYTES = 1 << 24
# Chunks that depend on the stored samples, and frames of animations.
_DEPENDENT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"hIST", b"bKGD", b"sBIT", b"sPLT"),
    *(b"acTL", b"fcTL", b"fdAT"),
}

Chunk = tuple[bytes, bytes]


def read_chunk(file: BinaryIO, name: bytes) -> bytes | None:
    """Returns the contents of the first chunk of a name before the pixels; None without one.

    Args:
        file: Opened PNG file; its position is restored.
        name: Four letters.
    """
    position = file.tell()
    try:
        for key, content in _chunks(file):
            if key == name:
                return content
            if key == b"IDAT":
                break
    finally:
        file.seek(position)
    return None


def read_metadata(file: BinaryIO) -> list[Chunk]:
    """Returns the chunks of a PNG file that do not depend on its samples, in their order.

    Args:
        file: Opened PNG file.
    """
    return [(name, content) for name, content in _chunks(file) if name not in _DEPENDENT]


def make_metadata(*, profile: bytes | None, exif: bytes | None) -> list[Chunk]:
    """Returns the chunks of an ICC profile and of EXIF data.

    Args:
        profile: ICC profile; None for none.
        exif: EXIF data; None for none.
    """
    chunks = []
    if profile:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    return chunks


def encode(samples: np.ndarray, metadata: Iterable[Chunk] = ()) -> bytes:
    """Returns a PNG file; equal samples give equal bytes.

    Args:
        samples: uint8 or uint16 [H, W, C]: grey, grey with alpha, RGB or RGBA.
        metadata: Names and contents of further chunks.

    Example:
        >>> encode(np.zeros((1, 1, 3), np.uint16))[:4]
        b'\\x89PNG'
    """
    height, width, channels = samples.shape
    bits = 8 * samples.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOUR_TYPES[channels], 0, 0, 0)
    parts = [_SIGNATURE, _chunk(b"IHDR", header)]
    parts += [_chunk(name, content) for name, content in metadata]
    parts += [_chunk(b"IDAT", part) for part in _compressed(samples)]
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _chunks(file: BinaryIO) -> Iterator[Chunk]:
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name in (b"IDAT", b"fdAT"):
            file.seek(size + 4, 1)
            yield name, b""
            continue
        yield name, file.read(size)
        file.seek(4, 1)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(name))
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _compressed(samples: np.ndarray) -> Iterator[bytes]:
    """Yields the compressed rows in bands, so that memory stays bounded."""
    compressor = zlib.compressobj(6, strategy=zlib.Z_FILTERED)
    step = samples.shape[2] * samples.dtype.itemsize
    rows = max(1, _BAND_BYTES // (samples.shape[1] * step))
    above = np.zeros((1, samples.shape[1] * step), np.uint8)
    for top in range(0, len(samples), rows):
        band = samples[top : top + rows].astype(samples.dtype.newbyteorder(">"))
        values = np.frombuffer(band.tobytes(), np.uint8).reshape(len(band), -1)
        above = np.concatenate([above, values])
        yield compressor.compress(_filtered(above, step).tobytes())
        above = above[-1:]
    yield compressor.flush()


def _filtered(values: np.ndarray, step: int) -> np.ndarray:
    """Returns the Paeth filter of all rows but the first, behind the number of the filter."""
    padded = np.pad(values.astype(np.int16), ((0, 0), (step, 0)))
    corner, up, left = padded[:-1, :-step], padded[:-1, step:], padded[1:, :-step]
    by_left, by_up = np.abs(up - corner), np.abs(left - corner)
    by_corner = np.abs(left + up - 2 * corner)
    prediction = np.where(by_up <= by_corner, up, corner)
    prediction = np.where((by_left <= by_up) & (by_left <= by_corner), left, prediction)
    difference = (values[1:] - prediction).astype(np.uint8)
    return np.pad(difference, ((0, 0), (1, 0)), constant_values=_PAETH)
