"""Fewer bits: grey levels rounded to the nearest of a few."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.validation import checked, integer
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.pointwise.straight_through import at_least_float32, clipped, rounded


@dataclasses.dataclass(frozen=True)
class Quantise(Corruption):
    """Each channel rounded to the nearest of 2^bits equidistant levels, black to white.

        y = 2 k / n - 1,  k = floor(n u + 1/2) clipped to [0, n],
        u = (x + 1) / 2,  n = 2^bits - 1.

    `mean` is this quantiser itself, so the picture that it makes looks like the measured
    one, with its bands, to a feature extractor too. log_prob is then that of a picture
    quantised first, with the noise s after it: equally large for every x whose cell y names,
    as an exact measurement of few bits wants, and smaller by the cell's distance elsewhere.
    Hence no variance of the rounding (step^2 / 12) is added: `mean` knows the rounding.

    The gradient is not the derivative, zero nearly everywhere, but the identity's (straight
    through): it vanishes in the right cell and points to it elsewhere. A sampler that
    follows gradients sees a density with steps.

    Args:
        bits: a channel, in [1, 16].

    Raises:
        InputError: bits is no such integer.

    Reference: Gersho, Gray (1992), Vector Quantization and Signal Compression, chapter 5;
    arXiv 1308.3432 for the gradient. Pillow's `ImageOps.posterize` truncates instead and
    so darkens.
    """

    bits: int

    linear = False
    straight_through_gradient = True

    def __post_init__(self):
        object.__setattr__(self, "bits", checked("bits", self.bits, integer(1, 16)))

    def forward(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        half = (2**self.bits - 1) / 2
        index = rounded((at_least_float32(x) + 1.0) * half)
        return tf.cast(clipped(index, 0.0, 2 * half) / half - 1.0, x.dtype)

    def get_config(self) -> dict:
        """{'bits': ...}."""
        return {"bits": self.bits}
