"""Patterns of k-space from files: the mask of a scanner. This module does not import TensorFlow."""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import check_values, load_real

ARGUMENT = "pattern"
SUFFIXES = (".npy", ".png")
MAX_SIDE = 8192


def load_pattern(path: str) -> np.ndarray:
    """Loads the sampled values of k-space: bool [H, W], or [W] for whole columns.

    Args:
        path: Path of a .npy file with numbers or bools, [H, W] or [W], or of a grey .png file.
            Values other than 0 are sampled; the frequency 0 is at [H // 2, W // 2].

    Raises:
        InputError: The file is missing or damaged, or holds another array, or only 0.
    """

    def check_shape(shape: tuple[int, ...]) -> None:
        if len(shape) not in (1, 2) or not all(1 <= side <= MAX_SIDE for side in shape):
            raise InputError(
                ARGUMENT,
                f"must hold the sampled values, [H, W] or columns [W], at most {MAX_SIDE} a side",
                pattern=path,
                shape=tuple(shape),
            )

    values = load_real(
        path, argument=ARGUMENT, noun="pattern", check_shape=check_shape, kinds="biuf"
    )
    check_values(values, argument=ARGUMENT, path=path)
    sampled = values != 0
    is_columns = sampled.ndim == 2 and (sampled == sampled[0]).all()
    return sampled[0] if is_columns else sampled


def fitted(sampled: np.ndarray, height: int, width: int, *, path: str) -> np.ndarray:
    """Fits a pattern to the size of k-space.

    A smaller image of the same field of view has the middle of the k-space of a larger one. So the
    middle of a larger square or of more columns is used.

    Args:
        sampled: bool [H, W], or [W], as `load_pattern` returns it.
        height: Rows of k-space.
        width: Columns of k-space.
        path: Path of the file, for errors.

    Returns:
        bool [height, width].

    Raises:
        InputError: The pattern has another size, or its middle has no sampled value.
    """
    sides = sampled.shape
    is_larger = (
        min(sides) >= width and sides[0] == sides[-1] and (height == width or len(sides) < 2)
    )
    if sides != (height, width) and not is_larger:
        raise InputError(
            ARGUMENT,
            f"must have {width} columns or more; a pattern that is not of whole columns must have "
            f"{height} x {width} values" + (" or be a larger square" if height == width else ""),
            remedy="Give the pattern of the scan, with the same number of columns",
            pattern=path,
            shape=sides,
        )
    for axis, size in zip(range(-len(sides), 0), (height, width)[-len(sides) :], strict=True):
        first = sides[axis] // 2 - size // 2
        sampled = sampled.take(range(first, first + size), axis=axis)
    if not sampled.any():
        raise InputError(
            ARGUMENT, f"must sample a value of the middle {height} x {width} values", pattern=path
        )
    return np.tile(sampled, (height, 1)) if sampled.ndim == 1 else sampled
