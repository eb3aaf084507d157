"""Colours of 16 bits in PNG and TIFF files, which Pillow alone rounds to 8 bits.

Pillow's decoder keeps one byte of each sample. Its raw mode names the byte: ';16B' the first one,
and ';16L' the second one. Two passes over the file give both bytes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from PIL import Image

# Premultiplied colours (RGBa) and greys with alpha (LA) are not listed: Pillow computes with them.
_RAW_MODE = re.compile(r"(RGB|RGBA|RGBX|CMYK);16([BLN])")
_FIRST_BYTE, _SECOND_BYTE = "B", "L"
_NATIVE = "L" if sys.byteorder == "little" else "B"

# A function that opens the picture again, because a decoder reads a file once.
Opener = Callable[[], AbstractContextManager[Image.Image]]


def is_rounded(image: Image.Image) -> bool:
    """Returns whether Pillow decodes a file to fewer bits than its samples have.

    Args:
        image: Opened picture, before its pixels are decoded.
    """
    return image.mode not in ("I", "F", "I;16") and any(
        ";16" in _raw_mode(tile) for tile in _tiles(image)
    )


def can_read(image: Image.Image) -> bool:
    """Returns whether `read` gives all bits of an opened picture that Pillow rounds."""
    tiles = _tiles(image)
    return bool(tiles) and all(_RAW_MODE.fullmatch(_raw_mode(tile)) for tile in tiles)


def read(open_image: Opener) -> np.ndarray:
    """Returns the samples of a picture for which `can_read` is true.

    Args:
        open_image: Function that opens the picture, at the frame to be read.

    Returns:
        uint16 [H, W, 3 or 4] as the file stores them; its orientation is not applied.
    """
    first, order = _read_bytes(open_image, _FIRST_BYTE)
    second, _ = _read_bytes(open_image, _SECOND_BYTE)
    low, high = (first, second) if order == "L" else (second, first)
    samples = high.astype(np.uint16)
    del high
    samples <<= 8
    samples |= low
    return samples


def _read_bytes(open_image: Opener, which: str) -> tuple[np.ndarray, str]:
    """Returns one byte of each sample, and the order of the bytes: 'L' little, 'B' big endian."""
    with open_image() as image:
        tiles = _tiles(image)
        match = _RAW_MODE.fullmatch(_raw_mode(tiles[0]))
        order = match[2] if match else _NATIVE
        image.tile = [tile._replace(args=_with_byte(tile.args, which)) for tile in tiles]  # type: ignore[attr-defined]
        return np.asarray(image), _NATIVE if order == "N" else order


def _tiles(image: Image.Image) -> list[Any]:
    return list(getattr(image, "tile", ()))


def _raw_mode(tile: Any) -> str:
    args = tile.args[0] if isinstance(tile.args, tuple) and tile.args else tile.args
    return args if isinstance(args, str) else ""


def _with_byte(args: Any, which: str) -> Any:
    """Returns a decoder's arguments with a raw mode that gives one byte of each sample."""
    if isinstance(args, str):
        return _RAW_MODE.sub(rf"\1;16{which}", args)
    return (_with_byte(args[0], which), *args[1:])
