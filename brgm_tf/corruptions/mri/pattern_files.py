"""Patterns of k-space from files: the mask of a scanner. TensorFlow is not imported here."""

from __future__ import annotations

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import check_values, load_real

ARGUMENT = "pattern"
SUFFIXES = (".npy", ".png")
MAX_SIDE = 8192


def load_pattern(path: str) -> np.ndarray:
    """Reads which values of k-space are sampled: bool [H, W], or [W] where it is whole columns.

    Args:
        path: a .npy file of numbers or bools, [H, W] or [W], or a grey .png file. What is not 0
            is sampled; the frequency 0 is at [H // 2, W // 2].

    Raises:
        InputError: the file is missing or damaged, or holds no such array, or nothing but 0.
    """

    def check_shape(shape: tuple[int, ...]) -> None:
        if len(shape) not in (1, 2) or not all(1 <= side <= MAX_SIDE for side in shape):
            raise InputError(
                ARGUMENT,
                f"must hold what is sampled, [H, W] or columns [W], of at most {MAX_SIDE} a side",
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
    """A pattern for k-space of a size: bool [height, width].

    The k-space of a smaller image of the same field of view is the middle of that of a larger
    one, and so is its pattern: of more columns than `width` those in the middle count, and of a
    larger square its middle.

    Args:
        sampled: bool [H, W], or [W], as `load_pattern` reads it.
        height, width: of k-space.
        path: of the file, for errors.

    Raises:
        InputError: it is of another size, or nothing of the middle is sampled.
    """
    sides = sampled.shape
    is_larger = (
        min(sides) >= width and sides[0] == sides[-1] and (height == width or len(sides) < 2)
    )
    if sides != (height, width) and not is_larger:
        raise InputError(
            ARGUMENT,
            f"must be of {width} columns or more, or where it is not of whole columns of "
            f"{height} x {width} values" + (" or a larger square" if height == width else ""),
            remedy="Give the pattern of the scan, of as many columns",
            pattern=path,
            shape=sides,
        )
    for axis, size in zip(range(-len(sides), 0), (height, width)[-len(sides) :], strict=True):
        first = sides[axis] // 2 - size // 2
        sampled = sampled.take(range(first, first + size), axis=axis)
    if not sampled.any():
        raise InputError(
            ARGUMENT, f"must sample something of the middle {height} x {width} values", pattern=path
        )
    return np.tile(sampled, (height, 1)) if sampled.ndim == 1 else sampled
