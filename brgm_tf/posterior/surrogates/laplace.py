"""The Gaussian that fits a posterior at its mode: where a surrogate starts.

Notation: B images; v [B, N] coordinates whose prior is N(0, I); J the Jacobian of the
observed values f(synthesis(v)); p the precision of the pixel term (`pixel_precision`).

    -Hessian ~ I + H,   H = p J^T J   (Gauss-Newton: the generator's curvature left out)

H = Q diag(h) Q^T has rank of at most the number of observed values, and few large
eigenvalues: they are found by products H q alone, each a forward and a backward pass.

Reference: Halko, Martinsson, Tropp, Finding structure with randomness (2011), algorithms
4.4 and 5.3 (randomised subspace iteration).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

_ITERATIONS = 1


def principal_directions(product: Callable, *, probes):
    """The largest eigenpairs of H of each image.

    Args:
        product: H q of q [R, B, N], the same shape.
        probes: random vectors [R, B, N] to start from; R <= N.

    Returns:
        Q [B, N, R], orthonormal, and h [B, R] >= 0.
    """
    directions = _orthonormal(probes)
    for _ in range(_ITERATIONS):
        directions = _orthonormal(product(directions))
    projected = tf.einsum("rbn,sbn->brs", directions, product(directions))
    values, vectors = tf.linalg.eigh(0.5 * (projected + tf.linalg.matrix_transpose(projected)))
    return tf.einsum("rbn,brs->bns", directions, vectors), tf.maximum(values, 0)


def gauss_newton_product(model: Callable, v, q, *, precision):
    """p J^T J q at v, for q [R, B, N].

    Args:
        model: v [R B, N] -> values [R B, M].
        v: [B, N].
        q: vectors.
        precision: p [B], or [B, M] with zeros where nothing is observed.
    """
    count, size = q.shape[0], v.shape[1]
    at = tf.tile(v, [count, 1])
    weight = tf.tile(tf.reshape(precision, [v.shape[0], -1]), [count, 1])
    # J q as the derivative of J^T u, which is linear in u: of TensorFlow's own forward mode the
    # tracing takes five times as long, and nothing else is gained.
    with tf.GradientTape(watch_accessed_variables=False) as pushing:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as pulling:
            pulling.watch(at)
            values = model(at)
        u = tf.zeros_like(values)
        pushing.watch(u)
        pulled = pulling.gradient(values, at, output_gradients=u)
    pushed = pushing.gradient(pulled, u, output_gradients=tf.reshape(q, [-1, size]))
    pulled = pulling.gradient(values, at, output_gradients=weight * pushed)
    return tf.reshape(pulled, q.shape)


def _orthonormal(vectors):
    """Vectors [R, B, N], orthonormal within each image."""
    q, _ = tf.linalg.qr(tf.transpose(vectors, [1, 2, 0]))
    return tf.transpose(q, [2, 0, 1])
