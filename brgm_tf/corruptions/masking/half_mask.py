"""A half missing: out-painting."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from brgm_tf.core.validation import checked, one_of
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True)
class HalfMask(FixedMask):
    """One half of every image is missing; of an odd number of pixels the smaller part.

    Args:
        side: 'left', 'right', 'top' or 'bottom', the half that is missing.
        fill: value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: side is no such word, or fill no such number.

    Reference: Lugmayr et al. (2022), RePaint (arXiv 2201.09865), the setting "half".
    """

    side: str
    fill: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        checked("side", self.side, one_of("left", "right", "top", "bottom"))

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """bool [height, width], True = missing."""
        return half(height, width, side=self.side)

    def get_config(self) -> dict:
        """{'side': ..., 'fill': ...}."""
        return {"side": self.side, "fill": self.fill}


@functools.lru_cache(maxsize=8)
def half(height: int, width: int, *, side: str) -> np.ndarray:
    """bool [height, width], True on `side` of the middle; the middle row or column is known."""
    missing = np.zeros((height, width), bool)
    part = {
        "left": np.s_[:, : width // 2],
        "right": np.s_[:, width - width // 2 :],
        "top": np.s_[: height // 2],
        "bottom": np.s_[height - height // 2 :],
    }[side]
    missing[part] = True
    missing.flags.writeable = False  # shared by the cache
    return missing
