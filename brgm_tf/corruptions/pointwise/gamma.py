"""Another gamma: a power law of the intensities."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.validation import checked, positive_float
from brgm_tf.corruptions.base import Corruption


@dataclasses.dataclass(frozen=True)
class Gamma(Corruption):
    """Intensities to a power: y = 2 u^gamma - 1, u = (x + 1) / 2 clipped to [0, 1].

    Black and white stay; gamma > 1 darkens what lies between, gamma < 1 brightens it. The
    derivative gamma u^(gamma - 1) is exact, so it is zero outside [-1, 1]; for gamma < 1 it
    grows without bound towards black, and is taken as zero at black itself.

    Args:
        gamma: the exponent, positive; or an `ParameterPrior`.

    Raises:
        InputError: gamma is no positive number.

    Reference: Poynton (2012), Digital Video and HD, on gamma; torchvision's `adjust_gamma`
    with a gain of 1 is the same on [0, 1].
    """

    gamma: float

    linear = False

    def __post_init__(self):
        gamma = checked("gamma", self.gamma, positive_float, inferable=True)
        object.__setattr__(self, "gamma", gamma)

    def forward(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        u = tf.clip_by_value(0.5 * (x + 1.0), 0.0, 1.0)
        # The power's slope at 0 may be infinite, and 0 times that is NaN: it is not asked there.
        positive = tf.where(u > 0, u, tf.ones_like(u))
        power = tf.where(u > 0, positive ** self.value("gamma", x), tf.zeros_like(u))
        return 2.0 * power - 1.0

    def get_config(self) -> dict:
        """{'gamma': ...}."""
        return {"gamma": self.gamma}
