"""Another contrast and brightness: grey levels times a gain, plus a bias."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.validation import checked, number, positive_float
from brgm_tf.corruptions.base import GREY_LEVEL, Corruption


@dataclasses.dataclass(frozen=True)
class Gain(Corruption):
    """Affine in grey levels v = (x + 1) 255 / 2: v becomes gain v + bias, not clipped.

    In units of x: y = gain (x + 1) - 1 + bias 2 / 255, so A^T y = gain y.

    Args:
        gain: factor on grey levels, positive: below 1 a darker picture of less contrast;
            or an `ParameterPrior`.
        bias: grey levels added, in [-255, 255], default 0; or an `ParameterPrior`.

    Raises:
        InputError: gain is no positive number, or bias none in [-255, 255].

    Reference: the gain and dark offset of a sensor, EMVA Standard 1288;
    Pillow's `ImageEnhance.Brightness` is a gain without a bias, clipped and rounded.
    """

    gain: float
    bias: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "gain", checked("gain", self.gain, positive_float, inferable=True))
        bias = checked("bias", self.bias, number(-255, 255), inferable=True)
        object.__setattr__(self, "bias", bias)

    def forward(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        gain, bias = self.value("gain", x), self.value("bias", x)
        return gain * x + (gain - 1.0 + bias * GREY_LEVEL)

    def adjoint(self, y):
        """A^T y = gain y."""
        y = tf.convert_to_tensor(y)
        return self.value("gain", y) * y

    def get_config(self) -> dict:
        """{'gain': ..., 'bias': ...}."""
        return {"gain": self.gain, "bias": self.bias}
