"""Every term of every objective against a plain NumPy formula, on a linear toy model."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from linear_gaussian import generator_of

from brgm_tf.corruptions.identity import Identity
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.posterior.objectives import objective
from brgm_tf.posterior.posterior import Posterior

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


def features(x, *, enlarge):
    del enlarge
    return [2.0 * x, tf.nn.avg_pool2d(x, 2, 2, "VALID")]


def posterior(name, *, corruption=None, **overrides):
    moments = {"mean": MEAN, "covariance": COVARIANCE}
    return Posterior(
        generator_of(synthesis, num_ws=L, size=SIZE, channels=3, **moments),
        Downsample(2) if corruption is None else corruption,
        objective=objective(name, **overrides),
        perceptual=SimpleNamespace(features=features),
    )


def terms(name, **overrides):
    model = posterior(name, **overrides)
    conditions = model.condition(Y, dtype=tf.float64)
    computed = model.terms(tf.constant(WS - MEAN), conditions)
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


@pytest.fixture(scope="module", params=["brgm_tf1", "brgm_torch"])
def original(request):
    return request.param, terms(request.param)


def test_the_original_pixel_term_is_the_weighted_mean_square_in_grey_levels(original):
    error = 127.5 * (Y - numpy_measurement()).reshape(B, -1)
    np.testing.assert_allclose(original[1]["pixel"], -1e-3 * (error**2).mean(axis=1), rtol=1e-12)


def test_tf1_sums_the_feature_differences_and_torch_takes_1e7_times_their_mean(original):
    name, computed = original
    squares = numpy_feature_difference() ** 2
    expected = {"brgm_tf1": -squares.sum(axis=1), "brgm_torch": -1e7 * squares.mean(axis=1)}
    np.testing.assert_allclose(computed["perceptual"], expected[name], rtol=1e-12)


def test_the_original_prior_is_the_mean_square_over_the_total_variance(original):
    variance = np.trace(COVARIANCE)
    expected = [-100 * ((WS[b] - MEAN) ** 2 / variance).mean() for b in range(B)]
    np.testing.assert_allclose(original[1]["prior"], expected, rtol=1e-12)


def test_tf1_averages_the_cosine_distances_of_an_image_and_torch_sums_them(original):
    name, computed = original
    distances = np.stack([numpy_cosine_distances(b) for b in range(B)])
    expected = {
        "brgm_tf1": -3 * distances.mean(axis=(1, 2)),
        "brgm_torch": -0.1 * distances.sum(axis=(1, 2)),
    }
    np.testing.assert_allclose(computed["colinearity"], expected[name], rtol=1e-10)


def test_the_tempered_pixel_term_is_the_normal_density_of_the_known_pixels():
    missing = RNG.rand(B, SIZE, SIZE, 1) < 0.3
    y = RNG.uniform(-1, 1, [B, SIZE, SIZE, 3])
    x = (WS.reshape(B, -1) @ MATRIX).reshape(B, SIZE, SIZE, 3)
    model = posterior(
        "balanced",
        corruption=Mask(),
        noise_scale=7.0,
        effective_sample_size_cap=50.0,
        pixel_scale=2.0,
    )
    measurement = model.measurement_of(tf.constant(x), data={"missing": missing})
    computed = measurement.log_prob(tf.constant(y))
    for b in range(B):
        known = ~missing[b, ..., 0]
        density = scipy.stats.norm.logpdf(y[b][known], x[b][known], 7.0 / 127.5)
        fraction = 50.0 / (3 * known.sum())
        np.testing.assert_allclose(computed[b], 2 * fraction * density.sum(), rtol=1e-10)


def test_independent_layers_have_the_diagonal_normal_density():
    scales = objective("balanced", prior_scale=2.0, perceptual_scale=0.0)
    scales = dataclasses.replace(scales, layer_scale=None)
    moments = {"mean": MEAN, "covariance": COVARIANCE}
    generator = generator_of(synthesis, num_ws=L, size=SIZE, channels=3, **moments)
    model = Posterior(generator, Identity(), objective=scales)
    density = scipy.stats.norm(MEAN, np.sqrt(np.diag(COVARIANCE))).logpdf
    expected = 2 * (density(WS) - density(MEAN)).sum(axis=(1, 2))
    conditions = model.condition(np.zeros([B, SIZE, SIZE, 3]), dtype=tf.float64)
    computed = model.terms(tf.constant(WS - MEAN), conditions)["prior"]
    np.testing.assert_allclose(computed, expected, rtol=1e-10)


def test_log_prob_is_the_sum_of_the_terms():
    model = posterior("brgm_tf1")
    conditions = model.condition(Y, dtype=tf.float64)
    computed = model.log_prob(tf.constant(WS - MEAN), conditions)
    np.testing.assert_allclose(computed, sum(terms("brgm_tf1").values()), rtol=1e-12)


def test_a_perceptual_scale_of_zero_computes_no_features():
    model = posterior("balanced", perceptual_scale=0.0)
    assert model.features is None
    v = tf.zeros([B, 1 + L, D], tf.float64)
    computed = model.terms(v, model.condition(Y, dtype=tf.float64))
    assert not computed["perceptual"].numpy().any()


def test_the_generator_is_frozen_and_the_corruption_receives_the_image_size():
    calls = []
    generator = generator_of(
        synthesis, mean=MEAN, covariance=COVARIANCE, num_ws=L, size=SIZE, channels=3
    )
    generator.freeze = lambda: calls.append("freeze")

    class Sized(Identity):
        def of_images(self, image_shape):
            calls.append(image_shape)
            return self

    Posterior(generator, Sized(), objective="bayes")
    assert calls == ["freeze", (SIZE, SIZE, 3)]
