"""Over- and underexposure: grey levels beyond two bounds become the bounds."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.base import GREY_LEVEL, Corruption
from brgm_tf.corruptions.pointwise.straight_through import clipped


@dataclasses.dataclass(frozen=True)
class Clip(Corruption):
    """Grey levels v = (x + 1) 255 / 2 clipped: v becomes min(max(v, low), high).

    A measured value of `high` says only that x is at least that, and the likelihood says
    the same: log N(y | forward(x), s^2) is constant, and largest, over all x above.

    The gradient is not the derivative, which is zero outside the bounds and would leave a
    pixel there that was measured within them. It is that of the identity (straight
    through), by which y < high pulls an x > high back. Values of y beyond the bounds, which
    no clipped picture holds, would push x outwards without end.

    Args:
        low: grey level in [0, 255), default 0.
        high: grey level in (low, 255], default 255.

    Raises:
        InputError: low or high is no such number.

    Reference: Bengio, Leonard, Courville (2013), arXiv 1308.3432, for the gradient.
    """

    low: float = 0.0
    high: float = 255.0

    linear = False
    straight_through_gradient = True

    def __post_init__(self):
        for name in ("low", "high"):
            object.__setattr__(self, name, checked(name, getattr(self, name), number(0, 255)))
        if not self.low < self.high:
            raise InputError("high", "must be above low", low=self.low, high=self.high)

    def forward(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        return clipped(x, self.low * GREY_LEVEL - 1.0, self.high * GREY_LEVEL - 1.0)

    def get_config(self) -> dict:
        """{'low': ..., 'high': ...}."""
        return {"low": self.low, "high": self.high}
