"""No corruption: the measurement is the image."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.corruptions.base import Corruption


@dataclasses.dataclass(frozen=True)
class Identity(Corruption):
    """The image itself: forward(x) = x.

    Restoring it is inversion: the nearest image that the generator makes. `merge` is
    None, for with every pixel known it would return the measurement.

    Reference: BRGM TF1 forwardModels.py, ForwardNone.
    """

    keeps_pixels = True

    def forward(self, x):
        """f(x) = x."""
        return tf.convert_to_tensor(x)

    def adjoint(self, y):
        """A^T y = y."""
        return tf.convert_to_tensor(y)

    def propagate_mask(self, known):
        """What was known before."""
        return known
