"""Orientation of EXIF: views of arrays that stand upright."""

from __future__ import annotations

import numpy as np
from PIL import Image

TAG = 0x0112
# The orientation that undoes another one.
INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def orientation_of(image: Image.Image) -> int:
    """Returns the orientation of an opened picture that is still to be applied, 1 to 8."""
    value = image.getexif().get(TAG, 1)
    return value if value in range(1, 9) else 1


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """Returns a view of stored rows that stands upright; writing to it changes the rows.

    Args:
        stored: [H, W, ...] as the file stores the rows.
        orientation: Orientation of EXIF, 1 to 8.

    Returns:
        [H, W, ...], or [W, H, ...] for the orientations 5 to 8.

    Example:
        >>> upright(np.array([[1, 2], [3, 4]]), 6).tolist()
        [[3, 1], [4, 2]]
    """
    if orientation >= 5:
        stored = np.swapaxes(stored, 0, 1)
    # 2 and 7 mirror, 3 turns by 180 degrees; 6 and 8 are transposed and mirrored.
    flips_rows = orientation in (3, 4, 7, 8)
    flips_columns = orientation in (2, 3, 6, 7)
    return stored[:: -1 if flips_rows else 1, :: -1 if flips_columns else 1]
