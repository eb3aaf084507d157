"""Scratches, as on film."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from brgm_tf.core.validation import MAX_INT, checked, integer, positive_int
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True)
class Scratches(FixedMask):
    """Straight lines across the picture are missing, drawn once for all images of the run.

    Each runs from a random point of one side to a random point of the opposite one.

    Args:
        count: of scratches, in [1, 1000].
        width: of each, pixels.
        seed: of the draw, in [0, 2^31), default 0.
        fill: value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: count, width, seed or fill is no such number.

    Reference: Bertalmio et al. (2000), Image inpainting, SIGGRAPH, for the damage.
    """

    count: int
    width: int
    seed: int = 0
    fill: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "count", checked("count", self.count, integer(1, 1000)))
        object.__setattr__(self, "width", checked("width", self.width, positive_int))
        object.__setattr__(self, "seed", checked("seed", self.seed, integer(0, MAX_INT)))

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """bool [height, width], True = missing."""
        return scratched(height, width, count=self.count, thickness=self.width, seed=self.seed)

    def get_config(self) -> dict:
        """{'count': ..., 'width': ..., 'seed': ..., 'fill': ...}."""
        return {"count": self.count, "width": self.width, "seed": self.seed, "fill": self.fill}


@functools.lru_cache(maxsize=8)
def scratched(height: int, width: int, *, count: int, thickness: int, seed: int) -> np.ndarray:
    """bool [height, width], True where a pixel's centre is within thickness / 2 of a line.

    A line runs from (0, a) to (length, b), in pixels along and across it, with a and b
    uniform on its two sides: from the top to the bottom, or the left to the right.
    """
    # RandomState's numbers are the same in every version of NumPy.
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
    missing.flags.writeable = False  # shared by the cache
    return missing
