"""Another contrast and brightness: grey levels times a gain, plus a bias."""

from __future__ import annotations

import dataclasses

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.core.parameters import parameter
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.core.validation import number, positive_float
from brgm_tf.corruptions.base import Corruption


@dataclasses.dataclass(frozen=True, repr=False)
class Gain(Corruption):
    """Affine in grey levels v = (x + 1) 255 / 2: v becomes gain v + bias, not clipped.

    In units of x: y = gain (x + 1) - 1 + bias 2 / 255, so A^T y = gain y.

    Args:
        gain: Factor on grey levels, positive; below 1 the image is darker and has less contrast. Or
            a `ParameterPrior`.
        bias: Grey levels added, in [-255, 255], default 0; or a `ParameterPrior`.

    Raises:
        InputError: gain is not positive, or bias is not in its range.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Gain
        >>> Gain(0.5, bias=51.0).simulate(np.zeros([1, 1, 1])).round(3).tolist()
        [[[-0.1]]]

    Reference: the gain and dark offset of a sensor, EMVA Standard 1288; Pillow's
    `ImageEnhance.Brightness` is a gain without a bias, clipped and rounded.
    """

    gain: float = parameter(
        positive_float,
        "Factor on grey levels",
        unknown=Bounded(0.1, 10, logarithmic=True),
        typical=(0.1, 4, 0.4),
    )
    bias: float = parameter(
        number(-255, 255), "Grey levels added", default=0.0, unknown=Bounded(-100, 100)
    )

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x."""
        x = tf.convert_to_tensor(x)
        gain, bias = self.value("gain", x), self.value("bias", x)
        return gain * x + (gain - 1.0 + bias * GREY_LEVEL)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y = gain y."""
        y = tf.convert_to_tensor(y)
        return self.value("gain", y) * y
