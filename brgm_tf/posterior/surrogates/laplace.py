"""The Laplace approximation: the Gaussian that fits a posterior at its mode.

Notation: B images; v [B, N] flat positions whose prior is N(0, I); m [B, N] the mode; J the
Jacobian of the predicted measurement; p the precision of the measurement's values.

    -Hessian ~ I + H,   H = p J^T J   (Gauss-Newton: without the generator's curvature)
    C = (I + H)^-1 = I - Q diag(1 - d^2) Q^T,   C^(1/2) = I + Q diag(d - 1) Q^T

The rank of H is at most the number of observed values, and few eigenvalues h are large. Products
H q find them; each is a forward and a backward pass. Q [B, N, R] holds their orthonormal
eigenvectors, and d = (1 + h)^(-1/2) [B, R] are the standard deviations along them.

Reference: Halko, Martinsson, Tropp, Finding structure with randomness (2011), algorithms
4.4 and 5.3 (randomised subspace iteration).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

_ITERATIONS = 1


class LaplaceApproximation(NamedTuple):
    """A Gaussian approximation of the posterior.

    Attributes:
        mean: m [B, N].
        eigenvectors: Q [B, N, R], orthonormal.
        scales: d [B, R], standard deviations along the eigenvectors.
    """

    mean: tf.Tensor
    eigenvectors: tf.Tensor
    scales: tf.Tensor

    def root_product(self, u):
        """Returns C^(1/2) u for u [..., B, N]."""
        return low_rank_product(u, self.eigenvectors, self.scales)


def low_rank_product(vectors, eigenvectors, scales):
    """Returns (I + Q diag(d - 1) Q^T) e for vectors e [..., B, N]."""
    along = tf.einsum("bnr,...bn->...br", eigenvectors, vectors)
    return vectors + tf.einsum("bnr,...br->...bn", eigenvectors, (scales - 1.0) * along)


def principal_eigenpairs(product: Callable, *, probes):
    """Finds the largest eigenpairs of the matrix H of each image.

    Args:
        product: Function from q [R, B, N] to H q of the same shape.
        probes: Random vectors [R, B, N] to start from, with R <= N.

    Returns:
        Eigenvectors Q [B, N, R], orthonormal, and eigenvalues h [B, R] >= 0.
    """
    vectors = _orthonormal(probes)
    for _ in range(_ITERATIONS):
        vectors = _orthonormal(product(vectors))
    projected = tf.einsum("rbn,sbn->brs", vectors, product(vectors))
    eigenvalues, rotation = tf.linalg.eigh(
        0.5 * (projected + tf.linalg.matrix_transpose(projected))
    )
    return tf.einsum("rbn,brs->bns", vectors, rotation), tf.maximum(eigenvalues, 0)


def gauss_newton_product(model: Callable, v, q, *, precision):
    """Returns H q = J^T p J q at v for vectors q [R, B, N].

    Args:
        model: Function from v [R B, N] to predicted values [R B, M].
        v: Flat positions [B, N].
        q: Vectors [R, B, N].
        precision: p [B], or [B, M] with zeros for values that are not observed.
    """
    count, size = q.shape[0], v.shape[1]
    repeated = tf.tile(v, [count, 1])
    weight = tf.tile(tf.reshape(precision, [v.shape[0], -1]), [count, 1])
    # J q is the derivative of J^T u, which is linear in u. The forward mode of TensorFlow takes
    # five times as long to trace.
    with tf.GradientTape(watch_accessed_variables=False) as forward:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as backward:
            backward.watch(repeated)
            values = model(repeated)
        u = tf.zeros_like(values)
        forward.watch(u)
        pulled = backward.gradient(values, repeated, output_gradients=u)
    pushed = forward.gradient(pulled, u, output_gradients=tf.reshape(q, [-1, size]))
    pulled = backward.gradient(values, repeated, output_gradients=weight * pushed)
    return tf.reshape(pulled, q.shape)


def _orthonormal(vectors):
    """Returns vectors [R, B, N] that span the same space and are orthonormal for each image."""
    q, _ = tf.linalg.qr(tf.transpose(vectors, [1, 2, 0]))
    return tf.transpose(q, [2, 0, 1])
