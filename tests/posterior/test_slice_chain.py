"""The Gauss-Markov chain of slices, against a dense normal distribution."""

import numpy as np
import pytest
import scipy.stats

from brgm_tf.core.errors import InputError
from brgm_tf.posterior.slice_chain import (
    SliceChain,
    correlation_matrix,
    correlation_root,
    correlations_of,
)

V, D = 2, 3
VARIANCE = np.array([0.5, 1.0, 4.0])
CORRELATIONS = np.array([0.9, 0.0, 0.4])


def chain(**options):
    options = {"correlations": CORRELATIONS, "variance": VARIANCE, "dtype": "float64"} | options
    return SliceChain((V, D), **options)


def dense():
    """Returns the normal distribution of the flattened latents [S V D]."""
    covariance = np.kron(correlation_matrix(CORRELATIONS), np.diag(np.tile(VARIANCE, V)))
    return scipy.stats.multivariate_normal(np.zeros(len(covariance)), covariance)


def test_the_density_is_that_of_the_dense_normal_distribution():
    v = np.random.default_rng(0).normal(size=[5, 4, V, D])
    expected = dense().logpdf(v.reshape(5, -1))
    np.testing.assert_allclose(chain().log_prob(v), expected, rtol=1e-12)


def test_without_normalizer_the_density_lacks_only_a_constant():
    v = np.random.default_rng(1).normal(size=[3, 4, V, D])
    difference = chain().log_prob(v) - chain(is_normalized=False).log_prob(v)
    np.testing.assert_allclose(difference, np.full(3, difference[0]), rtol=1e-12)


def test_the_power_multiplies_the_log_density():
    v = np.random.default_rng(2).normal(size=[4, V, D])
    expected = 0.25 * chain().log_prob(v)
    np.testing.assert_allclose(chain(power=0.25).log_prob(v), expected, rtol=1e-12)


def test_independent_slices_are_independent_images():
    v = np.random.default_rng(3).normal(size=[4, V, D])
    normal = scipy.stats.norm(scale=np.sqrt(VARIANCE))
    log_prob = chain(correlations=np.zeros(3)).log_prob(v)
    np.testing.assert_allclose(log_prob, normal.logpdf(v).sum(), rtol=1e-12)


def test_a_single_slice_is_an_image():
    v = np.random.default_rng(4).normal(size=[1, V, D])
    normal = scipy.stats.norm(scale=np.sqrt(VARIANCE))
    log_prob = chain(correlations=[]).log_prob(v)
    np.testing.assert_allclose(log_prob, normal.logpdf(v).sum(), rtol=1e-12)


@pytest.mark.parametrize("power", [1.0, 0.25])
def test_samples_have_the_moments_of_the_chain(power):
    count = 40_000
    v = chain(power=power).sample(count, seed=[0, 1]).numpy()
    # Bounds of four standard errors.
    assert np.abs(v.mean(axis=0) / np.sqrt(VARIANCE / power)).max() < 4 / np.sqrt(count)
    v = v / np.sqrt(VARIANCE / power)
    covariance = np.einsum("nsvd,ntvd->st", v, v) / (count * V * D)
    error = np.abs(covariance - correlation_matrix(CORRELATIONS)).max()
    assert error < 4 * np.sqrt(2 / (count * V * D))


def test_the_root_squares_to_the_correlation_matrix():
    root = correlation_root(CORRELATIONS)
    np.testing.assert_allclose(root @ root, correlation_matrix(CORRELATIONS), atol=1e-14)
    np.testing.assert_allclose(root, root.T, atol=1e-15)


def test_correlations_of_two_steps_multiply():
    near = correlations_of([0.0, 3.0, 7.0], length=10.0)
    (far,) = correlations_of([0.0, 7.0], length=10.0)
    assert near.prod() == pytest.approx(far)
    assert correlations_of([0.0, 3.0, 7.0], length=0.0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [-0.1, 1.0, np.nan])
def test_correlations_outside_of_the_range_are_refused(value):
    with pytest.raises(InputError, match=r"^`correlations` must be at least 0 and below 1"):
        chain(correlations=[0.5, value])
