"""The noise of a measurement: p(y | x).

Notation: m = forward(x); s the standard deviation of the noise in grey levels, for each real value
of y (`components`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.corruptions.complex_values import parts, real_dtype, unit
from brgm_tf.corruptions.configuration import as_real
from brgm_tf.corruptions.observation import PartialOperator


class Measurement(PartialOperator):
    """A partial operator and its noise: Gaussian unless a noise model replaces the densities.

    Attributes:
        adds_noise: Whether `sample` adds noise. A chain allows it for the last stage only.
        has_fixed_noise: Whether the densities ignore the 'noise_scale' of `params`.
        has_outliers: Whether the noise replaces some values completely.
    """

    adds_noise: bool = False
    has_fixed_noise: bool = False
    has_outliers: bool = False

    @property
    def stated_noise_scale(self) -> float | None:
        """Standard deviation of the noise in grey levels; None if it is not stated."""
        return None

    def sample(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Draws y given x; returns forward(x) if the corruption adds no noise.

        Args:
            x: Images [B, H, W, C].
            seeds: int32 [B, 2], one stateless seed for each image. The noise of an image depends
                on its seed alone.
        """
        del seeds
        return self.forward(x)

    def likelihood(self, x: tf.Tensor, params: Mapping[str, Any]) -> Any:
        """Returns p(y | x) as a distribution of TensorFlow Probability.

            log p(y | x) = sum over observed values of log_density(y, forward(x))

        Args:
            x: Images [B, H, W, C].
            params: See `log_density`.

        Returns:
            A `likelihood.Likelihood`, batch [B], whose event is the measurement of an image.
        """
        # Imported here, because TensorFlow Probability is slow to import.
        from brgm_tf.corruptions.likelihood import Likelihood

        return Likelihood(self, self.forward(x), params)

    def log_prob(self, y: tf.Tensor, x: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns log p(y | x) [B], the `log_prob` of `likelihood`."""
        return self.likelihood(x, params).log_prob(y)

    def log_density(self, y: tf.Tensor, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns log p(y | m) of every value, by default log N(y | m, s^2).

        The density of a complex value is the sum over its real and imaginary parts.

        Args:
            y: Measurement.
            mean: m.
            params: Mapping with 'noise_scale', s in grey levels, a scalar or [B].

        Returns:
            Real, with the shape of y: densities in units of [-1, 1], or probabilities of counts.
        """
        scale = self._scale_of(mean, params) * unit(mean)
        constant = 0.5 * math.log(2.0 * math.pi)
        normal = [
            -0.5 * tf.square(part / scale) - tf.math.log(scale) - constant
            for part in parts(y - mean)
        ]
        return tf.add_n(normal)

    def variance(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns the variance of y around m in units of [-1, 1]^2, broadcastable to m.

        For complex y it is the variance of one of the two `components` of a value.
        """
        return tf.square(self._scale_of(mean, params))

    def precision(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns the Fisher information about m of one value, -E d^2 log p(y | m) / d m^2.

        By default it is 1 / `variance`, and has the same shape and units.
        """
        return 1.0 / self.variance(mean, params)

    def distribution(self, mean: tf.Tensor, params: Mapping[str, Any]) -> Any:
        """Returns p(y | m) as a TensorFlow Probability distribution with the batch shape of m.

        Its log_prob is `log_density`.
        """
        # Imported here, because TensorFlow Probability is slow to import.
        from brgm_tf.corruptions.complex_normal import normal_around

        return normal_around(mean, self._scale_of(mean, params))

    def _scale_of(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        """Returns s in units of [-1, 1], real [1 or B, 1, 1, 1]."""
        scale = as_real(params["noise_scale"], real_dtype(mean))
        return tf.reshape(scale, [-1, 1, 1, 1]) * GREY_LEVEL
