"""Surrogate posteriors: Gaussian distributions that variational inference fits.

Notation: B images; v [B, N] flat positions; m [B, N] and C [B, N, N] the mean and covariance of
the `LaplaceApproximation` that the fit starts from, Q [B, N, R] its eigenvectors;
e ~ N(0, I) [B, N]. A surrogate is

    v = m + C^(1/2) u + s * F e

whose parameters are u, s and the parameters of F. A unit of u is a standard deviation of the
posterior, so one learning rate serves all coordinates, though the measurement determines some a
hundred times better than others.

Reference: Spantini et al., Optimal low-rank approximations of Bayesian linear inverse
problems (2015): a posterior is narrower than its prior in few directions.
"""

from __future__ import annotations

import abc
import math

import tensorflow as tf

from brgm_tf.core.distributions import StaticShapeDistribution
from brgm_tf.posterior.surrogates.laplace import LaplaceApproximation, low_rank_product


class Surrogate(StaticShapeDistribution):
    """Gaussian distribution with batch [B] and event [N].

    All images of a batch share the noise e of a sample, so that a sample of an image does not
    depend on the other images.

    Args:
        laplace: `LaplaceApproximation`.
        parameters: Parameters [B, P], packed as the class states.
        antithetic: Whether the second half of the samples has the noise -e of the first half.
    """

    def __init__(self, laplace: LaplaceApproximation, parameters, *, antithetic: bool = False):
        self.laplace, self.parameters_vector = laplace, parameters
        self._antithetic = antithetic
        super().__init__(
            laplace.mean.shape[:1],
            laplace.mean.shape[1:],
            dtype=parameters.dtype,
            name=type(self).__name__,
        )

    @classmethod
    @abc.abstractmethod
    def num_parameters(cls, laplace: LaplaceApproximation) -> int:
        """Returns P, the number of parameters of an image."""

    @classmethod
    @abc.abstractmethod
    def initial_parameters(cls, laplace: LaplaceApproximation, *, log_scale=0.0):
        """Returns the parameters [B, P] that fit the Laplace approximation.

        Args:
            laplace: `LaplaceApproximation`.
            log_scale: Logarithms [N] of factors of s.
        """

    @abc.abstractmethod
    def forward(self, noise):
        """Returns v [S, B, N] of noise e [S, B or 1, N]."""

    @abc.abstractmethod
    def inverse(self, v):
        """Returns the noise e [S, B, N] of v [S, B, N]."""

    @abc.abstractmethod
    def forward_log_det_jacobian(self):
        """Returns log |det dv / de| [B]."""

    def stop_gradient(self):
        """Returns the same distribution with constant parameters."""
        return type(self)(self.laplace, tf.stop_gradient(self.parameters_vector))

    def _log_prob(self, value):
        standard = self.inverse(value)
        squared = tf.reduce_sum(tf.square(standard), axis=-1)
        log_normalizer = standard.shape[-1] * math.log(2.0 * math.pi)
        return -0.5 * (squared + log_normalizer) - self.forward_log_det_jacobian()

    def _sample_n(self, n, seed=None):
        size = self.event_shape[0]
        count = n // 2 if self._antithetic else n
        noise = tf.random.stateless_normal([count, 1, size], seed, dtype=self.dtype)
        return self.forward(tf.concat([noise, -noise], axis=0) if self._antithetic else noise)

    def _covariance(self):
        # The rows of F s are the images of unit noise, without the mean.
        unit = tf.eye(self.event_shape[0], dtype=self.dtype)[:, None]
        columns = self.forward(unit) - self.mean()
        return tf.einsum("ibn,ibm->bnm", columns, columns)

    def _stddev(self):
        return tf.sqrt(tf.linalg.diag_part(self._covariance()))


class MeanField(Surrogate):
    """Gaussian with independent coordinates, F e = e: the surrogate of the BRGM paper.

    The parameters [B, 2 N] are u [N] and log s [N].
    """

    @classmethod
    def num_parameters(cls, laplace: LaplaceApproximation) -> int:
        """Returns 2 N."""
        return 2 * laplace.mean.shape[1]

    @classmethod
    def initial_parameters(cls, laplace: LaplaceApproximation, *, log_scale=0.0):
        """Returns u = 0 and the diagonal that fits the Laplace approximation best.

        s_i^2 = exp(log_scale_i)^2 / (C^-1)_ii, with C^-1 = I + Q diag(d^-2 - 1) Q^T.
        """
        gain = 1.0 / tf.square(laplace.scales) - 1.0
        precision = 1.0 + tf.einsum("bnr,br->bn", tf.square(laplace.eigenvectors), gain)
        log_scale = log_scale - 0.5 * tf.math.log(precision)
        return tf.concat([tf.zeros_like(laplace.mean), log_scale], axis=1)

    def forward(self, noise):
        """Returns v = m + C^(1/2) u + s e."""
        _, log_scale = self._split()
        return self._mean() + tf.exp(log_scale) * noise

    def inverse(self, v):
        """Returns e = (v - m - C^(1/2) u) / s."""
        _, log_scale = self._split()
        return (v - self._mean()) * tf.exp(-log_scale)

    def forward_log_det_jacobian(self):
        """Returns the sum of log s."""
        return tf.reduce_sum(self._split()[1], axis=1)

    def _mean(self):
        return self.laplace.mean + self.laplace.root_product(self._split()[0])

    def _split(self):
        """Returns u and log s."""
        return tf.split(self.parameters_vector, 2, axis=1)


class LowRank(Surrogate):
    """Gaussian with R scales of its own, F = I + Q diag(d' - 1) Q^T.

    The covariance s F F^T s is diagonal plus low rank. Unlike a sum of positive terms, it may be
    narrow in some directions, as the posterior is in directions that were measured.

    The parameters [B, 2 N + R] are u [N], log s [N] and log d' [R].
    """

    @classmethod
    def num_parameters(cls, laplace: LaplaceApproximation) -> int:
        """Returns 2 N + R."""
        return 2 * laplace.mean.shape[1] + laplace.scales.shape[1]

    @classmethod
    def initial_parameters(cls, laplace: LaplaceApproximation, *, log_scale=0.0):
        """Returns the parameters of the Laplace approximation itself, if log_scale is 0."""
        zero = tf.zeros_like(laplace.mean)
        return tf.concat([zero, zero + log_scale, tf.math.log(laplace.scales)], axis=1)

    def forward(self, noise):
        """Returns v = m + C^(1/2) u + s F e."""
        _, log_scale, log_scales = self._split()
        noise = tf.broadcast_to(noise, [noise.shape[0], *self.laplace.mean.shape])
        shaped = low_rank_product(noise, self.laplace.eigenvectors, tf.exp(log_scales))
        return self._mean() + tf.exp(log_scale) * shaped

    def inverse(self, v):
        """Returns e = F^-1 (v - m - C^(1/2) u) / s."""
        _, log_scale, log_scales = self._split()
        shaped = (v - self._mean()) * tf.exp(-log_scale)
        return low_rank_product(shaped, self.laplace.eigenvectors, tf.exp(-log_scales))

    def forward_log_det_jacobian(self):
        """Returns the sum of log s and log d'."""
        _, log_scale, log_scales = self._split()
        return tf.reduce_sum(log_scale, axis=1) + tf.reduce_sum(log_scales, axis=1)

    def _mean(self):
        return self.laplace.mean + self.laplace.root_product(self._split()[0])

    def _split(self):
        """Returns u, log s and log d'."""
        size, rank = self.laplace.mean.shape[1], self.laplace.scales.shape[1]
        return tf.split(self.parameters_vector, [size, size, rank], axis=1)
