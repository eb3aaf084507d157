"""Rectangles missing."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from brgm_tf.core.validation import boxes, checked
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True)
class BoxMask(FixedMask):
    """One or several boxes are missing, the same in every image.

    Args:
        boxes: [(top, left, bottom, right), ...] in fractions of the height (top, bottom)
            and of the width (left, right), from 0 at the top and left to 1: a pixel is
            missing if its centre lies in a box.
        fill: value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: boxes is no such list, or fill no such number.

    Reference: Pathak et al. (2016), Context encoders (arXiv 1604.07379), the central
    region: boxes=[(0.25, 0.25, 0.75, 0.75)].
    """

    boxes: tuple
    fill: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "boxes", checked("boxes", self.boxes, boxes))

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """bool [height, width], True = missing."""
        return pixels_of_boxes(height, width, boxes=self.boxes)

    def get_config(self) -> dict:
        """{'boxes': ..., 'fill': ...}."""
        return {"boxes": self.boxes, "fill": self.fill}


@functools.lru_cache(maxsize=8)
def pixels_of_boxes(height: int, width: int, *, boxes: tuple) -> np.ndarray:
    """bool [height, width], True where top <= (i + 1/2) / height < bottom, likewise in width."""
    rows = (np.arange(height)[:, None] + 0.5) / height
    columns = (np.arange(width) + 0.5) / width
    missing = np.zeros((height, width), bool)
    for top, left, bottom, right in boxes:
        missing |= (top <= rows) & (rows < bottom) & (left <= columns) & (columns < right)
    missing.flags.writeable = False  # shared by the cache
    return missing
