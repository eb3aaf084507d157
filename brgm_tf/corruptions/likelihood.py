"""The likelihood of a measurement, p(y | x), as a distribution of TensorFlow Probability.

Notation: B images; x [B, H, W, C] images; f(x) the noise-free measurement; y [B, h, w, c] the
measurement; o [B, h, w, c] is 1 where y is observed and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from brgm_tf.core.distributions import StaticShapeDistribution


class Likelihood(StaticShapeDistribution):
    """Distribution of the measurement of each image.

        log p(y | x) = sum over values of o log p(y | f(x))

    The density of one value is `Corruption.log_density`. Unobserved values do not count, even if
    they are not finite; a sample has there the values of `Corruption.fill_unobserved`.

    Args:
        corruption: `Corruption` with its data and parameters bound.
        noise_free: f(x), real or complex.
        params: Parameters of the noise, such as 'noise_scale' in grey levels, scalar or [B].
        name: Name of the distribution.

    Example:
        >>> from brgm_tf.corruptions.identity import Identity
        >>> x = tf.zeros([2, 4, 4, 1])
        >>> likelihood = Identity().likelihood(x, {"noise_scale": 5.0})
        >>> likelihood.log_prob(x).shape, likelihood.sample(seed=[0, 1]).shape
        (TensorShape([2]), TensorShape([2, 4, 4, 1]))
    """

    def __init__(
        self,
        corruption: Any,
        noise_free,
        params: Mapping[str, Any],
        *,
        name: str = "Likelihood",
    ):
        self.noise_free = tf.convert_to_tensor(noise_free)
        self._context = corruption, params  # a tuple, because TensorFlow would wrap a mapping
        shape = self.noise_free.shape
        super().__init__(
            shape[:1], shape[1:], dtype=self.noise_free.dtype, is_reparameterized=False, name=name
        )

    @property
    def corruption(self) -> Any:
        """Corruption with its data and parameters bound."""
        return self._context[0]

    def value_distribution(self):
        """Returns p(y | f(x)) of each value on its own, batch [B, h, w, c]."""
        corruption, params = self._context
        return corruption.distribution(self.noise_free, params)

    def precision(self):
        """Returns the Fisher information of each real component about f(x).

        Returns:
            Real [B, h, w, c or 2 c], in units of [-1, 1]; 0 where y is not observed.
        """
        corruption, params = self._context
        observed = observed_components(corruption, self.noise_free)
        precision = corruption.precision(self.noise_free, params)
        precision = tf.broadcast_to(precision, tf.shape(self.noise_free))
        copies = observed.shape[-1] // self.noise_free.shape[-1]
        return observed * tf.tile(precision, [1, 1, 1, copies])

    def _log_prob(self, value):
        corruption, params = self._context
        observed = tf.broadcast_to(corruption.observation_mask(self.noise_free), tf.shape(value))
        # The value is replaced before the density, so that a NaN under a mask reaches no gradient.
        value = tf.where(observed > 0, value, self.noise_free)
        density = corruption.log_density(value, self.noise_free, params)
        return tf.reduce_sum(observed * density, axis=[-3, -2, -1])

    def _sample_n(self, n, seed=None):
        samples = self.value_distribution().sample(n, seed=seed)
        return tf.map_fn(self.corruption.fill_unobserved, samples)


def observed_components(corruption: Any, y):
    """Returns 1 for each real component of y that is observed and 0 for the others.

    Args:
        corruption: `Corruption` with its data bound.
        y: Measurement, or its noise-free prediction, [B, h, w, c].

    Returns:
        Real [B, h, w, c] or, if y is complex, [B, h, w, 2 c].
    """
    observed = tf.broadcast_to(corruption.observation_mask(y), tf.shape(y))
    return tf.tile(observed, [1, 1, 1, corruption.components(y).shape[-1] // y.shape[-1]])


def num_observed(corruption: Any, y):
    """Returns the number [B] of real components of y that are observed."""
    return tf.reduce_sum(observed_components(corruption, y), axis=[1, 2, 3])
