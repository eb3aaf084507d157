"""Few photons: each pixel is a count.

Notation: u = peak (m + 1) / 2 photons that the image means; l the rate of the counts, u but for
the darkest pixels; k = peak (y + 1) / 2 the count.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from brgm_tf.core.validation import checked, positive_float
from brgm_tf.corruptions.noise.noise import Noise

# Of a black pixel, photons: a rate of 0 would forbid every count, and a generator's images go
# somewhat below black, where there is no rate at all.
_DARK = 0.1


@dataclasses.dataclass(frozen=True)
class PoissonNoise(Noise):
    """Counted photons: y = 2 k / peak - 1, k ~ Poisson(l).

        l = (u + sqrt(u^2 + 4 d^2)) / 2,   d = 0.1 photons
        log p(y | m) = k log l - l - log Gamma(k + 1)

    The exact probability of a count, not its normal approximation N(u, u): the two differ where
    photons are few, which is where noise of this kind matters, and the exact one's logarithm is
    concave in l. The rate is smooth and positive, so that there is a gradient for images darker
    than black too; it is within 1 % of u from 1 photon on. The formula is taken for counts
    between two whole numbers too: those of a picture that was stored in grey levels.

    Args:
        peak: photons of a white pixel.

    Raises:
        InputError: peak is no positive number.
    """

    peak: float

    def __post_init__(self):
        object.__setattr__(self, "peak", checked("peak", self.peak, positive_float))

    def rate(self, mean):
        """l, photons; of the shape of m."""
        photons = 0.5 * self.peak * (mean + 1.0)
        size = tf.where(photons >= 0, photons, -photons)
        larger = 0.5 * (size + tf.sqrt(tf.square(size) + 4.0 * _DARK**2))
        # The product of the two roots is d^2: no digits are lost far below black.
        return tf.where(photons >= 0, larger, _DARK**2 / larger)

    def draw(self, mean, seed):
        """y [h, w, C]."""
        rate = tf.cast(self.rate(mean), tf.float64)
        count = tf.random.stateless_poisson(tf.shape(mean), seed, rate, dtype=tf.float64)
        return tf.cast(2.0 * count / self.peak - 1.0, mean.dtype)

    def log_density(self, y, mean, params: Mapping[str, object]):
        """log p(y | m), of the shape of y; counts below 0 are taken as 0."""
        del params
        rate = self.rate(mean)
        count = tf.maximum(0.5 * self.peak * (y + 1.0), 0.0)
        # k log(l / k) - l + k, by the difference of the two: of large counts, k log l and l
        # would cancel to few digits.
        difference = rate - count
        some = tf.where(count > 0, count, tf.ones_like(count))
        deviance = count * tf.math.log1p(difference / some) - difference
        largest = tf.math.xlogy(count, count) - count - tf.math.lgamma(count + 1.0)
        return deviance + largest

    def variance(self, mean, params: Mapping[str, object]):
        """l (2 / peak)^2."""
        del params
        return self.rate(mean) * (2.0 / self.peak) ** 2

    def precision(self, mean, params: Mapping[str, object]):
        """(dl / dm)^2 / l, with dl / du = l / sqrt(u^2 + 4 d^2)."""
        del params
        rate = self.rate(mean)
        root = rate + _DARK**2 / rate
        return rate * tf.square(0.5 * self.peak / root)

    def distribution(self, mean, params: Mapping[str, object]):
        """2 k / peak - 1 with k ~ Poisson(l)."""
        import tensorflow_probability as tfp

        del params
        scale = tf.constant(2.0 / self.peak, mean.dtype)
        bijector = tfp.bijectors.Shift(tf.constant(-1.0, mean.dtype))(tfp.bijectors.Scale(scale))
        return bijector(tfp.distributions.Poisson(self.rate(mean)))

    def get_config(self) -> dict:
        """{'peak': ...}."""
        return {"peak": self.peak}
