"""Salt-and-pepper noise: some values are lost and read as black or white.

Notation: p the fraction of lost values; s the standard deviation of the others; g one grey level.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.core.validation import fraction, optional, positive_float
from brgm_tf.corruptions.noise.noise_model import NoiseModel


@dataclasses.dataclass(frozen=True, repr=False)
class SaltAndPepper(NoiseModel):
    """A fraction of the values, in each channel independently, is black or white.

        p(y | m) = p / 2 [U(y | -1) + U(y | 1)] + (1 - p) N(y | m, s^2)

    U(y | e) = 1 / g within half a grey level of e, because a value stored in grey levels has this
    precision. So p(y | m) is a density whether y is exactly black or nearly so.

    Args:
        fraction: p, in (0, 1).
        scale: s in grey levels, positive. With None (default), `sample` adds no noise to the other
            values. The densities use the 'noise_scale' of `params` if it is there, else `scale`.

    Raises:
        InputError: fraction is not in (0, 1), or scale is not a positive number.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import SaltAndPepper
        >>> y = SaltAndPepper(0.2).simulate(np.zeros([32, 32, 1], "float32"))
        >>> np.unique(y).tolist()
        [-1.0, 0.0, 1.0]
    """

    fraction: float = parameter(
        fraction, "Fraction of the values that are lost, in (0, 1)", typical=(0.01, 0.9, 0.1)
    )
    scale: float | None = parameter(
        optional(positive_float),
        "Standard deviation of the other values in grey levels; None adds no noise to them",
        default=None,
    )

    has_outliers = True

    def draw(self, mean: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws the measurement of one image; see `NoiseModel`."""
        first, second = tf.unstack(tf.random.split(seed, 2))
        # In float32 for every m, because shorter floats would round the fraction.
        position = tf.random.stateless_uniform(tf.shape(mean), first)
        scale = 0.0 if self.scale is None else self.scale * GREY_LEVEL
        noise = tf.random.stateless_normal(tf.shape(mean), second, dtype=mean.dtype)
        y = mean + tf.cast(scale, mean.dtype) * noise
        y = tf.where(position < self.fraction, tf.ones_like(y), y)
        return tf.where(position < 0.5 * self.fraction, -tf.ones_like(y), y)

    def log_density(self, y: tf.Tensor, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns log p(y | m) with the shape of y."""
        others = math.log1p(-self.fraction) + super().log_density(y, mean, params)
        lost = tf.where(
            tf.abs(tf.abs(y) - 1.0) <= 0.5 * GREY_LEVEL,
            tf.constant(math.log(0.5 * self.fraction / GREY_LEVEL), y.dtype),
            tf.constant(-math.inf, y.dtype),
        )
        return tf.reduce_logsumexp(tf.stack([lost, others]), axis=0)

    def variance(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns E (y - m)^2 = p (1 + m^2) + (1 - p) s^2."""
        others = super().variance(mean, params)
        return self.fraction * (1.0 + tf.square(mean)) + (1.0 - self.fraction) * others

    def precision(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns (1 - p) / s^2, the information if it were known which values are lost."""
        return (1.0 - self.fraction) / super().variance(mean, params)

    def distribution(self, mean: tf.Tensor, params: Mapping[str, Any]) -> Any:
        """Returns the mixture of the three densities."""
        import tensorflow_probability as tfp

        tfd = tfp.distributions
        weights = tf.constant(
            [self.fraction / 2, self.fraction / 2, 1.0 - self.fraction], mean.dtype
        )
        weights = tf.broadcast_to(weights, tf.concat([tf.shape(mean), [3]], axis=0))
        ends = [tf.fill(tf.shape(mean), tf.constant(end, mean.dtype)) for end in (-1.0, 1.0)]
        half = 0.5 * GREY_LEVEL
        parts = [tfd.Uniform(end - half, end + half) for end in ends]
        return tfd.Mixture(
            tfd.Categorical(probs=weights), [*parts, super().distribution(mean, params)]
        )

    def _scale_of(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        stated = {} if self.scale is None else {"noise_scale": self.scale}
        return super()._scale_of(mean, {**stated, **params})
