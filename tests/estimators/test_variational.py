"""Variational inference, on linear Gaussian models with a posterior in closed form."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from linear_gaussian import NOISE, SIZE, D, K, Y, exact, linear
from linear_gaussian import posterior as model

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import NOISE_SCALE
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.mri.kspace import KSpace
from brgm_tf.estimators.variational import VI, VI_TERMS


def fitted(posterior, *, num_steps=400, data=None, y=Y, **options):
    program = VI(num_steps=num_steps, jit=False, dtype=tf.float64, **options).bind(posterior)
    *_, last = program.run(y, data=data)
    return program, last


def test_low_rank_finds_the_mean_and_covariance_of_a_linear_gaussian_model():
    posterior = model(noise_scale=NOISE)
    program, last = fitted(posterior)
    surrogate = program.surrogate(last.approximation)
    for b in range(2):
        mean, covariance = exact(posterior, Y[b])
        np.testing.assert_allclose(surrogate.mean()[b], mean, atol=0.02)
        np.testing.assert_allclose(surrogate.covariance()[b], covariance, atol=0.03)


def test_complex_measurements_are_fitted_as_real_and_imaginary_parts():
    corruption = KSpace(2).of_images((SIZE, SIZE, 1))
    y = corruption.forward(Y).numpy() + 0.1j * np.where(corruption.sampled[..., None], Y, 0)
    posterior = model(noise_scale=NOISE, corruption=corruption)
    program, last = fitted(posterior, y=y)
    surrogate = program.surrogate(last.approximation)
    offset, design = linear(posterior)
    black = corruption.components(corruption.forward(np.zeros_like(Y[:1])))

    def measured(images):
        """Returns the linear part of the operator on images [N, M], as real numbers."""
        y = corruption.components(corruption.forward(images.reshape(-1, SIZE, SIZE, 1)))
        return (y - black).numpy().reshape(len(images), -1)

    design = measured(design)
    error = corruption.components(y) - black
    error = error.numpy().reshape(2, -1) - measured(offset[None])
    scale = NOISE / 127.5
    covariance = np.linalg.inv(np.eye(K * D) + design @ design.T / scale**2)
    for b in range(2):
        mean = covariance @ design @ error[b] / scale**2
        np.testing.assert_allclose(surrogate.mean()[b], mean, atol=0.02)
        np.testing.assert_allclose(surrogate.covariance()[b], covariance, atol=0.03)


def test_mean_field_finds_the_mean_and_the_best_diagonal():
    posterior = model(noise_scale=NOISE)
    program, last = fitted(posterior, surrogate="mean_field")
    surrogate = program.surrogate(last.approximation)
    for b in range(2):
        mean, covariance = exact(posterior, Y[b])
        np.testing.assert_allclose(surrogate.mean()[b], mean, atol=0.05)
        best = np.sqrt(1 / np.diag(np.linalg.inv(covariance)))
        np.testing.assert_allclose(surrogate.stddev()[b], best, rtol=0.1)


def exact_noise_scale(posterior, y):
    """Returns the posterior mean of the noise scale on a grid, with v integrated out."""
    offset, design = linear(posterior)
    scales = np.geomspace(0.5, 100, 400)
    log_density = [
        scipy.stats.multivariate_normal.logpdf(
            y.ravel(), offset, design.T @ design + (s / 127.5) ** 2 * np.eye(len(offset))
        )
        + scipy.stats.lognorm.logpdf(s, NOISE_SCALE.log_stddev, scale=NOISE_SCALE.middle)
        for s in scales
    ]
    weights = np.exp(log_density - np.max(log_density)) * scales
    return np.average(scales, weights=weights)


def test_an_unknown_noise_scale_is_inferred():
    posterior = model()
    rng = np.random.RandomState(2)
    v = tf.constant(rng.randn(16, K + 1, D))
    clean = posterior.generator.synthesis(posterior.latents(v)).numpy()
    y = clean + rng.randn(*clean.shape) * 12.0 / 127.5
    program, last = fitted(posterior, y=y, num_steps=800)
    samples = program.draw(last.approximation, num_samples=200, seed=0)
    scale = [program.parameters(v)["noise_scale"] for v in samples]
    expected = [exact_noise_scale(posterior, image) for image in y]
    np.testing.assert_allclose(np.mean(scale, axis=0), expected, rtol=0.08)


def test_a_batch_equals_single_images():
    posterior = model(noise_scale=NOISE, corruption=Mask())
    missing = np.random.RandomState(3).rand(2, SIZE, SIZE, 1) < 0.3
    _, batch = fitted(posterior, data={"missing": missing}, num_steps=20)
    for b in range(2):
        one = slice(b, b + 1)
        _, single = fitted(posterior, y=Y[one], data={"missing": missing[one]}, num_steps=20)
        np.testing.assert_allclose(batch.position[one], single.position, atol=1e-8)


def test_the_number_of_steps_is_exact_and_each_step_has_all_terms():
    estimator = VI(num_steps=23, chunk_size=10, jit=False, dtype=tf.float64)
    chunks = list(estimator.fit(model(noise_scale=NOISE), Y))
    assert chunks[-1].step == 23
    assert sum(len(chunk.history["entropy"]) for chunk in chunks) == 23
    assert all(tuple(chunk.history) == VI_TERMS for chunk in chunks)


def test_the_original_objectives_are_refused():
    with pytest.raises(InputError, match="vi_brgm") as caught:
        VI(num_steps=10).fit(model("brgm_tf1"), Y)
    assert caught.value.argument == "objective"
