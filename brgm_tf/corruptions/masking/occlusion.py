"""Something stands before the scene: a box of one grey, at a place that may be unknown."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.base import Corruption

_SIDES = ("top", "left", "bottom", "right")


@dataclasses.dataclass(frozen=True)
class Occlusion(Corruption):
    """A box of one grey covers the image: y = (1 - m) x + m fill.

    m is the share of a pixel that the box covers: of a pixel whose edges are at i / H and
    (i + 1) / H, along the height,

        clip(bottom H - i, 0, 1) - clip(top H - i, 0, 1),    0 where that is negative,

    times the same along the width. All pixels are measured: those of the box say where it is.
    (Where it is known, `box_mask` leaves them out, and known pixels can be put back.)

    Args:
        top, left, bottom, right: edges of the box in fractions of the height (top, bottom) and
            of the width (left, right), from 0 at the top and left to 1; or an `ParameterPrior`.
        fill: value of the box in [-1, 1], default 1.0, white; or an `ParameterPrior`.

    Raises:
        InputError: an edge or fill is no such number.
    """

    top: float
    left: float
    bottom: float
    right: float
    fill: float = 1.0

    def __post_init__(self):
        for name, check in (*((side, number(0, 1)) for side in _SIDES), ("fill", number(-1, 1))):
            value = checked(name, getattr(self, name), check, inferable=True)
            object.__setattr__(self, name, value)

    def forward(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        covered = self._covered(x)
        return (1.0 - covered) * x + covered * self.value("fill", x)

    def adjoint(self, y):
        """A^T y = (1 - m) y."""
        y = tf.convert_to_tensor(y)
        return (1.0 - self._covered(y)) * y

    def get_config(self) -> dict:
        """{'top': ..., 'left': ..., 'bottom': ..., 'right': ..., 'fill': ...}."""
        return {name: getattr(self, name) for name in (*_SIDES, "fill")}

    def _covered(self, x):
        """m [1 or B, H, W, 1]."""
        # Half precision has too few digits for a place.
        dtype = tf.float32 if x.dtype.size < 4 else x.dtype
        top, left, bottom, right = (self.value(side, tf.zeros([], dtype)) for side in _SIDES)
        rows = _shares(top, bottom, size=x.shape[1], dtype=dtype)
        columns = _shares(left, right, size=x.shape[2], dtype=dtype)
        return tf.cast(rows[..., None, None] * columns[:, None, :, None], x.dtype)


def _shares(first, last, *, size: int, dtype):
    """The share of each of `size` pixels that lies between two edges, [1 or B, size]."""
    start = tf.range(size, dtype=dtype)
    first, last = (tf.reshape(edge, [-1, 1]) * size for edge in (first, last))
    return tf.nn.relu(tf.clip_by_value(last - start, 0, 1) - tf.clip_by_value(first - start, 0, 1))
