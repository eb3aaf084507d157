"""Every term of every objective against a plain NumPy formula, on a linear toy model."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.posterior.objectives import OBJECTIVES, objective
from brgm_tf.posterior.posterior import LatentPrior, Posterior, total

B, L, D, SIZE = 2, 3, 4, 8
RNG = np.random.RandomState(0)
MEAN = RNG.randn(D)
ROOT = RNG.randn(D, D)
COVARIANCE = ROOT @ ROOT.T
MATRIX = RNG.randn(L * D, SIZE * SIZE * 3) * 0.1
WS = MEAN + RNG.randn(B, L, D)
Y = RNG.uniform(-1, 1, [B, SIZE // 2, SIZE // 2, 3])


def synthesis(ws):
    return tf.reshape(tf.reshape(ws, [-1, L * D]) @ tf.constant(MATRIX), [-1, SIZE, SIZE, 3])


def features(x):
    return [2.0 * x, tf.nn.avg_pool2d(x, 2, 2, "VALID")]


def posterior(name, **overrides):
    scales = objective(name, **overrides)
    prior = LatentPrior(MEAN, COVARIANCE, L, scales.layer_scale)
    return Posterior(synthesis=synthesis, features=features, prior=prior, objective=scales)


def terms(name, **overrides):
    data = {"corruption": Downsample(2), "measurement": tf.constant(Y)}
    target = features(data["measurement"])
    computed = posterior(name, **overrides).terms(tf.constant(WS - MEAN), target=target, **data)
    return {key: value.numpy() for key, value in computed.items()}


def numpy_measurement():
    x = (WS.reshape(B, -1) @ MATRIX).reshape(B, SIZE, SIZE, 3)
    return x.reshape(B, SIZE // 2, 2, SIZE // 2, 2, 3).mean(axis=(2, 4))


def numpy_feature_difference():
    error = Y - numpy_measurement()
    pooled = error.reshape(B, SIZE // 4, 2, SIZE // 4, 2, 3).mean(axis=(2, 4))
    return np.concatenate([(2 * error).reshape(B, -1), pooled.reshape(B, -1)], axis=1)


def numpy_cosine_distances(b):
    unit = [w / np.linalg.norm(w) for w in WS[b]]
    return np.array([[abs(1 - a @ c) for c in unit] for a in unit])


@pytest.mark.parametrize("name", ["brgm_tf1", "brgm_torch"])
def test_originals_pixel_term_is_their_weighted_mean_square_in_grey_levels(name):
    error = 127.5 * (Y - numpy_measurement()).reshape(B, -1)
    np.testing.assert_allclose(terms(name)["pixel"], -1e-3 * (error**2).mean(axis=1), rtol=1e-12)


def test_tf1_perceptual_term_is_the_summed_feature_difference():
    expected = -(numpy_feature_difference() ** 2).sum(axis=1)
    np.testing.assert_allclose(terms("brgm_tf1")["perceptual"], expected, rtol=1e-12)


def test_torch_perceptual_term_is_1e7_times_the_mean_feature_difference():
    expected = -1e7 * (numpy_feature_difference() ** 2).mean(axis=1)
    np.testing.assert_allclose(terms("brgm_torch")["perceptual"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["brgm_tf1", "brgm_torch"])
def test_originals_prior_is_the_mean_square_over_the_total_variance(name):
    variance = np.trace(COVARIANCE)
    expected = [-100 * ((WS[b] - MEAN) ** 2 / variance).mean() for b in range(B)]
    np.testing.assert_allclose(terms(name)["prior"], expected, rtol=1e-12)


def test_tf1_colinearity_is_three_times_the_mean_cosine_distance():
    expected = [-3 * numpy_cosine_distances(b).mean() for b in range(B)]
    np.testing.assert_allclose(terms("brgm_tf1")["colinearity"], expected, rtol=1e-10)


def test_torch_colinearity_sums_each_images_own_cosine_distances():
    expected = [-0.1 * numpy_cosine_distances(b).sum() for b in range(B)]
    np.testing.assert_allclose(terms("brgm_torch")["colinearity"], expected, rtol=1e-10)


def test_tempered_pixel_term_is_the_normal_density_of_the_known_pixels():
    missing = RNG.rand(B, SIZE, SIZE, 1) < 0.3
    y = RNG.uniform(-1, 1, [B, SIZE, SIZE, 3])
    x = (WS.reshape(B, -1) @ MATRIX).reshape(B, SIZE, SIZE, 3)
    model = posterior("balanced", noise_scale=7.0, effective_sample_size_cap=50.0, pixel_scale=2.0)
    computed = model.pixel_log_prob(
        tf.constant(x), corruption=Mask().with_data(missing=missing), measurement=tf.constant(y)
    )
    for b in range(B):
        known = ~missing[b, ..., 0]
        density = scipy.stats.norm.logpdf(y[b][known], x[b][known], 7.0 / 127.5)
        share = 50.0 / (3 * known.sum())
        np.testing.assert_allclose(computed[b], 2 * share * density.sum(), rtol=1e-10)


def test_best_split_of_the_coordinates_has_the_mahalanobis_norm_of_the_latents():
    t = 0.4
    prior = LatentPrior(MEAN, COVARIANCE, L, t)
    joint = np.kron(np.ones([L, L]) + t**2 * np.eye(L), prior.root @ prior.root.T)
    offset = (WS[0] - MEAN).ravel()
    mahalanobis = offset @ np.linalg.solve(joint, offset)
    whitened = np.linalg.solve(prior.root, (WS[0] - MEAN).T).T
    shared = whitened.sum(axis=0) / (L + t**2)
    best = np.concatenate([shared[None], (whitened - shared) / t])
    np.testing.assert_allclose((best**2).sum(), mahalanobis, rtol=1e-8)
    np.testing.assert_allclose(prior.latents(tf.constant(best[None]))[0], WS[0], rtol=1e-8)


def test_independent_layers_have_the_diagonal_normal_density():
    scales = objective("balanced", prior_scale=2.0)
    prior = LatentPrior(MEAN, COVARIANCE, L, None)
    model = Posterior(synthesis=synthesis, features=features, prior=prior, objective=scales)
    density = scipy.stats.norm(MEAN, np.sqrt(np.diag(COVARIANCE))).logpdf
    expected = 2 * (density(WS) - density(MEAN)).sum(axis=(1, 2))
    computed = model.prior_log_prob(tf.constant(WS - MEAN)).numpy()
    np.testing.assert_allclose(computed, expected, rtol=1e-10)


def test_samples_of_the_coordinates_have_the_stated_covariance():
    prior = LatentPrior(MEAN, COVARIANCE, L, 0.5)
    v = np.random.RandomState(1).randn(200_000, 1 + L, D)
    ws = prior.latents(tf.constant(v)).numpy() - MEAN
    same = np.einsum("bi,bj->ij", ws[:, 0], ws[:, 0]) / len(ws)
    cross = np.einsum("bi,bj->ij", ws[:, 0], ws[:, 1]) / len(ws)
    np.testing.assert_allclose(same, 1.25 * COVARIANCE, atol=0.1)
    np.testing.assert_allclose(cross, COVARIANCE, atol=0.1)


def test_log_prob_is_the_sum_of_the_terms():
    values = terms("brgm_tf1")
    assert total({k: tf.constant(v) for k, v in values.items()}).numpy() == pytest.approx(
        sum(values.values())
    )


def test_perceptual_scale_zero_leaves_the_features_out():
    model = posterior("balanced", perceptual_scale=0.0)
    model.features = None
    v = tf.zeros([B, 1 + L, D], tf.float64)
    data = {"corruption": Downsample(2), "measurement": tf.constant(Y), "target": None}
    assert not model.terms(v, **data)["perceptual"].numpy().any()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_overrides_replace_fields_of_a_preset(name):
    changed = objective(name, prior_scale=5.0, pixel_scale=None)
    assert changed == dataclasses.replace(OBJECTIVES[name], prior_scale=5.0)


@pytest.mark.parametrize("layer_scale", [0.5, None])
def test_draws_of_equal_layers_scatter_as_the_latents_do(layer_scale):
    prior = LatentPrior(MEAN, COVARIANCE, L, layer_scale)
    ws = prior.latents(tf.constant(prior.sample_equal_layers(4000, seed=0))).numpy()
    np.testing.assert_allclose(ws[:, 1:], ws[:, :-1], rtol=1e-12)
    np.testing.assert_allclose(np.mean(ws[:, 0], axis=0), MEAN, atol=0.15)
    np.testing.assert_allclose(np.cov(ws[:, 0].T), COVARIANCE, rtol=0.15, atol=0.15)
