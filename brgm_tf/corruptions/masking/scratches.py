"""Scratches, as on film."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import integer, positive_int
from brgm_tf.corruptions.common_parameters import fill_parameter, seed_parameter
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True, repr=False)
class Scratches(FixedMask):
    """Straight lines across the image are missing, drawn once for all images of the run.

    Each line runs from a random point of one side to a random point of the opposite side.

    Args:
        count: Number of scratches, in [1, 1000].
        width: Width of a scratch in pixels.
        seed: Seed of the draw, in [0, 2^31), default 0.
        fill: Value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: count, width, seed or fill is not in its range.

    Example:
        >>> from brgm_tf import Scratches
        >>> bool(Scratches(count=2, width=1).missing_map(16, 16).any(axis=0).all())
        True

    Reference: Bertalmio et al. (2000), Image inpainting, SIGGRAPH, for the damage.
    """

    count: int = parameter(integer(1, 1000), "Number of scratches", typical=(1, 40, 12))
    width: int = parameter(positive_int, "Width of a scratch in pixels", typical=(1, 16, 3))
    seed: int = seed_parameter()
    fill: float = fill_parameter()

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """Returns bool [height, width], True = missing."""
        return scratched(height, width, count=self.count, thickness=self.width, seed=self.seed)


@functools.lru_cache(maxsize=8)
def scratched(height: int, width: int, *, count: int, thickness: int, seed: int) -> np.ndarray:
    """Returns the pixels whose centre is within thickness / 2 of a line.

    A line runs from (0, a) to (length, b), in pixels along and across it: from the top to the
    bottom or from the left to the right. a and b are uniform on the two sides.

    Args:
        height: H.
        width: W.
        count: Number of lines.
        thickness: Thickness of a line in pixels.
        seed: Seed of the draw.

    Returns:
        bool [H, W], read-only.
    """
    # RandomState draws the same numbers in every version of NumPy.
    random = np.random.RandomState(seed)
    downwards, ends = random.randint(2, size=count), random.uniform(size=(count, 2))
    rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5
    missing = np.zeros((height, width), bool)
    for is_downwards, pair in zip(downwards, ends, strict=True):
        along, across = (rows, columns) if is_downwards else (columns, rows)
        length, breadth = (height, width) if is_downwards else (width, height)
        a, b = pair * breadth
        offset = (across - a) * length - along * (b - a)
        missing |= np.abs(offset) <= 0.5 * thickness * np.hypot(length, b - a)
    missing.flags.writeable = False  # the cache shares it
    return missing
