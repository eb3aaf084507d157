"""Surrogate posteriors: Gaussians over an image's coordinates, fitted by variational inference.

Notation: B images; v [B, N] coordinates, flattened; m [B, N] and C [B, N, N] mean and
covariance of a Gaussian that approximates the posterior near its mode (a `LaplaceApproximation`),

    C = I - Q diag(1 - d^2) Q^T,   C^(1/2) = I + Q diag(d - 1) Q^T,

with Q [B, N, R] orthonormal and d [B, R] > 0; e ~ N(0, I) [B, N]. A surrogate is

    v = m + C^(1/2) u + s * F e,   F e as the class says,

with u, s and whatever F has as its parameters. That u is in units of the posterior's own
width is what one learning rate for all of them rests on: some coordinates are known a
hundred times better than others.

Reference: Spantini et al., Optimal low-rank approximations of Bayesian linear inverse
problems (2015): relative to its prior, a posterior is narrow in few directions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf


class LaplaceApproximation(NamedTuple):
    """A Gaussian approximation of the posterior: mean m, directions Q and their widths d."""

    mean: tf.Tensor
    directions: tf.Tensor
    widths: tf.Tensor

    def root_product(self, u):
        """C^(1/2) u, for u [..., B, N]."""
        return _low_rank_product(u, self.directions, self.widths)


class MeanField:
    """v_i independent: F e = e, the paper's surrogate.

    Parameters, flattened to [B, size]: u [N] and log s [N].
    """

    def size(self, frame: LaplaceApproximation) -> int:
        """Parameters an image."""
        return 2 * frame.mean.shape[1]

    def start(self, frame: LaplaceApproximation, *, log_scale=0.0):
        """Parameters [B, size]: the mode, and the best diagonal for the frame's Gaussian.

        That is s_i^2 = 1 / (C^-1)_ii, C^-1 = I + Q diag(d^-2 - 1) Q^T, times exp(log_scale_i)^2.

        Args:
            frame: the Gaussian.
            log_scale: [N], of widths of which the frame says nothing.
        """
        gain = 1.0 / tf.square(frame.widths) - 1.0
        precision = 1.0 + tf.einsum("bnr,br->bn", tf.square(frame.directions), gain)
        widths = log_scale - 0.5 * tf.math.log(precision)
        return tf.concat([tf.zeros_like(frame.mean), widths], axis=1)

    def mean(self, parameters, frame: LaplaceApproximation):
        """m + C^(1/2) u, [B, N]."""
        u, _ = tf.split(parameters, 2, axis=1)
        return frame.mean + frame.root_product(u)

    def draw(self, parameters, frame: LaplaceApproximation, noise):
        """v [S, B, N] of e = `noise` [S, B or 1, N]."""
        _, log_scale = tf.split(parameters, 2, axis=1)
        return self.mean(parameters, frame) + tf.exp(log_scale) * noise

    def log_prob(self, v, parameters, frame: LaplaceApproximation):
        """log q(v), [S, B], of v [S, B, N]."""
        _, log_scale = tf.split(parameters, 2, axis=1)
        standard = (v - self.mean(parameters, frame)) * tf.exp(-log_scale)
        return _standard_log_prob(standard) - tf.reduce_sum(log_scale, axis=1)

    def distribution(self, parameters, frame: LaplaceApproximation):
        """The same as a distribution of TensorFlow Probability, event [N]."""
        from tensorflow_probability import distributions as tfd

        _, log_scale = tf.split(parameters, 2, axis=1)
        return tfd.MultivariateNormalDiag(self.mean(parameters, frame), tf.exp(log_scale))


class LowRank:
    """F = I + Q diag(d' - 1) Q^T: R directions with a width d' > 0 of their own.

    The covariance is s F F^T s, diagonal plus low rank; unlike with a sum of positive
    terms, directions may be narrower than the rest, as those that were measured are.

    Parameters, flattened to [B, size]: u [N], log s [N] and log d' [R].
    """

    def size(self, frame: LaplaceApproximation) -> int:
        """Parameters an image."""
        return 2 * frame.mean.shape[1] + frame.widths.shape[1]

    def start(self, frame: LaplaceApproximation, *, log_scale=0.0):
        """Parameters [B, size] of the frame's Gaussian itself.

        Args:
            frame: the Gaussian.
            log_scale: [N], of widths of which the frame says nothing.
        """
        nothing = tf.zeros_like(frame.mean)
        return tf.concat([nothing, nothing + log_scale, tf.math.log(frame.widths)], axis=1)

    def mean(self, parameters, frame: LaplaceApproximation):
        """m + C^(1/2) u, [B, N]."""
        u, _, _ = self._split(parameters, frame)
        return frame.mean + frame.root_product(u)

    def draw(self, parameters, frame: LaplaceApproximation, noise):
        """v [S, B, N] of e = `noise` [S, B or 1, N]."""
        _, log_scale, log_widths = self._split(parameters, frame)
        noise = tf.broadcast_to(noise, [noise.shape[0], *frame.mean.shape])
        shaped = _low_rank_product(noise, frame.directions, tf.exp(log_widths))
        return self.mean(parameters, frame) + tf.exp(log_scale) * shaped

    def log_prob(self, v, parameters, frame: LaplaceApproximation):
        """log q(v), [S, B], of v [S, B, N]; log |det s F| = sum log s + sum log d'."""
        _, log_scale, log_widths = self._split(parameters, frame)
        shaped = (v - self.mean(parameters, frame)) * tf.exp(-log_scale)
        standard = _low_rank_product(shaped, frame.directions, tf.exp(-log_widths))
        volume = tf.reduce_sum(log_scale, axis=1) + tf.reduce_sum(log_widths, axis=1)
        return _standard_log_prob(standard) - volume

    def distribution(self, parameters, frame: LaplaceApproximation):
        """The same as a distribution of TensorFlow Probability, event [N]."""
        from tensorflow_probability import distributions as tfd

        _, log_scale, log_widths = self._split(parameters, frame)
        operator = tf.linalg.LinearOperatorLowRankUpdate(
            tf.linalg.LinearOperatorIdentity(
                frame.mean.shape[1], batch_shape=frame.mean.shape[:1], dtype=frame.mean.dtype
            ),
            u=frame.directions * (tf.exp(log_widths) - 1.0)[:, None],
            v=frame.directions,
        )
        scale = tf.linalg.LinearOperatorComposition(
            [tf.linalg.LinearOperatorDiag(tf.exp(log_scale)), operator]
        )
        return tfd.MultivariateNormalLinearOperator(self.mean(parameters, frame), scale)

    def _split(self, parameters, frame: LaplaceApproximation):
        size, rank = frame.mean.shape[1], frame.widths.shape[1]
        return tf.split(parameters, [size, size, rank], axis=1)


def _low_rank_product(vectors, directions, widths):
    """(I + Q diag(d - 1) Q^T) e, for e [..., B, N]."""
    along = tf.einsum("bnr,...bn->...br", directions, vectors)
    return vectors + tf.einsum("bnr,...br->...bn", directions, (widths - 1.0) * along)


def _standard_log_prob(e):
    """log N(e | 0, I) over the last dimension."""
    squared = tf.reduce_sum(tf.square(e), axis=-1)
    return -0.5 * (squared + e.shape[-1] * math.log(2.0 * math.pi))
