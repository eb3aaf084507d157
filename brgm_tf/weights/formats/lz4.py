"""LZ4 frames -> bytes.

A frame holds blocks, and a block holds sequences: literal bytes, then a copy of earlier bytes.
Checksums are skipped, because the files that are read here have verified checksums.

Reference: LZ4 Frame Format 1.6.1 and LZ4 Block Format.
"""

from __future__ import annotations

import struct

_MAGIC = b"\x04\x22\x4d\x18"
_LONG = 15  # a length of 15 goes on in further bytes
_MIN_COPY = 4


def decompress(data: bytes, *, largest: int = 2**28) -> bytes:
    """Returns the bytes of a frame.

    Args:
        data: Frame.
        largest: Largest number of bytes that are returned.

    Raises:
        ValueError: The data are no frame, are damaged, or hold more bytes.

    Example:
        >>> head = bytes.fromhex("04224d18 60 40 82".replace(" ", ""))
        >>> decompress(head + bytes([3, 0, 0, 128]) + b"abc" + bytes(4))
        b'abc'
    """
    if data[:4] != _MAGIC or len(data) < 7:
        raise ValueError("no LZ4 frame")
    flags = data[4]
    has_checksum, has_size, has_dictionary = flags & 0x10, flags & 0x08, flags & 0x01
    position = 7 + (8 if has_size else 0) + (4 if has_dictionary else 0)
    result = bytearray()
    while True:
        (word,) = struct.unpack_from("<I", data, position)
        size, position = word & 0x7FFFFFFF, position + 4
        if size == 0:
            return bytes(result)
        block = data[position : position + size]
        if len(block) < size:
            raise ValueError("an LZ4 block is cut off")
        if word >> 31:
            result += block
        else:
            _decode(block, result, largest)
        if len(result) > largest:
            raise ValueError("more bytes than expected")
        position += size + (4 if has_checksum else 0)


def _decode(block: bytes, result: bytearray, largest: int) -> None:
    """Appends the bytes of a block; copies may reach into the blocks before it."""
    position = 0
    while True:
        token = block[position]
        size, position = _length(block, position + 1, token >> 4)
        if position + size > len(block):
            raise ValueError("literals reach beyond an LZ4 block")
        result += block[position : position + size]
        position += size
        if position == len(block):  # The last sequence has no copy.
            return
        (offset,) = struct.unpack_from("<H", block, position)
        size, position = _length(block, position + 2, token & 15)
        size += _MIN_COPY
        if not 0 < offset <= len(result) or len(result) + size > largest:
            raise ValueError("an LZ4 copy is out of range")
        # A copy that overlaps itself repeats its bytes.
        source = bytes(result[-offset:] if size >= offset else result[-offset:][:size])
        result += (source * (size // len(source) + 1))[:size]


def _length(block: bytes, position: int, length: int) -> tuple[int, int]:
    """Returns a length and the position after it."""
    if length == _LONG:
        while True:
            length += block[position]
            position += 1
            if block[position - 1] != 255:
                break
    return length, position
