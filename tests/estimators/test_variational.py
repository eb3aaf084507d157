"""Variational inference, on linear Gaussian models whose posterior is known in closed form."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from linear_gaussian import NOISE, SIZE, D, K, Y, exact, linear
from linear_gaussian import posterior as model

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import NOISE_SCALE
from brgm_tf.corruptions.identity import Identity
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.mri.kspace import KSpace
from brgm_tf.estimators.variational import VI, VI_TERMS, Plateaus
from brgm_tf.posterior.surrogates import laplace
from brgm_tf.posterior.surrogates.gaussian import LaplaceApproximation
from brgm_tf.posterior.surrogates.table import SURROGATES


def fitted(posterior, *, num_steps=400, corruption=None, data=None, y=Y, **options):
    corruption = Identity() if corruption is None else corruption
    estimator = VI(
        posterior,
        corruption=corruption,
        num_steps=num_steps,
        jit=False,
        dtype=tf.float64,
        **options,
    )
    *_, last = estimator.run(y, data=data)
    return estimator, last.state


def test_low_rank_finds_the_mean_and_the_covariance_of_a_linear_gaussian_model():
    posterior = model(noise_scale=NOISE)
    estimator, state = fitted(posterior)
    fit = state.optimizer_state
    found = estimator.surrogate.distribution(fit.parameters, fit.frame)
    for b in range(2):
        mean, covariance = exact(posterior, Y[b])
        np.testing.assert_allclose(found.mean()[b], mean, atol=0.02)
        np.testing.assert_allclose(found.covariance()[b], covariance, atol=0.03)


def test_complex_measurements_are_fitted_as_their_real_and_imaginary_parts():
    corruption = KSpace(2).of_images((SIZE, SIZE, 1))
    y = corruption.forward(Y).numpy() + 0.1j * np.where(corruption.sampled[..., None], Y, 0)
    posterior = model(noise_scale=NOISE)
    estimator, state = fitted(posterior, corruption=corruption, y=y)
    fit = state.optimizer_state
    found = estimator.surrogate.distribution(fit.parameters, fit.frame)
    offset, design = linear(posterior)
    black = corruption.components(corruption.forward(np.zeros_like(Y[:1])))

    def measured(images):
        """The linear part of the operator on images [N, M], as real numbers."""
        y = corruption.components(corruption.forward(images.reshape(-1, SIZE, SIZE, 1)))
        return (y - black).numpy().reshape(len(images), -1)

    design = measured(design)
    error = corruption.components(y) - black
    error = error.numpy().reshape(2, -1) - measured(offset[None])
    scale = NOISE / 127.5
    covariance = np.linalg.inv(np.eye(K * D) + design @ design.T / scale**2)
    for b in range(2):
        mean = covariance @ design @ error[b] / scale**2
        np.testing.assert_allclose(found.mean()[b], mean, atol=0.02)
        np.testing.assert_allclose(found.covariance()[b], covariance, atol=0.03)


def test_mean_field_finds_the_mean_and_the_best_diagonal():
    posterior = model(noise_scale=NOISE)
    estimator, state = fitted(posterior, surrogate="mean_field")
    fit = state.optimizer_state
    found = estimator.surrogate.distribution(fit.parameters, fit.frame)
    for b in range(2):
        mean, covariance = exact(posterior, Y[b])
        np.testing.assert_allclose(found.mean()[b], mean, atol=0.05)
        best = np.sqrt(1 / np.diag(np.linalg.inv(covariance)))
        np.testing.assert_allclose(found.stddev()[b], best, rtol=0.1)


def exact_noise_scale(posterior, y):
    """Posterior mean of the noise scale of one measurement, on a grid: v is integrated out."""
    offset, design = linear(posterior)
    scales = np.geomspace(0.5, 100, 400)
    log_density = [
        scipy.stats.multivariate_normal.logpdf(
            y.ravel(), offset, design.T @ design + (s / 127.5) ** 2 * np.eye(len(offset))
        )
        + scipy.stats.lognorm.logpdf(s, NOISE_SCALE.dispersion_factor, scale=NOISE_SCALE.middle)
        for s in scales
    ]
    weights = np.exp(log_density - np.max(log_density)) * scales
    return np.average(scales, weights=weights)


def test_a_noise_scale_that_is_not_given_is_inferred():
    posterior = model()
    rng = np.random.RandomState(2)
    v = tf.constant(rng.randn(16, K + 1, D))
    clean = posterior.synthesis(posterior.prior.latents(v)).numpy()
    y = clean + rng.randn(*clean.shape) * 12.0 / 127.5
    estimator, state = fitted(posterior, y=y, num_steps=800)
    draws = estimator.draw(state.optimizer_state, num_samples=200, seed=0)
    scale = [estimator.parameters(v)["noise_scale"] for v in draws]
    expected = [exact_noise_scale(posterior, image) for image in y]
    np.testing.assert_allclose(np.mean(scale, axis=0), expected, rtol=0.08)


def test_a_batch_equals_single_images():
    posterior = model(noise_scale=NOISE)
    missing = np.random.RandomState(3).rand(2, SIZE, SIZE, 1) < 0.3
    options = {"corruption": Mask(), "num_steps": 20}
    _, batch = fitted(posterior, data={"missing": missing}, **options)
    for b in range(2):
        one = slice(b, b + 1)
        _, single = fitted(posterior, y=Y[one], data={"missing": missing[one]}, **options)
        np.testing.assert_allclose(batch.v[one], single.v, atol=1e-8)


def test_the_steps_are_those_asked_for_and_each_has_all_terms():
    posterior = model(noise_scale=NOISE)
    estimator = VI(
        posterior, corruption=Identity(), num_steps=23, chunk_size=10, jit=False, dtype=tf.float64
    )
    chunks = list(estimator.run(Y))
    assert int(chunks[-1].state.step) == 23
    assert sum(len(chunk.history["entropy"]) for chunk in chunks) == 23
    assert all(tuple(chunk.history) == VI_TERMS for chunk in chunks)


def test_the_originals_objectives_are_refused():
    with pytest.raises(InputError, match="vi_brgm") as caught:
        VI(model("brgm_tf1"), corruption=Identity(), num_steps=10)
    assert caught.value.argument == "objective"


# Surrogates.


def some_frame():
    rng = np.random.RandomState(4)
    directions = np.linalg.qr(rng.randn(2, 7, 3))[0]
    return LaplaceApproximation(
        *map(tf.constant, (rng.randn(2, 7), directions, rng.uniform(0.1, 2, [2, 3])))
    )


@pytest.mark.parametrize("name", SURROGATES)
def test_a_surrogate_is_the_distribution_that_it_names(name):
    surrogate, frame = SURROGATES.row(name).load()(), some_frame()
    rng = np.random.RandomState(5)
    parameters = tf.constant(rng.randn(2, surrogate.size(frame)) * 0.5)
    noise = tf.constant(rng.randn(20_000, 1, 7))
    v = surrogate.draw(parameters, frame, noise)
    peer = surrogate.distribution(parameters, frame)
    np.testing.assert_allclose(
        surrogate.log_prob(v[:5], parameters, frame), peer.log_prob(v[:5]), rtol=1e-10
    )
    for b in range(2):
        np.testing.assert_allclose(np.mean(v[:, b], axis=0), peer.mean()[b], atol=0.1)
        np.testing.assert_allclose(np.cov(v[:, b].numpy().T), peer.covariance()[b], atol=0.3)


def test_low_rank_starts_as_the_gaussian_of_its_frame():
    frame = some_frame()
    surrogate = SURROGATES.row("low_rank").load()()
    found = surrogate.distribution(surrogate.start(frame), frame).covariance()
    for b in range(2):
        q, d = frame.directions[b].numpy(), frame.widths[b].numpy()
        expected = np.eye(7) - q @ np.diag(1 - d**2) @ q.T
        np.testing.assert_allclose(found[b], expected, atol=1e-12)


def test_principal_directions_are_the_largest_eigenpairs():
    rng = np.random.RandomState(6)
    basis = np.linalg.qr(rng.randn(12, 12))[0]
    values = np.array([900.0, 300.0, 80.0, *[1e-3] * 9])
    matrix = basis @ np.diag(values) @ basis.T
    probes = tf.constant(rng.randn(3, 1, 12))
    found, eigenvalues = laplace.principal_directions(lambda q: q @ matrix, probes=probes)
    np.testing.assert_allclose(np.sort(eigenvalues[0])[::-1], values[:3], rtol=1e-6)
    projector = found[0].numpy() @ found[0].numpy().T
    np.testing.assert_allclose(projector, basis[:, :3] @ basis[:, :3].T, atol=1e-3)


def test_the_gauss_newton_product_is_that_of_the_jacobian():
    rng = np.random.RandomState(7)
    weights = tf.constant(rng.randn(4, 6))
    v, q = tf.constant(rng.randn(2, 4)), tf.constant(rng.randn(3, 2, 4))
    precision = tf.constant(rng.uniform(0, 2, [2, 6]))
    found = laplace.gauss_newton_product(lambda v: tf.sin(v @ weights), v, q, precision=precision)
    for b in range(2):
        jacobian = np.cos(v[b].numpy() @ weights.numpy())[:, None] * weights.numpy().T
        matrix = jacobian.T @ np.diag(precision[b].numpy()) @ jacobian
        np.testing.assert_allclose(found[:, b], q[:, b].numpy() @ matrix, rtol=1e-10)


# The plateau.


def test_an_image_settles_when_its_elbo_no_longer_rises_and_keeps_its_parameters():
    plateaus = Plateaus(2, window=10)
    steps = np.arange(60.0)
    elbo = np.stack([np.minimum(steps, 15.0), steps], axis=1)
    for first in range(0, 60, 10):
        checkpoint = plateaus.update(elbo[first : first + 10], np.full([2, 1], float(first)))
    np.testing.assert_array_equal(checkpoint[:, 0], [30.0, 50.0])
    assert not plateaus.all_converged
