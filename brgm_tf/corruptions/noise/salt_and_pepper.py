"""Some values are lost and read as black or white: dead pixels, errors of transmission.

Notation: p the share of lost values; s the standard deviation of the others; g one grey level.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import tensorflow as tf

from brgm_tf.core.validation import checked, fraction, optional, positive_float
from brgm_tf.corruptions.base import GREY_LEVEL
from brgm_tf.corruptions.noise.noise import Noise


@dataclasses.dataclass(frozen=True)
class SaltAndPepper(Noise):
    """A share of the values, of each channel on its own, is black or white.

        p(y | m) = p / 2 [U(y | -1) + U(y | 1)] + (1 - p) N(y | m, s^2)

    with U(y | e) = 1 / g within half a grey level of e: a value that is stored in grey levels
    is known no better. So it is a density, whether y is exactly black or nearly so.

    Args:
        fraction: p, in (0, 1).
        scale: s in grey levels. None (default) has `simulate` add nothing to the others, and
            the densities take what `params` holds as 'noise_scale'; they take it where a
            scale is given, too.

    Raises:
        InputError: fraction is not in (0, 1), or scale no positive number.
    """

    fraction: float
    scale: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "fraction", checked("fraction", self.fraction, fraction))
        object.__setattr__(self, "scale", checked("scale", self.scale, optional(positive_float)))

    def draw(self, mean, seed):
        """y [h, w, C]."""
        first, second = tf.unstack(tf.random.split(seed, 2))
        # In float32 whatever m is: the share would be rough in fewer digits.
        place = tf.random.stateless_uniform(tf.shape(mean), first)
        scale = 0.0 if self.scale is None else self.scale * GREY_LEVEL
        noise = tf.random.stateless_normal(tf.shape(mean), second, dtype=mean.dtype)
        y = mean + tf.cast(scale, mean.dtype) * noise
        y = tf.where(place < self.fraction, tf.ones_like(y), y)
        return tf.where(place < 0.5 * self.fraction, -tf.ones_like(y), y)

    def log_density(self, y, mean, params: Mapping[str, object]):
        """log p(y | m), of the shape of y."""
        others = math.log1p(-self.fraction) + super().log_density(y, mean, params)
        lost = tf.where(
            tf.abs(tf.abs(y) - 1.0) <= 0.5 * GREY_LEVEL,
            tf.constant(math.log(0.5 * self.fraction / GREY_LEVEL), y.dtype),
            tf.constant(-math.inf, y.dtype),
        )
        return tf.reduce_logsumexp(tf.stack([lost, others]), axis=0)

    def variance(self, mean, params: Mapping[str, object]):
        """E (y - m)^2 = p (1 + m^2) + (1 - p) s^2."""
        return self.fraction * (1.0 + tf.square(mean)) + (1.0 - self.fraction) * super().variance(
            mean, params
        )

    def precision(self, mean, params: Mapping[str, object]):
        """(1 - p) / s^2: as if it were known which values are lost."""
        return (1.0 - self.fraction) / super().variance(mean, params)

    def distribution(self, mean, params: Mapping[str, object]):
        """The mixture of the three."""
        import tensorflow_probability as tfp

        tfd = tfp.distributions
        shares = tf.constant(
            [self.fraction / 2, self.fraction / 2, 1.0 - self.fraction], mean.dtype
        )
        shares = tf.broadcast_to(shares, tf.concat([tf.shape(mean), [3]], axis=0))
        ends = [tf.fill(tf.shape(mean), tf.constant(end, mean.dtype)) for end in (-1.0, 1.0)]
        half = 0.5 * GREY_LEVEL
        parts = [tfd.Uniform(end - half, end + half) for end in ends]
        return tfd.Mixture(
            tfd.Categorical(probs=shares), [*parts, super().distribution(mean, params)]
        )

    def get_config(self) -> dict:
        """{'share': ..., 'scale': ...}."""
        return {"fraction": self.fraction, "scale": self.scale}

    def _noise_scale(self, mean, params: Mapping[str, object]):
        own = {} if self.scale is None else {"noise_scale": self.scale}
        return super()._noise_scale(mean, {**own, **params})
