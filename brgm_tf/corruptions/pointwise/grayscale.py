"""Lost colours: the corruption of colourisation."""

from __future__ import annotations

import dataclasses
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import one_of
from brgm_tf.corruptions.base import Corruption

# Weights of red, green and blue. Luma is defined in ITU-R BT.601, section 2.5.1.
WEIGHTS = {"luma": (0.299, 0.587, 0.114), "mean": (1 / 3, 1 / 3, 1 / 3)}


@dataclasses.dataclass(frozen=True, repr=False)
class Grayscale(Corruption):
    """A weighted sum of the channels: y [B, H, W, 1] of x [B, H, W, 3].

        y = w_R x_R + w_G x_G + w_B x_B,    w >= 0, w_R + w_G + w_B = 1

    White stays white, and a grey repeated in three channels does not change. An image of one
    channel is its own measurement.

    The weights of 'luma' are the weights of Pillow's mode L, which rounds them to 1 / 65536 and y
    to whole grey levels. DeepInverse's `Decolorize` has 0.29896, 0.58702 and 0.11405 under the name
    rec601; its 'flat' is 'mean'.

    Args:
        weights: 'luma' (default; 0.299, 0.587, 0.114) or 'mean' (1 / 3 each).

    Raises:
        InputError: weights has another value.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Grayscale
        >>> red = np.array([[[1.0, -1.0, -1.0]]])
        >>> Grayscale().simulate(red).round(3).tolist()
        [[[-0.402]]]

    Reference: ITU-R BT.601-7, section 2.5.1.
    """

    weights: str = parameter(
        one_of(*WEIGHTS), "luma: weights of ITU-R BT.601; mean: 1/3 each", default="luma"
    )

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), [B, H, W, 1]."""
        x = tf.convert_to_tensor(x)
        self.measurement_shape(x.shape[1:])
        if x.shape[-1] == 1:
            return x
        return tf.reduce_sum(x * self._weights(x.dtype), axis=-1, keepdims=True)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y = (w_R y, w_G y, w_B y), [B, H, W, 3].

        A measurement does not show the number of channels of its image. For an image of one channel
        A^T y is y, the sum of the three channels.
        """
        y = tf.convert_to_tensor(y)
        return y * self._weights(y.dtype)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns (..., H, W, 1).

        Raises:
            InputError: The image does not have 1 or 3 channels.
        """
        *size, channels = image_shape
        if channels not in (1, 3):
            raise InputError(
                "corruption", "grayscale needs images of 1 or 3 channels", channels=channels
            )
        return (*size, 1)

    def _weights(self, dtype: Any) -> tf.Tensor:
        return tf.constant(WEIGHTS[self.weights], dtype)
