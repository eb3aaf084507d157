"""The density and the noise scale of a measurement."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.corruptions.identity import Identity


def images(rng):
    return rng.uniform(-1, 1, (2, 6, 8, 3))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("wrap", [list, np.array, tf.constant, tf.Variable])
def test_the_noise_scale_may_differ_between_images(wrap, rng):
    x = images(rng)
    y = tf.constant(x + 0.1)
    result = Identity().log_prob(y, x, {"noise_scale": wrap([2.0, 9.0])})
    for i, scale in enumerate([2.0, 9.0]):
        single = Identity().log_prob(y, x, {"noise_scale": scale})
        np.testing.assert_allclose(result[i], single[i], rtol=1e-12)


def test_the_noise_scale_has_double_precision():
    y = tf.zeros([1, 1, 1, 1], tf.float64)
    result = Identity().log_prob(y, y, {"noise_scale": 0.1})
    np.testing.assert_allclose(
        result, [scipy.stats.norm.logpdf(0, scale=0.1 * GREY_LEVEL)], rtol=1e-14
    )


def test_log_prob_integrates_to_one():
    scale = 8.0
    y = np.linspace(-1, 1, 2001).reshape(-1, 1, 1, 1)  # 2001 measurements of one pixel
    density = np.exp(Identity().log_prob(tf.constant(y), np.zeros_like(y), {"noise_scale": scale}))
    np.testing.assert_allclose(np.trapezoid(density, y.ravel()), 1, rtol=1e-10)


def test_log_prob_is_largest_at_the_true_noise_scale(rng):
    x = tf.zeros([1, 32, 32, 3], tf.float64)
    y = x + rng.normal(size=x.shape) * 8.0 * GREY_LEVEL
    scales = np.array([6.0, 7.0, 8.0, 9.0, 10.0])
    values = [Identity().log_prob(y, x, {"noise_scale": s})[0].numpy() for s in scales]
    assert scales[np.argmax(values)] == 8.0


def test_the_identity_merges_no_pixels(rng):
    x = images(rng)
    assert Identity().composite(x, x) is None
