"""Pixels missing here and there."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from brgm_tf.core.validation import MAX_INT, checked, fraction, integer
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True)
class RandomMask(FixedMask):
    """A share of the pixels is missing, drawn once for all images of the run.

    Args:
        fraction: of the pixels, in (0, 1); kept to the pixel, not in the mean only.
        seed: of the draw, in [0, 2^31), default 0.
        fill: value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: fraction, seed or fill is no such number.

    Reference: Lehtinen et al. (2018), Noise2Noise (arXiv 1803.04189), and DeepInverse's
    `Inpainting` of a float draw each pixel by itself, so their share varies.
    """

    fraction: float
    seed: int = 0
    fill: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "fraction", checked("fraction", self.fraction, fraction))
        object.__setattr__(self, "seed", checked("seed", self.seed, integer(0, MAX_INT)))

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """bool [height, width], True = missing."""
        return random_pixels(height, width, share=self.fraction, seed=self.seed)

    def get_config(self) -> dict:
        """{'share': ..., 'seed': ..., 'fill': ...}."""
        return {"fraction": self.fraction, "seed": self.seed, "fill": self.fill}


@functools.lru_cache(maxsize=8)
def random_pixels(height: int, width: int, *, share: float, seed: int) -> np.ndarray:
    """bool [height, width], True at round(share height width) pixels, all sets equally likely."""
    missing = np.zeros((height, width), bool)
    # RandomState's numbers are the same in every version of NumPy.
    order = np.random.RandomState(seed).permutation(height * width)
    missing.flat[order[: round(share * height * width)]] = True
    missing.flags.writeable = False  # shared by the cache
    return missing
