"""Random missing pixels."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from brgm_tf.core import validation
from brgm_tf.core.parameters import parameter
from brgm_tf.corruptions.common_parameters import fill_parameter, seed_parameter
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True, repr=False)
class RandomMask(FixedMask):
    """A fraction of the pixels is missing, drawn once for all images of the run.

    Args:
        fraction: Fraction of the pixels, in (0, 1). The number of missing pixels is exact.
        seed: Seed of the draw, in [0, 2^31), default 0.
        fill: Value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: fraction, seed or fill is not in its range.

    Example:
        >>> from brgm_tf import RandomMask
        >>> RandomMask(0.25).missing_map(8, 8).sum().item()
        16

    Reference: Lehtinen et al. (2018), Noise2Noise (arXiv 1803.04189), and DeepInverse's
    `Inpainting` of a float draw each pixel by itself, so their fraction varies.
    """

    fraction: float = parameter(
        validation.fraction,
        "Fraction of the pixels that are missing, in (0, 1)",
        typical=(0.01, 0.99, 0.7),
    )
    seed: int = seed_parameter()
    fill: float = fill_parameter()

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """Returns bool [height, width], True = missing."""
        return random_pixels(height, width, fraction=self.fraction, seed=self.seed)


@functools.lru_cache(maxsize=8)
def random_pixels(height: int, width: int, *, fraction: float, seed: int) -> np.ndarray:
    """Returns a random set of round(fraction H W) pixels; all sets are equally likely.

    Args:
        height: H.
        width: W.
        fraction: Fraction of the pixels.
        seed: Seed of the draw.

    Returns:
        bool [H, W], read-only.
    """
    missing = np.zeros((height, width), bool)
    # RandomState draws the same numbers in every version of NumPy.
    order = np.random.RandomState(seed).permutation(height * width)
    missing.flat[order[: round(fraction * height * width)]] = True
    missing.flags.writeable = False  # the cache shares it
    return missing
