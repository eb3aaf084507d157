"""Bijectors of TensorFlow Probability in closed form; importing this module imports it."""

from __future__ import annotations

import math

import tensorflow as tf
import tensorflow_probability as tfp


class StandardNormalCDF(tfp.bijectors.Bijector):
    """Maps a standard normal z to a uniform u = Phi(z) on (0, 1).

        Phi(z) = erfc(-z / sqrt(2)) / 2

    `tfp.bijectors.NormalCDF` has the same values and evaluates three branches.

    Example:
        >>> float(StandardNormalCDF().forward(tf.constant(0.0)))
        0.5
    """

    def __init__(self):
        super().__init__(forward_min_event_ndims=0, parameters={}, name="standard_normal_cdf")

    def _forward(self, z):
        return 0.5 * tf.math.erfc(-z / math.sqrt(2.0))

    def _inverse(self, u):
        return tf.math.ndtri(u)

    def _forward_log_det_jacobian(self, z):
        return -0.5 * tf.square(z) - 0.5 * math.log(2.0 * math.pi)
