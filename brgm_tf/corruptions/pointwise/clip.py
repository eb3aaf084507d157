"""Over- and underexposure: grey levels are clipped to two bounds."""

from __future__ import annotations

import dataclasses

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.core.validation import number
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.pointwise.straight_through import clipped


@dataclasses.dataclass(frozen=True, repr=False)
class Clip(Corruption):
    """Grey levels v = (x + 1) 255 / 2 clipped: v becomes min(max(v, low), high).

    A measured value of `high` states only that x is at least `high`. So does the likelihood:
    log N(y | forward(x), s^2) is constant and largest for all x above.

    The derivative is zero outside the bounds, which would leave a pixel there although its
    measurement lies within them. So the gradient is the gradient of the identity (straight
    through): y < high pulls x > high back. Values of y beyond the bounds, which no clipped picture
    holds, would push x outwards without end.

    Args:
        low: Lower bound in grey levels, in [0, 255), default 0.
        high: Upper bound in grey levels, in (low, 255], default 255.

    Raises:
        InputError: low or high is not in its range.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Clip
        >>> Clip(high=127.5).simulate(np.ones([1, 1, 1])).tolist()
        [[[0.0]]]

    Reference: Bengio, Leonard, Courville (2013), arXiv 1308.3432, for the gradient.
    """

    low: float = parameter(
        number(0, 255), "Lower bound in grey levels", default=0.0, typical=(0, 255, 80)
    )
    high: float = parameter(
        number(0, 255), "Upper bound in grey levels", default=255.0, typical=(0, 255, 170)
    )

    linear = False
    straight_through_gradient = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise InputError("high", "must be above low", low=self.low, high=self.high)

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x."""
        x = tf.convert_to_tensor(x)
        return clipped(x, self.low * GREY_LEVEL - 1.0, self.high * GREY_LEVEL - 1.0)
