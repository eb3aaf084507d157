"""Enlargement by a network for each of a few factors, one after the other."""

from __future__ import annotations

import math

from brgm_tf.core.errors import InputError

# Factors of the networks of ESRGAN-thick. The largest comes first.
_FACTORS = (8, 4, 3, 2)


def passes(factor: float) -> tuple[int, ...]:
    """Returns the factors of successive enlargements, whose product is `factor`.

    Args:
        factor: Ratio of the pixels of the image to the measured ones, along a side.

    Raises:
        InputError: The factor is not a product of 2, 3, 4 and 8.

    Example:
        >>> passes(8), passes(16), passes(32)
        ((8,), (8, 2), (8, 4))
    """
    chosen: list[int] = []
    while divisors := [each for each in _FACTORS if (factor / math.prod(chosen)) % each == 0]:
        chosen.append(divisors[0])
    if math.prod(chosen) != factor:
        raise InputError(
            "baselines",
            "must enlarge by a product of 2, 3, 4 and 8 for esrgan",
            remedy="Leave esrgan out, or choose another factor of downsample()",
            factor=factor,
        )
    return tuple(chosen)
