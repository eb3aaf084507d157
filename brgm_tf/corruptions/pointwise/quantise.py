"""Fewer bits: grey levels rounded to the nearest of a few levels."""

from __future__ import annotations

import dataclasses

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import integer
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.pointwise.straight_through import at_least_float32, clipped, rounded


@dataclasses.dataclass(frozen=True, repr=False)
class Quantise(Corruption):
    """Each channel rounded to the nearest of 2^bits equidistant levels, black to white.

        y = 2 k / n - 1,  k = floor(n u + 1/2) clipped to [0, n],
        u = (x + 1) / 2,  n = 2^bits - 1.

    `forward` is this quantiser itself, so its picture has the bands of the measured one. log_prob
    belongs to a picture that is quantised first and then has noise s. It is equally large for
    every x in the cell of y, as for an exact measurement of few bits, and decreases with the
    distance of the cell elsewhere. The variance of rounding (step^2 / 12) is not added, because
    `forward` rounds.

    The derivative is zero almost everywhere. So the gradient is the gradient of the identity
    (straight through): it vanishes in the right cell and points to it elsewhere. A sampler that
    follows gradients sees a density with steps.

    Args:
        bits: Bits of a channel, in [1, 16].

    Raises:
        InputError: bits is not an integer in [1, 16].

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Quantise
        >>> Quantise(bits=1).simulate(np.array([[[-0.2], [0.3]]])).tolist()
        [[[-1.0], [1.0]]]

    Reference: Gersho, Gray (1992), Vector Quantization and Signal Compression, chapter 5; arXiv
    1308.3432 for the gradient. Pillow's `ImageOps.posterize` truncates instead and so darkens.
    """

    bits: int = parameter(integer(1, 16), "Bits of a channel", typical=(1, 8, 2))

    linear = False
    straight_through_gradient = True

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x."""
        x = tf.convert_to_tensor(x)
        half = (2**self.bits - 1) / 2
        index = rounded((at_least_float32(x) + 1.0) * half)
        return tf.cast(clipped(index, 0.0, 2 * half) / half - 1.0, x.dtype)
