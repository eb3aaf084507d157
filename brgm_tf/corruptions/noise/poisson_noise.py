"""Poisson noise: each pixel counts few photons.

Notation: u = peak (m + 1) / 2 the photons that the image states; l the rate of the counts, equal
to u except for the darkest pixels; k = peak (y + 1) / 2 the count.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import positive_float
from brgm_tf.corruptions.noise.noise_model import NoiseModel

# Photons of a black pixel. A rate of 0 would forbid every count, and images of a generator can be
# slightly darker than black.
_DARK = 0.1


@dataclasses.dataclass(frozen=True, repr=False)
class PoissonNoise(NoiseModel):
    """Counted photons: y = 2 k / peak - 1, k ~ Poisson(l).

        l = (u + sqrt(u^2 + 4 d^2)) / 2,   d = 0.1 photons
        log p(y | m) = k log l - l - log Gamma(k + 1)

    The density is the exact probability of a count. The normal approximation N(u, u) differs from
    it for few photons. The rate is smooth and positive, so images darker than black have a
    gradient; it is within 1 % of u from 1 photon on. The formula also holds for counts between
    whole numbers, which a picture stored in grey levels has.

    Args:
        peak: Photons of a white pixel, positive.

    Raises:
        InputError: peak is not a positive number.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import PoissonNoise
        >>> y = PoissonNoise(peak=1.0).simulate(np.ones([8, 8, 1], "float32"))
        >>> set(np.unique(y)) <= {-1.0, 1.0, 3.0, 5.0, 7.0, 9.0}
        True
    """

    peak: float = parameter(positive_float, "Photons of a white pixel", typical=(1, 100, 8))

    has_fixed_noise = True

    @property
    def stated_noise_scale(self) -> float:
        """Standard deviation for a middle grey in grey levels, (255 / peak) sqrt(peak / 2)."""
        return 255.0 * math.sqrt(0.5 / self.peak)

    def rate(self, mean: tf.Tensor) -> tf.Tensor:
        """Returns l in photons, with the shape of m."""
        photons = 0.5 * self.peak * (mean + 1.0)
        size = tf.where(photons >= 0, photons, -photons)
        larger = 0.5 * (size + tf.sqrt(tf.square(size) + 4.0 * _DARK**2))
        # The product of the two roots is d^2, so no digits are lost far below black.
        return tf.where(photons >= 0, larger, _DARK**2 / larger)

    def draw(self, mean: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws the measurement of one image; see `NoiseModel`."""
        rate = tf.cast(self.rate(mean), tf.float64)
        count = tf.random.stateless_poisson(tf.shape(mean), seed, rate, dtype=tf.float64)
        return tf.cast(2.0 * count / self.peak - 1.0, mean.dtype)

    def log_density(self, y: tf.Tensor, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns log p(y | m) with the shape of y; counts below 0 are taken as 0."""
        del params
        rate = self.rate(mean)
        count = tf.maximum(0.5 * self.peak * (y + 1.0), 0.0)
        # k log(l / k) - l + k, from the difference of l and k. For large counts, k log l and l
        # would cancel to few digits.
        difference = rate - count
        positive = tf.where(count > 0, count, tf.ones_like(count))
        deviance = count * tf.math.log1p(difference / positive) - difference
        largest = tf.math.xlogy(count, count) - count - tf.math.lgamma(count + 1.0)
        return deviance + largest

    def variance(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns l (2 / peak)^2."""
        del params
        return self.rate(mean) * (2.0 / self.peak) ** 2

    def precision(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns (dl / dm)^2 / l, with dl / du = l / sqrt(u^2 + 4 d^2)."""
        del params
        rate = self.rate(mean)
        root = rate + _DARK**2 / rate
        return rate * tf.square(0.5 * self.peak / root)

    def distribution(self, mean: tf.Tensor, params: Mapping[str, Any]) -> Any:
        """Returns the distribution of 2 k / peak - 1 with k ~ Poisson(l)."""
        import tensorflow_probability as tfp

        del params
        scale = tf.constant(2.0 / self.peak, mean.dtype)
        bijector = tfp.bijectors.Shift(tf.constant(-1.0, mean.dtype))(tfp.bijectors.Scale(scale))
        return bijector(tfp.distributions.Poisson(self.rate(mean)))
