"""Colours lost: the corruption of colourisation."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, one_of
from brgm_tf.corruptions.base import Corruption

# Of red, green and blue. Luma is that of ITU-R BT.601, section 2.5.1.
WEIGHTS = {"luma": (0.299, 0.587, 0.114), "mean": (1 / 3, 1 / 3, 1 / 3)}


@dataclasses.dataclass(frozen=True)
class Grayscale(Corruption):
    """A weighted sum of the channels: y [B, H, W, 1] of x [B, H, W, 3].

        y = w_R x_R + w_G x_G + w_B x_B,    w >= 0, w_R + w_G + w_B = 1

    The weights sum to 1, so that white stays white, and a grey that is repeated in three
    channels is that grey. An image of one channel is its own measurement.

    The weights of 'luma' are those of Pillow's mode L, which rounds them to 1 / 65536 and y to
    whole grey levels. DeepInverse's `Decolorize` gives 0.29896, 0.58702 and 0.11405 the same
    name of rec601; its 'flat' is 'mean'.

    Args:
        weights: 'luma' (default; 0.299, 0.587, 0.114) or 'mean' (1 / 3 each).

    Raises:
        InputError: weights is neither.

    Reference: ITU-R BT.601-7, section 2.5.1.
    """

    weights: str = "luma"

    def __post_init__(self):
        checked("weights", self.weights, one_of(*WEIGHTS))

    def forward(self, x):
        """f(x), [B, H, W, 1]."""
        x = tf.convert_to_tensor(x)
        self.measurement_shape(x.shape[1:])
        if x.shape[-1] == 1:
            return x
        return tf.reduce_sum(x * self._weights(x.dtype), axis=-1, keepdims=True)

    def adjoint(self, y):
        """A^T y = (w_R y, w_G y, w_B y), [B, H, W, 3].

        A measurement does not say how many channels its image had. Of an image of one channel,
        A^T y is y: the sum of these three.
        """
        y = tf.convert_to_tensor(y)
        return y * self._weights(y.dtype)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(..., H, W, 1).

        Raises:
            InputError: the image has neither one channel nor three.
        """
        *size, channels = image_shape
        if channels not in (1, 3):
            raise InputError(
                "corruption", "grayscale needs images of 1 or 3 channels", channels=channels
            )
        return (*size, 1)

    def get_config(self) -> dict:
        """{'weights': ...}."""
        return {"weights": self.weights}

    def _weights(self, dtype):
        return tf.constant(WEIGHTS[self.weights], dtype)
