"""The prior on the latents: its covariance and its whitening."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from brgm_tf.posterior.latent_prior import (
    LatentPrior,
    OriginalLatents,
    StandardNormal,
    WhitenedLatents,
)

L, D = 3, 4
RNG = np.random.RandomState(0)
MEAN, ROOT = RNG.randn(D), RNG.randn(D, D)
COVARIANCE = ROOT @ ROOT.T
WS = MEAN + RNG.randn(L, D)


def test_the_best_whitened_latents_have_the_mahalanobis_norm_of_the_latents():
    t = 0.4
    prior = LatentPrior(MEAN, COVARIANCE, L, t)
    joint = np.kron(np.ones([L, L]) + t**2 * np.eye(L), prior.root @ prior.root.T)
    offset = (WS - MEAN).ravel()
    mahalanobis = offset @ np.linalg.solve(joint, offset)
    whitened = np.linalg.solve(prior.root, (WS - MEAN).T).T
    shared = whitened.sum(axis=0) / (L + t**2)
    best = np.concatenate([shared[None], (whitened - shared) / t])
    np.testing.assert_allclose((best**2).sum(), mahalanobis, rtol=1e-8)
    np.testing.assert_allclose(prior.latents(tf.constant(best[None]))[0], WS, rtol=1e-8)


def test_samples_have_the_given_covariance():
    prior = LatentPrior(MEAN, COVARIANCE, L, 0.5)
    v = np.random.RandomState(1).randn(200_000, 1 + L, D)
    ws = prior.latents(tf.constant(v)).numpy() - MEAN
    same = np.einsum("bi,bj->ij", ws[:, 0], ws[:, 0]) / len(ws)
    cross = np.einsum("bi,bj->ij", ws[:, 0], ws[:, 1]) / len(ws)
    np.testing.assert_allclose(same, 1.25 * COVARIANCE, atol=0.1)
    np.testing.assert_allclose(cross, COVARIANCE, atol=0.1)


@pytest.mark.parametrize("layer_scale", [0.5, None])
def test_samples_of_equal_layers_have_the_covariance_of_the_latents(layer_scale):
    prior = LatentPrior(MEAN, COVARIANCE, L, layer_scale)
    samples = prior.sample_equal_layers(np.random.RandomState(0), 4000)
    ws = prior.latents(tf.constant(samples)).numpy()
    np.testing.assert_allclose(ws[:, 1:], ws[:, :-1], rtol=1e-12)
    np.testing.assert_allclose(np.mean(ws[:, 0], axis=0), MEAN, atol=0.15)
    np.testing.assert_allclose(np.cov(ws[:, 0].T), COVARIANCE, rtol=0.15, atol=0.15)


VARIANCE = np.array([0.5, 1.0, 2.0, 4.0])
SHAPE = {"event_shape": (L, D), "num_images": 2, "dtype": tf.float64}
# Each distribution with the standard deviation of each coordinate.
DISTRIBUTIONS = {
    "whitened": (WhitenedLatents(**SHAPE, variance=VARIANCE, power=2.0), (VARIANCE / 2) ** 0.5),
    "original": (
        OriginalLatents(**SHAPE, total_stddev=3.0, prior_scale=100.0),
        np.full(D, 3.0 * (L * D / 200.0) ** 0.5),
    ),
    "parameters": (StandardNormal(2, D, dtype=tf.float64), np.ones(D)),
}


@pytest.mark.parametrize(("distribution", "stddev"), DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_distributions_equal_scipys_normal_up_to_a_constant(distribution, stddev):
    samples = distribution.sample(20_000, seed=[0, 1]).numpy()
    assert samples.shape == (20_000, 2, *distribution.event_shape)
    scatter = samples.reshape(-1, D).std(axis=0)
    np.testing.assert_allclose(scatter, stddev, rtol=0.02)
    axes = tuple(range(2, samples.ndim))
    peer = scipy.stats.norm(scale=stddev).logpdf(samples[:5]).sum(axis=axes)
    difference = distribution.log_prob(samples[:5]).numpy() - peer
    np.testing.assert_allclose(difference, difference[0, 0], rtol=1e-10, atol=1e-10)


def test_the_log_normalizer_normalises_the_density():
    prior = LatentPrior(MEAN, COVARIANCE, L)
    distribution = WhitenedLatents(
        **SHAPE, variance=prior.variance, log_normalizer=prior.log_normalizer
    )
    v = tf.constant(RNG.randn(2, L, D))
    density = scipy.stats.norm(scale=np.sqrt(np.diag(COVARIANCE))).logpdf(v).sum(axis=(1, 2))
    np.testing.assert_allclose(distribution.log_prob(v), density, rtol=1e-12)
