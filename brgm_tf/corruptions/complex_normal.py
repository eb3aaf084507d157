"""The normal distribution of complex numbers, which TensorFlow Probability lacks."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.corruptions.complex_values import joined, parts, unit

tfd = tfp.distributions


def normal_around(mean: tf.Tensor, scale: tf.Tensor) -> Any:
    """Returns N(m, s^2), real or complex as m is.

    Args:
        mean: m.
        scale: s in units of [-1, 1], broadcastable to m.
    """
    scale = tf.broadcast_to(scale * unit(mean), tf.shape(mean))
    return (ComplexNormal if mean.dtype.is_complex else tfd.Normal)(mean, scale)


class ComplexNormal(tfd.Distribution):  # type: ignore[name-defined]
    """Independent real and imaginary parts: Re y ~ N(Re m, s^2), Im y ~ N(Im m, s^2).

        log p(y) = -|y - m|^2 / (2 s^2) - log(2 pi s^2)

    Args:
        loc: m, complex.
        scale: s of each part, with the shape of m.
    """

    def __init__(self, loc: tf.Tensor, scale: tf.Tensor):
        self.loc, self.scale = loc, scale
        super().__init__(
            dtype=loc.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            name="ComplexNormal",
        )

    def _normals(self):
        return [tfd.Normal(part, self.scale) for part in parts(self.loc)]

    def _log_prob(self, value):
        pairs = zip(self._normals(), parts(value), strict=True)
        return tf.add_n([normal.log_prob(part) for normal, part in pairs])

    def _sample_n(self, n, seed=None):
        seeds = tfp.random.split_seed(seed, n=2)
        pairs = zip(self._normals(), seeds, strict=True)
        return joined([normal.sample(n, seed=part_seed) for normal, part_seed in pairs])

    def _mean(self):
        return self.loc

    def _batch_shape(self):
        return self.loc.shape

    def _batch_shape_tensor(self):
        return tf.shape(self.loc)

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)
