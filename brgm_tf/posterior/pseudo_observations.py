"""Terms that are a distance, as observations of the value 0.

A distance d >= 0 with the weight c multiplies the posterior by exp(-c d). Up to a constant, this is
the density at 0 of d - e, where e is exponentially distributed with the rate c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.core.distributions import StaticShapeDistribution


class PseudoObservation(StaticShapeDistribution):
    """Exponential distribution below a distance, less its constant log(weight).

        log p(value) = -weight * (distance - value),   value <= distance

    Larger values have no density; this is not checked.

    Args:
        distance: d [B], at least 0.
        weight: c, above 0.
        name: Name of the distribution.

    Example:
        >>> PseudoObservation(tf.constant([0.5]), 4.0).log_prob(tf.zeros([1])).numpy().tolist()
        [-2.0]
    """

    def __init__(self, distance, weight: float, *, name: str = "PseudoObservation"):
        self._distance, self._weight = distance, weight
        super().__init__(distance.shape, [], dtype=distance.dtype, name=name)

    def _log_prob(self, value):
        return -self._weight * (self._distance - value)

    def _sample_n(self, n, seed=None):
        rate = tf.fill(tf.shape(self._distance), tf.constant(self._weight, self.dtype))
        return self._distance - tfp.distributions.Exponential(rate).sample(n, seed=seed)


def sum_of_squares(features: Sequence, target: Sequence):
    """Returns the sum [B] of squared differences of two lists of features [B, h, w, c].

    With the weighted features of `perceptual.LPIPS`, this is LPIPS.
    """
    pairs = zip(features, target, strict=True)
    return sum(tf.reduce_sum(tf.square(a - b), axis=[1, 2, 3]) for a, b in pairs)


def mean_of_squares(features: Sequence, target: Sequence):
    """Returns the mean [B] of squared differences over the features of all layers."""
    size = sum(int(np.prod(layer.shape[1:])) for layer in features)
    return sum_of_squares(features, target) / size


def cosine_distance(latents, reduce: Callable):
    """Returns the reduced cosine distances [B] of all pairs of layers, |1 - cos(w_l, w_m)|.

    Args:
        latents: w [B, L, D].
        reduce: `tf.reduce_mean` or `tf.reduce_sum`.
    """
    unit = tf.math.l2_normalize(latents, axis=-1, epsilon=1e-24)
    distance = tf.abs(1.0 - tf.einsum("bld,bmd->blm", unit, unit))
    return reduce(distance, axis=[1, 2])
