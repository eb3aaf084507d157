"""Pictures whose missing pixels are filled smoothly, so that holes do not mislead the detection.

A missing pixel has the mean of the known pixels in the smallest square of 2^k x 2^k pixels, of a
fixed grid, that holds a known one.
"""

from __future__ import annotations

import numpy as np

from brgm_tf.photographs.sampling import Picture


class FilledPicture:
    """A picture with filled holes.

    Args:
        picture: Picture.
        missing: bool [H, W], True = missing.
    """

    def __init__(self, picture: Picture, missing: np.ndarray) -> None:
        self._picture, self._missing = picture, missing

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._picture.size

    def box(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Returns float32 [height, width, 3] of a box, whose holes are filled."""
        missing = self._missing[top : top + height, left : left + width]
        return filled(self._picture.box(top, left, height, width), missing)

    def alpha_box(self, top: int, left: int, height: int, width: int) -> np.ndarray | None:
        """Returns alpha of a box; None if all is opaque."""
        return self._picture.alpha_box(top, left, height, width)

    def visible(self, points: np.ndarray, distance: float) -> np.ndarray:
        """Returns whether no missing pixel is near each point, bool [N].

        Args:
            points: (row, column) [N, 2].
            distance: Rows or columns within which a missing pixel counts.
        """
        low = np.maximum(np.floor(points - distance).astype(int), 0)
        high = np.maximum(np.ceil(points + distance).astype(int), 0)
        parts = [self._missing[a:b, c:d] for (a, c), (b, d) in zip(low, high, strict=True)]
        return np.array([not part.any() for part in parts])

    def reduced(self, largest: int) -> tuple[np.ndarray, int]:
        """Returns the means of squares of n x n pixels, whose holes are filled, and n."""
        overview, n = self._picture.reduced(largest)
        rows, columns = overview.shape[:2]
        squares = self._missing[: rows * n, : columns * n].reshape(rows, n, columns, n)
        return filled(overview, np.asarray(squares.any(axis=(1, 3)))), n


def filled(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Returns an image whose missing pixels have the mean of known pixels near them.

    Args:
        image: float32 [h, w, C].
        missing: bool [h, w], True = missing.

    Example:
        >>> image = np.array([[1.0, 0.0], [2.0, 3.0]], "float32")[..., None]
        >>> missing = np.array([[False, True], [False, False]])
        >>> filled(image, missing)[..., 0].tolist()
        [[1.0, 2.0], [2.0, 3.0]]
    """
    if not missing.any() or missing.all():
        return image
    known = ~missing
    means = _means(np.where(missing[..., None], 0, image), known.astype(np.float32)[..., None])
    return np.where(missing[..., None], means, image).astype(np.float32)


def _means(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the mean of each pixel, or of the next larger square that has a known pixel."""
    if counts.all() or max(counts.shape) == 1:
        return sums / np.maximum(counts, 1)
    height, width = counts.shape[:2]
    padding = [(0, height % 2), (0, width % 2), (0, 0)]
    larger = [np.pad(one, padding) for one in (sums, counts)]
    larger = [one[::2] + one[1::2] for one in larger]
    larger = [one[:, ::2] + one[:, 1::2] for one in larger]
    coarse = _means(*larger).repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(counts > 0, sums / np.maximum(counts, 1), coarse)
