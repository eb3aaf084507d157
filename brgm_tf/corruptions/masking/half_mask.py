"""A missing half: out-painting."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import one_of
from brgm_tf.corruptions.common_parameters import fill_parameter
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True, repr=False)
class HalfMask(FixedMask):
    """One half of every image is missing; the smaller part of an odd number of pixels.

    Args:
        side: 'left', 'right', 'top' or 'bottom', the half that is missing.
        fill: Value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: side has another value, or fill is not in its range.

    Example:
        >>> from brgm_tf import HalfMask
        >>> HalfMask("left").missing_map(1, 5).tolist()
        [[True, True, False, False, False]]

    Reference: Lugmayr et al. (2022), RePaint (arXiv 2201.09865), the setting "half".
    """

    side: str = parameter(one_of("left", "right", "top", "bottom"), "Half that is missing")
    fill: float = fill_parameter()

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """Returns bool [height, width], True = missing."""
        return half(height, width, side=self.side)


@functools.lru_cache(maxsize=8)
def half(height: int, width: int, *, side: str) -> np.ndarray:
    """Returns bool [height, width], True on a side of the middle row or column, read-only."""
    missing = np.zeros((height, width), bool)
    part: Any = {
        "left": np.s_[:, : width // 2],
        "right": np.s_[:, width - width // 2 :],
        "top": np.s_[: height // 2],
        "bottom": np.s_[height - height // 2 :],
    }[side]
    missing[part] = True
    missing.flags.writeable = False  # the cache shares it
    return missing
