"""Grey levels and the units of images.

An image is in [-1, 1], and its grey levels are in [0, 255]: level = (image + 1) * 127.5.
"""

from __future__ import annotations

import warnings

import numpy as np

GREY_LEVELS_PER_UNIT = 127.5
GREY_LEVEL = 2.0 / 255.0  # one grey level, in units of the image


def warn_of_unit_range(values: np.ndarray, *, argument: str, stacklevel: int = 3) -> None:
    """Warns if all values lie in [0, 1], because black is -1 by convention.

    The values are used as they are. Integers and arrays of one value bring no warning.

    Args:
        values: Images or measurements of any shape.
        argument: Name of the user's argument, for the text.
        stacklevel: Number of calls up to the user's line.

    Warns:
        UserWarning: the values are floats in [0, 1].

    Example:
        >>> warn_of_unit_range(np.array([-0.5, 1.0]), argument="x")
    """
    if values.dtype.kind == "f" and values.size and 0 <= values.min() < values.max() <= 1:
        warnings.warn(
            f"All values of `{argument}` lie in [0, 1]. They are used as they are, and black is "
            f"-1. If black is 0 in the array, pass 2 * {argument} - 1.",
            stacklevel=stacklevel,
        )
