"""The prior on the latents of the slices of a volume: a Gauss-Markov chain.

Notation: S slices at the positions p_s in millimetres; v_s [V, D] the whitened latents of slice s
(`LatentPrior`), whose prior variance is sigma^2 [D]; a_s the correlation of slices s and s + 1;
R [S, S] the correlation matrix of the slices.

    v_1 ~ N(0, sigma^2),   v_{s+1} | v_s ~ N(a_s v_s, (1 - a_s^2) sigma^2)
    R[s, t] = a_s a_{s+1} ... a_{t-1}   for s < t

Every slice alone has the prior of an image. With a_s = exp(-(p_{s+1} - p_s) / length), the
correlation of two slices depends on their distance only. In the latents w, this is

    w_1 ~ N(mu, Sigma),   w_{s+1} | w_s ~ N(mu + a_s (w_s - mu), (1 - a_s^2) Sigma)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from brgm_tf.core.distributions import StaticShapeDistribution
from brgm_tf.core.errors import InputError


class SliceChain(StaticShapeDistribution):
    """Gauss-Markov distribution of the whitened latents of the slices of a volume, to a power.

        log p(v) = -power * (sum v_1^2 / sigma^2 / 2
                   + sum over s of (v_{s+1} - a_s v_s)^2 / ((1 - a_s^2) sigma^2) / 2 + constant)

    Samples are drawn from the chain with the variance sigma^2 / power. The log-density is
    normalised if the power is 1 and `is_normalized` is true; else it lacks a constant.

    Args:
        event_shape: (V, D) of a slice.
        correlations: a [S - 1], in [0, 1).
        variance: sigma^2 [D].
        power: Power of the density.
        is_normalized: Whether the log-density has its constant.
        dtype: Floating-point type.
        name: Name of the distribution.

    Raises:
        InputError: A correlation is not in [0, 1).

    Example:
        >>> chain = SliceChain((3, 2), correlations=[0.9, 0.9, 0.0], variance=[1.0, 1.0])
        >>> chain.sample(seed=[0, 1]).shape
        TensorShape([4, 3, 2])
    """

    def __init__(
        self,
        event_shape: tuple[int, int],
        *,
        correlations: Sequence[float] | np.ndarray,
        variance: Sequence[float] | np.ndarray,
        power: float = 1.0,
        is_normalized: bool = True,
        dtype=tf.float32,
        name: str = "SliceChain",
    ):
        self._correlations = checked_correlations(correlations)
        self._variance, self._power = np.asarray(variance, np.float64), power
        self._constant = self._log_normalizer(event_shape[0]) if is_normalized else 0.0
        num_slices = len(self._correlations) + 1
        super().__init__([], [num_slices, *event_shape], dtype=dtype, name=name)

    def _log_prob(self, value):
        variance = tf.constant(self._variance, value.dtype)
        correlations = tf.constant(self._correlations, value.dtype)[:, None, None]
        conditional = variance * (1.0 - tf.square(correlations))
        first, steps = value[..., 0, :, :], value[..., 1:, :, :]
        innovations = steps - correlations * value[..., :-1, :, :]
        squares = tf.reduce_sum(tf.square(first) / variance, axis=[-2, -1])
        squares += tf.reduce_sum(tf.square(innovations) / conditional, axis=[-3, -2, -1])
        return -self._power * (0.5 * squares + tf.constant(self._constant, value.dtype))

    def _sample_n(self, n, seed=None):
        stddev = tf.constant(np.sqrt(self._variance / self._power), self.dtype)
        factor = np.linalg.cholesky(correlation_matrix(self._correlations))
        normal = self._standard_normal(n, seed)
        return stddev * tf.einsum("st,ntvd->nsvd", tf.constant(factor, self.dtype), normal)

    def _log_normalizer(self, num_vectors: int) -> float:
        """Returns log of the integral of exp(-quadratic form / 2)."""
        num_slices = len(self._correlations) + 1
        one = float(np.log(2.0 * math.pi * self._variance).sum())
        steps = float(np.log1p(-(self._correlations**2)).sum()) * len(self._variance)
        return 0.5 * num_vectors * (num_slices * one + steps)


def checked_correlations(correlations: Sequence[float] | np.ndarray) -> np.ndarray:
    """Returns correlations as float64 [S - 1].

    Raises:
        InputError: A correlation is not in [0, 1).
    """
    array = np.asarray(correlations, np.float64).reshape(-1)
    if not ((array >= 0) & (array < 1)).all():
        raise InputError(
            "correlations", "must be at least 0 and below 1", correlations=array.tolist()
        )
    return array


def correlations_of(positions: Sequence[float] | np.ndarray, *, length: float) -> np.ndarray:
    """Returns a_s = exp(-(p_{s+1} - p_s) / length), the correlations [S - 1] of neighbours.

    Args:
        positions: p [S] in millimetres, increasing.
        length: Distance in millimetres at which the correlation is 1 / e; 0 for independent
            slices.

    Example:
        >>> correlations_of([0.0, 2.0, 6.0], length=20.0).round(3).tolist()
        [0.905, 0.819]
    """
    distances = np.diff(np.asarray(positions, np.float64))
    return np.exp(-distances / length) if length > 0 else np.zeros_like(distances)


def correlation_matrix(correlations: Sequence[float] | np.ndarray) -> np.ndarray:
    """Returns R [S, S], the correlation matrix of a chain.

    Example:
        >>> correlation_matrix([0.5, 0.2]).tolist()
        [[1.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 1.0]]
    """
    a = checked_correlations(correlations)
    matrix = np.eye(len(a) + 1)
    for first in range(len(a)):
        matrix[first, first + 1 :] = np.cumprod(a[first:])
    return np.maximum(matrix, matrix.T)


def correlation_root(correlations: Sequence[float] | np.ndarray) -> np.ndarray:
    """Returns the symmetric Q [S, S] with Q Q = R.

    If z [S, ...] is standard normal, Q z has the correlations of the chain. Row s of Q is largest
    at slice s, so z_s stays the coordinate of slice s.

    Example:
        >>> root = correlation_root([0.6])
        >>> (root @ root).round(6).tolist()
        [[1.0, 0.6], [0.6, 1.0]]
    """
    values, vectors = np.linalg.eigh(correlation_matrix(correlations))
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
