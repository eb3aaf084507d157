"""Parts of a picture: smaller overviews, and upright crops of turned squares."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from brgm_tf.io.images import from_uint8
from brgm_tf.photographs.alignment import Alignment

_ROWS = 256  # of a strip that is converted to floats at once


class Picture(Protocol):
    """A picture whose parts are read as floats, as `io.photographs.Photograph` is."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def box(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Returns float32 sRGB [height, width, 3] in [-1, 1] of a box inside the picture."""

    def alpha_box(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """Returns alpha of a box, float32 [height, width, 1] in [0, 1]; None if all is opaque."""

    def reduced(self, largest: int) -> tuple[np.ndarray, int]:
        """Returns the means of squares of n x n pixels, at most `largest` a side, and n."""


class ArrayPicture:
    """A picture in memory.

    Args:
        values: float32 [H, W, 1 or 3] in [-1, 1], or uint8.
        alpha: float32 [H, W, 1] in [0, 1]; None (default) for an opaque picture.

    Example:
        >>> ArrayPicture(np.zeros((4, 6, 1), "float32")).box(1, 2, 2, 3).shape
        (2, 3, 3)
    """

    def __init__(self, values: np.ndarray, alpha: np.ndarray | None = None) -> None:
        self.values, self.alpha = values, alpha

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.values.shape[1], self.values.shape[0]

    def box(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Returns float32 [height, width, 3] of a box inside the picture."""
        part = self.values[top : top + height, left : left + width]
        part = from_uint8(part) if part.dtype == np.uint8 else np.asarray(part, np.float32)
        return np.repeat(part, 3, axis=-1) if part.shape[-1] == 1 else part

    def alpha_box(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """Returns alpha of a box, float32 [height, width, 1]; None if all is opaque."""
        if self.alpha is None:
            return None
        return self.alpha[top : top + height, left : left + width]

    def reduced(self, largest: int) -> tuple[np.ndarray, int]:
        """Returns the means of squares of n x n pixels, at most `largest` a side, and n."""
        width, height = self.size
        n = max(1, -(-max(width, height) // largest))
        rows, columns = height // n, width // n
        result = np.empty((rows, columns, 3), np.float32)
        step = max(1, _ROWS // n)
        for row in range(0, rows, step):
            count = min(step, rows - row)
            strip = self.box(row * n, 0, count * n, columns * n)
            result[row : row + count] = block_means(strip, n)
        return result, n


def block_means(image: np.ndarray, factor: int) -> np.ndarray:
    """Returns the means [h, w, C] of blocks of an image [h factor, w factor, C]."""
    if factor == 1:
        return image
    height, width, channels = image.shape
    blocks = image.reshape(height // factor, factor, width // factor, factor, channels)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def padded_box(
    picture: Picture, top: int, left: int, size: tuple[int, int], *, fill: float = 0.0
) -> np.ndarray:
    """Returns a box that may reach beyond the picture, where it has the value `fill`.

    Args:
        picture: Picture.
        top: First row, which may be negative.
        left: First column, which may be negative.
        size: Height and width.
        fill: Value in [-1, 1]; default mid-grey.
    """
    result = np.full((*size, 3), fill, np.float32)
    width, height = picture.size
    first = max(top, 0), max(left, 0)
    last = min(top + size[0], height), min(left + size[1], width)
    if first[0] < last[0] and first[1] < last[1]:
        part = picture.box(*first, last[0] - first[0], last[1] - first[1])
        rows = slice(first[0] - top, last[0] - top)
        result[rows, first[1] - left : last[1] - left] = part
    return result


def padded_alpha(picture: Picture, top: int, left: int, size: tuple[int, int]) -> np.ndarray | None:
    """Returns alpha of a box, float32 [h, w, 1] in [0, 1], 1 beyond the picture; None if opaque.

    Args:
        picture, top, left, size: See `padded_box`.
    """
    width, height = picture.size
    first = max(top, 0), max(left, 0)
    last = min(top + size[0], height), min(left + size[1], width)
    part = picture.alpha_box(*first, last[0] - first[0], last[1] - first[1])
    if part is None:
        return None
    result = np.ones((*size, 1), np.float32)
    result[first[0] - top : last[0] - top, first[1] - left : last[1] - left] = part
    return result


def upright(picture: Picture, square: Alignment, size: int) -> np.ndarray:
    """Returns the contents of a square, upright: float32 [size, size, 3].

    Pixels are means of blocks if the square is larger, and bilinear between them.
    """
    corners = square.corners()
    factor = max(1, int(square.side / size))
    first = np.floor(corners.min(axis=0) / factor).astype(int) - 2
    count = np.ceil(corners.max(axis=0) / factor).astype(int) + 2 - first
    top, left = (first * factor).tolist()
    height, width = (count * factor).tolist()
    box = block_means(padded_box(picture, top, left, (height, width)), factor)
    unit = (np.arange(size) + 0.5) / size
    points = square.to_picture(np.stack(np.meshgrid(unit, unit, indexing="ij"), axis=-1))
    return _bilinear(box, (points - (top, left)) / factor - 0.5)


def _bilinear(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns the values at (row, column) [..., 2], counted from the centre of the first pixel."""
    limits = np.array(image.shape[:2]) - 2
    whole = np.clip(np.floor(points).astype(int), 0, limits)
    down, right = np.moveaxis((points - whole).astype(np.float32), -1, 0)[..., None]
    row, column = np.moveaxis(whole, -1, 0)
    upper = (1 - right) * image[row, column] + right * image[row, column + 1]
    lower = (1 - right) * image[row + 1, column] + right * image[row + 1, column + 1]
    return ((1 - down) * upper + down * lower).astype(np.float32)
