"""The Laplace approximation: eigenpairs and Gauss-Newton products of known matrices."""

import numpy as np
import tensorflow as tf

from brgm_tf.posterior.surrogates import laplace


def test_principal_eigenpairs_are_the_largest_eigenpairs():
    rng = np.random.RandomState(6)
    basis = np.linalg.qr(rng.randn(12, 12))[0]
    values = np.array([900.0, 300.0, 80.0, *[1e-3] * 9])
    matrix = basis @ np.diag(values) @ basis.T
    probes = tf.constant(rng.randn(3, 1, 12))
    vectors, eigenvalues = laplace.principal_eigenpairs(lambda q: q @ matrix, probes=probes)
    np.testing.assert_allclose(np.sort(eigenvalues[0])[::-1], values[:3], rtol=1e-6)
    projector = vectors[0].numpy() @ vectors[0].numpy().T
    np.testing.assert_allclose(projector, basis[:, :3] @ basis[:, :3].T, atol=1e-3)


def test_the_gauss_newton_product_uses_the_jacobian():
    rng = np.random.RandomState(7)
    weights = tf.constant(rng.randn(4, 6))
    v, q = tf.constant(rng.randn(2, 4)), tf.constant(rng.randn(3, 2, 4))
    precision = tf.constant(rng.uniform(0, 2, [2, 6]))
    product = laplace.gauss_newton_product(lambda v: tf.sin(v @ weights), v, q, precision=precision)
    for b in range(2):
        jacobian = np.cos(v[b].numpy() @ weights.numpy())[:, None] * weights.numpy().T
        matrix = jacobian.T @ np.diag(precision[b].numpy()) @ jacobian
        np.testing.assert_allclose(product[:, b], q[:, b].numpy() @ matrix, rtol=1e-10)
