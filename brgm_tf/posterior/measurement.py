"""Distributions of the measurement in the objectives, made of the likelihood of the corruption.

Notation: y the measurement; f(x) its noise-free prediction; M the number of real components of y.
"""

from __future__ import annotations

import math

import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.core.distributions import StaticShapeDistribution
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.corruptions.complex_normal import ComplexNormal, normal_around
from brgm_tf.corruptions.likelihood import Likelihood


class PowerLikelihood(StaticShapeDistribution):
    """The likelihood of a corruption, raised to a power.

        log p(y) = power * log p(y | x)

    The density is normalised if the power is 1. Values of normal noise are sampled with the
    standard deviation scale / sqrt(power); values of other noise are sampled with power 1.

    Args:
        likelihood: `Likelihood` of the corruption.
        power: Power [B].
        name: Name of the distribution.
    """

    def __init__(self, likelihood: Likelihood, power, *, name: str = "PowerLikelihood"):
        self.likelihood, self.power = likelihood, power
        super().__init__(
            likelihood.batch_shape,
            likelihood.event_shape,
            dtype=likelihood.dtype,
            is_reparameterized=False,
            name=name,
        )

    def precision(self):
        """Returns the Fisher information of each real component, 0 where y is not observed.

        If the noise is normal, it is p in log p(y) = -sum p (y - f(x))^2 / 2 + constant.

        Returns:
            Real [B, h, w, c or 2 c], in units of [-1, 1].
        """
        return self.power[:, None, None, None] * self.likelihood.precision()

    def _log_prob(self, value):
        return self.power * self.likelihood.log_prob(value)

    def _sample_n(self, n, seed=None):
        values = self.likelihood.value_distribution()
        if isinstance(values, (tfp.distributions.Normal, ComplexNormal)):
            scale = values.scale * tf.math.rsqrt(self.power)[:, None, None, None]
            values = type(values)(values.loc, scale)
        fill_unobserved = self.likelihood.corruption.fill_unobserved
        return tf.map_fn(fill_unobserved, values.sample(n, seed=seed))


class MeanSquaredError(StaticShapeDistribution):
    """The pixel term of the originals, which counts unobserved values with their fill.

        log p(y) = -pixel_scale * mean over M components of (y - f(x))^2, in grey levels

    This is the log-density of N(f(x), M / (2 pixel_scale)) up to a constant.

    Args:
        likelihood: `Likelihood` of the corruption, whose noise is ignored.
        pixel_scale: Factor of the mean.
        name: Name of the distribution.
    """

    def __init__(
        self, likelihood: Likelihood, pixel_scale: float, *, name: str = "MeanSquaredError"
    ):
        self._likelihood, self._pixel_scale = likelihood, pixel_scale
        super().__init__(
            likelihood.batch_shape, likelihood.event_shape, dtype=likelihood.dtype, name=name
        )

    def _log_prob(self, value):
        corruption = self._likelihood.corruption
        error = value - corruption.fill_unobserved(self._likelihood.noise_free)
        error = corruption.components(error) * GREY_LEVELS_PER_UNIT
        return -self._pixel_scale * tf.reduce_mean(tf.square(error), axis=[-3, -2, -1])

    def _sample_n(self, n, seed=None):
        corruption = self._likelihood.corruption
        prediction = corruption.fill_unobserved(self._likelihood.noise_free)
        components = corruption.components(prediction)
        levels = math.sqrt(math.prod(components.shape[1:]) / (2.0 * self._pixel_scale))
        scale = tf.constant(levels / GREY_LEVELS_PER_UNIT, components.dtype)
        return normal_around(prediction, scale).sample(n, seed=seed)
