"""An object before the scene: a box of one grey level, whose place may be unknown."""

from __future__ import annotations

import dataclasses
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import number
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.common_parameters import fill_parameter

_SIDES = ("top", "left", "bottom", "right")


def _edge(across: str, low: float, high: float, start: float) -> Any:
    return parameter(
        number(0, 1),
        f"Edge of the box, as a fraction of the {across}",
        unknown=Bounded(low, high),
        typical=(low, high, start),
    )


@dataclasses.dataclass(frozen=True, repr=False)
class Occlusion(Corruption):
    """A box of one grey level covers the image: y = (1 - m) x + m fill.

    m is the fraction of a pixel that the box covers. A pixel has its edges at i / H and (i + 1) / H
    along the height, where the fraction is

        clip(bottom H - i, 0, 1) - clip(top H - i, 0, 1),    0 if negative.

    m is the product with the fraction along the width. All pixels are measured, because the pixels
    of the box show its place. If the place is known, `BoxMask` leaves these pixels out, and known
    pixels can be put back.

    Args:
        top: Upper edge of the box as a fraction of the height, 0 at the top; or a
            `ParameterPrior`, as each parameter of this class.
        left: Left edge as a fraction of the width, 0 at the left.
        bottom: Lower edge as a fraction of the height.
        right: Right edge as a fraction of the width.
        fill: Value of the box in [-1, 1], default 1.0, white.

    Raises:
        InputError: An edge or fill is not in its range.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Occlusion
        >>> Occlusion(0.0, 0.0, 1.0, 0.25).simulate(np.zeros([1, 2, 1])).tolist()
        [[[0.5], [0.0]]]
    """

    top: float = _edge("height", 0, 0.9, 0.3)
    left: float = _edge("width", 0, 0.9, 0.3)
    bottom: float = _edge("height", 0.1, 1, 0.7)
    right: float = _edge("width", 0.1, 1, 0.7)
    fill: float = fill_parameter(unknown=Bounded(-1, 1))

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x."""
        x = tf.convert_to_tensor(x)
        covered = self._covered(x)
        return (1.0 - covered) * x + covered * self.value("fill", x)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y = (1 - m) y."""
        y = tf.convert_to_tensor(y)
        return (1.0 - self._covered(y)) * y

    def _covered(self, x: tf.Tensor) -> tf.Tensor:
        """Returns m [1 or B, H, W, 1]."""
        # Half precision has too few digits for a position.
        dtype = tf.float32 if x.dtype.size < 4 else x.dtype
        top, left, bottom, right = (self.value(side, tf.zeros([], dtype)) for side in _SIDES)
        rows = _covered_fractions(top, bottom, size=x.shape[1], dtype=dtype)
        columns = _covered_fractions(left, right, size=x.shape[2], dtype=dtype)
        return tf.cast(rows[..., None, None] * columns[:, None, :, None], x.dtype)


def _covered_fractions(first: tf.Tensor, last: tf.Tensor, *, size: int, dtype: Any) -> tf.Tensor:
    """Returns the fraction of each of `size` pixels between two edges, [1 or B, size]."""
    start = tf.range(size, dtype=dtype)
    first, last = (tf.reshape(edge, [-1, 1]) * size for edge in (first, last))
    return tf.nn.relu(tf.clip_by_value(last - start, 0, 1) - tf.clip_by_value(first - start, 0, 1))
