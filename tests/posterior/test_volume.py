"""The posterior of a volume, against closed forms of a linear Gaussian generator."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import COVARIANCE as SIGMA
from linear_gaussian import MEAN, NOISE, SIZE, D, K, L, generator_of, linear, synthesis
from linear_gaussian import posterior as image_posterior

import brgm_tf as bt
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parse
from brgm_tf.estimators.map import MAP
from brgm_tf.posterior.objectives import objective
from brgm_tf.posterior.slice_chain import correlation_matrix
from brgm_tf.posterior.volume import VolumePosterior

S = 6
CORRELATIONS = np.array([0.9, 0.8, 0.0, 0.95, 0.9])
RNG = np.random.default_rng(0)
SCALE = NOISE / 127.5
GENERATOR = generator_of(synthesis, mean=MEAN, covariance=SIGMA, num_ws=L, size=SIZE, channels=1)


def volume_posterior(text="none", *, scales=None, **options):
    scales = scales or objective("bayes", noise_scale=NOISE)
    return VolumePosterior(
        GENERATOR, parse(text).create(), correlations=CORRELATIONS, objective=scales, **options
    )


def measured(num_slices, size=SIZE):
    return RNG.normal(size=[1, num_slices, size, size, 1]) * 0.3


def mode(model, y, **options):
    *_, last = MAP(dtype=tf.float64, jit=False, **options).fit(model, y)
    return last


def exact_latents(matrix, y):
    """Returns the posterior mean [S, K D] of the whitened latents: a dense solve.

    Args:
        matrix: P [S', S], a linear map along the slices.
        y: Measurement [S', pixels].
    """
    offset, design = linear(image_posterior(noise_scale=NOISE))
    # y = sum over s of P[j, s] (offset + v_s @ design) + noise
    operator = np.einsum("js,km->jmsk", matrix, design).reshape(y.size, -1)
    shift = np.outer(matrix.sum(axis=1), offset).ravel()
    prior = np.kron(np.linalg.inv(correlation_matrix(CORRELATIONS)), np.eye(K * D))
    precision = prior + operator.T @ operator / SCALE**2
    return np.linalg.solve(precision, operator.T @ (y.ravel() - shift) / SCALE**2).reshape(S, K * D)


def kalman_smoother(y):
    """Returns the posterior mean [S, K D] of the whitened latents of measured slices [S, pixels].

    Rauch, Tung, Striebel (1965): a forward filter, and a backward pass over its means.
    """
    offset, design = linear(image_posterior(noise_scale=NOISE))
    h, size = design.T, K * D
    steps = [0.0, *CORRELATIONS]
    mean, covariance, filtered, predicted = np.zeros(size), np.eye(size), [], []
    for a, values in zip(steps, y, strict=True):
        mean, covariance = a * mean, a**2 * covariance + (1 - a**2) * np.eye(size)
        predicted.append((mean, covariance))
        gain = covariance @ h.T @ np.linalg.inv(h @ covariance @ h.T + SCALE**2 * np.eye(len(h)))
        mean = mean + gain @ (values - offset - h @ mean)
        covariance = covariance - gain @ h @ covariance
        filtered.append((mean, covariance))
    smoothed = [filtered[-1][0]]
    for s in reversed(range(len(y) - 1)):
        gain = filtered[s][1] * CORRELATIONS[s] @ np.linalg.inv(predicted[s + 1][1])
        smoothed.append(filtered[s][0] + gain @ (smoothed[-1] - predicted[s + 1][0]))
    return np.stack(smoothed[::-1])


def test_the_kalman_smoother_of_the_test_is_the_dense_solve():
    y = measured(S)[0].reshape(S, -1)
    np.testing.assert_allclose(kalman_smoother(y), exact_latents(np.eye(S), y), atol=1e-10)


@pytest.mark.parametrize("slices_at_once", [2, 8])
def test_map_finds_the_kalman_smoother(slices_at_once):
    y = measured(S)
    model = volume_posterior(slices_at_once=slices_at_once)
    position = mode(model, y, num_steps=120).position
    v = model.whitened_latents(position).numpy().reshape(S, -1)
    np.testing.assert_allclose(v, kalman_smoother(y[0].reshape(S, -1)), atol=1e-5)


def test_map_of_thick_slices_finds_the_dense_solve():
    y = measured(2)
    model = volume_posterior("thick_slices(factor=3, gap=1, profile='gaussian')")
    matrix = bt.ThickSlices(factor=3, gap=1, profile="gaussian").forward(
        tf.reshape(tf.eye(S, dtype=tf.float64), [S, 1, S, 1])
    )
    position = mode(model, y, num_steps=60).position
    v = model.whitened_latents(position).numpy().reshape(S, -1)
    expected = exact_latents(matrix.numpy().reshape(2, S), y[0].reshape(2, -1))
    np.testing.assert_allclose(v, expected, atol=1e-5)


def test_adam_moves_all_slices_to_the_same_mode():
    y = measured(S)
    scales = objective(
        "bayes", noise_scale=NOISE, optimizer="adam", learning_rate=0.2, rampdown=1.0
    )
    model = volume_posterior(scales=scales)
    position = mode(model, y, num_steps=1500).position
    v = model.whitened_latents(position).numpy().reshape(S, -1)
    np.testing.assert_allclose(v, kalman_smoother(y[0].reshape(S, -1)), atol=1e-2)


@pytest.mark.parametrize("name", ["bayes", "balanced"])
def test_the_terms_are_those_of_the_images_if_the_slices_are_independent(name):
    y, identity = measured(S), bt.corruptions.Identity()
    options = {
        "objective": objective(name, noise_scale=NOISE),
        "perceptual": SimpleNamespace(features=lambda x, enlarge: [2.0 * x, x[:, ::2]]),
    }
    images = bt.Posterior(GENERATOR, identity, **options)
    independent = {"correlations": np.zeros(S - 1), "slices_at_once": 4}
    volume = VolumePosterior(GENERATOR, identity, **independent, **options)
    position = tf.constant(RNG.normal(size=[S, *images.layout.shape(1)[1:]]))
    expected = images.terms(position, images.condition(y[0], dtype="float64"))
    stacked = tf.reshape(position, volume.layout.shape(1))
    terms = volume.terms(stacked, volume.condition(y, dtype="float64"))
    assert (float(terms["perceptual"][0]) < 0) == (name == "balanced")
    for term, values in expected.items():
        assert float(terms[term][0]) == pytest.approx(float(tf.reduce_sum(values)), rel=1e-10)


def test_the_noise_scale_is_one_number_for_the_volume():
    model = volume_posterior(scales=objective("bayes"))
    last = mode(model, measured(S), num_steps=5)
    assert model.parameters(last.position)["noise_scale"].shape == [1]


def test_an_unknown_blur_is_shared_by_all_slices():
    model = volume_posterior("blur(sigma=unknown(0.3, 0.5)) + noise(scale=5)")
    last = mode(model, measured(S), num_steps=3)
    assert model.parameters(last.position)["sigma"].shape == [1]


def test_a_program_of_xla_finds_the_same_position():
    y = measured(2)
    compiled, plain = (
        MAP(num_steps=6, dtype=tf.float64, jit=jit).fit(
            volume_posterior("thick_slices(factor=3)", slices_at_once=2), y
        )
        for jit in (True, False)
    )
    positions = [list(progress)[-1].position for progress in (compiled, plain)]
    np.testing.assert_allclose(positions[0], positions[1], atol=1e-9)


def test_the_mode_resumes_from_a_checkpoint():
    y, model = measured(S), volume_posterior()
    estimator = MAP(num_steps=8, chunk_size=4, dtype=tf.float64, jit=False)
    first, last = list(estimator.fit(model, y))
    *_, resumed = estimator.fit(model, y, checkpoint=first.to_checkpoint())
    np.testing.assert_array_equal(resumed.position, last.position)


def test_the_joint_distribution_samples_volumes():
    joint = volume_posterior("thick_slices(factor=3)").joint(dtype=tf.float64)
    sample = joint.sample(seed=[0, 1])
    assert sample.latents.shape == (S, K, D)
    assert sample.measurement.shape == (2, SIZE, SIZE, 1)


def test_a_posterior_of_images_refuses_corruptions_of_volumes():
    with pytest.raises(InputError, match=r"^`corruption` must act on images"):
        bt.Posterior(GENERATOR, bt.ThickSlices(factor=2), objective="bayes")


def test_the_sums_of_the_originals_are_refused():
    with pytest.raises(InputError, match=r"^`objective` must be bayes or balanced for a volume"):
        volume_posterior(scales=objective("brgm_tf1", perceptual_scale=0.0, colinearity_scale=0.0))


def test_restarts_are_refused():
    with pytest.raises(InputError, match=r"^`num_restarts` must be 1 for a volume"):
        mode(volume_posterior(), measured(S), num_steps=1, num_restarts=2)
