"""Missing rectangles."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from brgm_tf.core import validation
from brgm_tf.core.parameters import parameter
from brgm_tf.corruptions.common_parameters import fill_parameter
from brgm_tf.corruptions.masking.fixed_mask import FixedMask


@dataclasses.dataclass(frozen=True, repr=False)
class BoxMask(FixedMask):
    """One or several boxes are missing, the same in every image.

    Args:
        boxes: [(top, left, bottom, right), ...] in fractions of the height (top, bottom) and of the
            width (left, right), from 0 at the top and left to 1. A pixel is missing if its centre
            lies in a box.
        fill: Value of missing pixels in [-1, 1], default 1.0, white.

    Raises:
        InputError: boxes has another form, or fill is not in its range.

    Example:
        >>> from brgm_tf import BoxMask
        >>> BoxMask([(0.25, 0.25, 0.75, 0.75)]).missing_map(8, 8).sum().item()
        16

    Reference: Pathak et al. (2016), Context encoders (arXiv 1604.07379), the central region:
    boxes=[(0.25, 0.25, 0.75, 0.75)].
    """

    boxes: tuple[tuple[float, ...], ...] = parameter(
        validation.boxes, "[(top, left, bottom, right), ...] in fractions of the sides"
    )
    fill: float = fill_parameter()

    def missing_map(self, height: int, width: int) -> np.ndarray:
        """Returns bool [height, width], True = missing."""
        return pixels_of_boxes(height, width, boxes=self.boxes)


@functools.lru_cache(maxsize=8)
def pixels_of_boxes(height: int, width: int, *, boxes: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """Returns the pixels with top <= (i + 1/2) / height < bottom, and likewise in width.

    Args:
        height: H.
        width: W.
        boxes: ((top, left, bottom, right), ...) in fractions of the sides.

    Returns:
        bool [H, W], read-only.
    """
    rows = (np.arange(height)[:, None] + 0.5) / height
    columns = (np.arange(width) + 0.5) / width
    missing = np.zeros((height, width), bool)
    for top, left, bottom, right in boxes:
        missing |= (top <= rows) & (rows < bottom) & (left <= columns) & (columns < right)
    missing.flags.writeable = False  # the cache shares it
    return missing
