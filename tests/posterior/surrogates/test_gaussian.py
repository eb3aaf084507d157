"""Surrogates against the normal distributions of SciPy and TensorFlow Probability."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from brgm_tf.posterior.surrogates.laplace import LaplaceApproximation
from brgm_tf.posterior.surrogates.table import SURROGATES


def some_laplace():
    rng = np.random.RandomState(4)
    eigenvectors = np.linalg.qr(rng.randn(2, 7, 3))[0]
    return LaplaceApproximation(
        *map(tf.constant, (rng.randn(2, 7), eigenvectors, rng.uniform(0.1, 2, [2, 3])))
    )


def surrogate(name, **options):
    """Returns a surrogate with random parameters."""
    kind, laplace = SURROGATES.row(name).load(), some_laplace()
    rng = np.random.RandomState(5)
    parameters = tf.constant(rng.randn(2, kind.num_parameters(laplace)) * 0.5)
    return kind(laplace, parameters, **options)


@pytest.mark.parametrize("name", SURROGATES)
def test_samples_and_density_have_the_covariance(name):
    distribution = surrogate(name)
    v = distribution.sample(20_000, seed=[0, 1]).numpy()
    mean, covariance = distribution.mean().numpy(), distribution.covariance().numpy()
    log_prob = distribution.log_prob(v[:5]).numpy()
    for b in range(2):
        np.testing.assert_allclose(v[:, b].mean(axis=0), mean[b], atol=0.1)
        np.testing.assert_allclose(np.cov(v[:, b].T), covariance[b], atol=0.3)
        peer = scipy.stats.multivariate_normal(mean[b], covariance[b])
        np.testing.assert_allclose(log_prob[:, b], peer.logpdf(v[:5, b]), rtol=1e-10)


def test_the_scale_of_low_rank_is_a_diagonal_times_a_low_rank_update():
    distribution = surrogate("low_rank")
    _, log_scale, log_scales = np.split(distribution.parameters_vector.numpy(), [7, 14], axis=1)
    for b in range(2):
        q = distribution.laplace.eigenvectors[b].numpy()
        factor = np.eye(7) + q @ np.diag(np.exp(log_scales[b]) - 1) @ q.T
        factor = np.diag(np.exp(log_scale[b])) @ factor
        np.testing.assert_allclose(distribution.covariance()[b], factor @ factor.T, atol=1e-12)


@pytest.mark.parametrize("name", SURROGATES)
def test_samples_share_their_noise_between_images_and_may_be_antithetic(name):
    noise = surrogate(name).inverse(surrogate(name).sample(4, seed=[0, 1])).numpy()
    np.testing.assert_allclose(noise[:, 0], noise[:, 1], atol=1e-12)
    paired = surrogate(name, antithetic=True)
    noise = paired.inverse(paired.sample(4, seed=[0, 1])).numpy()
    np.testing.assert_allclose(noise[:2], -noise[2:], atol=1e-12)


def test_low_rank_starts_at_the_laplace_approximation():
    laplace = some_laplace()
    kind = SURROGATES.row("low_rank").load()
    covariance = kind(laplace, kind.initial_parameters(laplace)).covariance()
    for b in range(2):
        q, d = laplace.eigenvectors[b].numpy(), laplace.scales[b].numpy()
        expected = np.eye(7) - q @ np.diag(1 - d**2) @ q.T
        np.testing.assert_allclose(covariance[b], expected, atol=1e-12)
