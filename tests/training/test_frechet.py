"""The Fréchet distance against closed forms and SciPy."""

import numpy as np
import pytest
from keras import ops
from scipy import linalg

from brgm_tf.training import frechet


def gaussian(seed, size=5, samples=40):
    return frechet.moments(np.random.default_rng(seed).standard_normal((samples, size)) * seed)


def test_the_distance_equals_the_definition_with_a_matrix_root():
    (m1, s1), (m2, s2) = first, second = gaussian(1), gaussian(2)
    expected = np.square(m1 - m2).sum() + np.trace(s1 + s2 - 2 * linalg.sqrtm(s1 @ s2).real)
    assert frechet.frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_the_distance_of_commuting_covariances_compares_standard_deviations():
    first = np.zeros(2), np.diag([4.0, 9.0])
    second = np.array([1.0, 0.0]), np.diag([1.0, 1.0])
    assert frechet.frechet_distance(first, second) == pytest.approx(1 + (2 - 1) ** 2 + (3 - 1) ** 2)


def test_the_distance_of_a_singular_covariance_to_itself_is_zero():
    few = gaussian(1, size=30, samples=10)
    assert frechet.frechet_distance(few, few) == pytest.approx(0, abs=1e-6)


def test_pooled_features_are_means_over_positions_without_the_lpips_factor():
    features = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype("float32")
    expected = features.mean(axis=(1, 2)) * 12**0.5
    np.testing.assert_allclose(np.asarray(frechet.pooled(features)), expected, rtol=1e-5)


@pytest.mark.parametrize("count", [5, 40])
def test_the_distance_of_the_held_out_images_to_themselves_is_zero(count):
    held_out = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 1), "uint8")
    distance = frechet.Distance(held_out, features=lambda x: [ops.tile(x, (1, 1, 1, 2))])
    assert distance(held_out / np.float32(127.5) - 1) == pytest.approx(0, abs=1e-3)
    assert distance.floor(held_out) == pytest.approx(0, abs=1e-3)
    assert distance(np.zeros((count, 4, 4, 1), "float32")) > 0.1
