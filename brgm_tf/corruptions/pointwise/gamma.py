"""Another gamma: a power law of the intensities."""

from __future__ import annotations

import dataclasses

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import positive_float
from brgm_tf.corruptions.base import Corruption


@dataclasses.dataclass(frozen=True, repr=False)
class Gamma(Corruption):
    """Intensities to a power: y = 2 u^gamma - 1, u = (x + 1) / 2 clipped to [0, 1].

    Black and white do not change. gamma > 1 darkens the values between them, gamma < 1 brightens
    them. The derivative gamma u^(gamma - 1) is exact, so it is zero outside [-1, 1]. For gamma < 1
    it grows without bound towards black, and is set to zero at black itself.

    Args:
        gamma: Exponent, positive; or a `ParameterPrior`.

    Raises:
        InputError: gamma is not a positive number.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Gamma
        >>> Gamma(2.0).simulate(np.zeros([1, 1, 1])).tolist()
        [[[-0.5]]]

    Reference: Poynton (2012), Digital Video and HD, on gamma; torchvision's `adjust_gamma` with a
    gain of 1 is the same on [0, 1].
    """

    gamma: float = parameter(
        positive_float,
        "Exponent; above 1 darker",
        unknown=Bounded(0.2, 5, logarithmic=True),
        typical=(0.2, 5, 2.5),
    )

    linear = False

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x."""
        x = tf.convert_to_tensor(x)
        u = tf.clip_by_value(0.5 * (x + 1.0), 0.0, 1.0)
        # The slope of the power at 0 may be infinite, and 0 times infinity is NaN.
        positive = tf.where(u > 0, u, tf.ones_like(u))
        power = tf.where(u > 0, positive ** self.value("gamma", x), tf.zeros_like(u))
        return 2.0 * power - 1.0
