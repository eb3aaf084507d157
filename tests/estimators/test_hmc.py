"""Hamiltonian Monte Carlo, on a linear Gaussian model and on a posterior that is not Gaussian."""

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import NOISE, SIZE, Y, exact, posterior, synthesis

from brgm_tf.estimators.chains import TARGET_ACCEPTANCE, acceptance, adaptive_kernel
from brgm_tf.estimators.hmc import HMC


def sampler(generator=synthesis, *, num_steps=600, size=SIZE, **overrides):
    model = posterior(generator=generator, size=size, **({"noise_scale": NOISE} | overrides))
    return HMC(num_steps=num_steps, jit=False, dtype=tf.float64).bind(model)


@pytest.fixture(scope="module")
def sampled():
    program = sampler()
    *_, last = program.run(Y)
    return program, last.approximation


def test_samples_have_the_mean_and_covariance_of_the_posterior(sampled):
    program, samples = sampled
    positions = program.draw(samples, num_samples=1000, seed=0)
    for b in range(2):
        mean, covariance = exact(posterior(noise_scale=NOISE), Y[b])
        np.testing.assert_allclose(np.mean(positions[:, b], axis=0).ravel(), mean, atol=0.1)
        np.testing.assert_allclose(
            np.cov(positions[:, b].numpy().reshape(1000, -1).T), covariance, atol=0.15
        )


def test_diagnostics_of_converged_chains_are_good(sampled):
    program, samples = sampled
    diagnostics = program.diagnostics(samples)
    assert (diagnostics["r_hat"] < 1.1).all()
    assert (diagnostics["effective_samples"] > 50).all()
    np.testing.assert_allclose(diagnostics["acceptance"], TARGET_ACCEPTANCE, atol=0.15)
    np.testing.assert_array_equal(diagnostics["divergences"], 0)


def test_the_step_size_reaches_the_target_acceptance_and_is_then_fixed():
    kernel = adaptive_kernel(
        lambda e: -0.5 * tf.reduce_sum(tf.square(e), axis=-1),
        step_size=tf.constant(20.0, tf.float64),
        num_adaptation_steps=200,
    )
    state = tf.zeros([4, 1, 5], tf.float64)
    results = kernel.bootstrap_results(state)
    one_step = tf.function(kernel.one_step, autograph=False)
    accepted, step_sizes = [], []
    for i in range(210):
        state, results = one_step(state, results, seed=tf.constant([0, i]))
        accepted.append(acceptance(results.inner_results.log_accept_ratio))
        step_sizes.append(float(results.new_step_size))
    assert np.mean(accepted[100:200]) == pytest.approx(TARGET_ACCEPTANCE, abs=0.08)
    assert len(set(step_sizes[200:])) == 1


def test_the_number_of_iterations_is_reported_early():
    notes = [progress.note for progress in sampler(num_steps=100).run(Y)]
    assert sum("50 iterations of 4 chains" in note for note in notes) == 1
    assert notes.index(next(filter(None, notes))) == 1


def test_a_shell_shaped_posterior_is_sampled():
    # The only observed value is |w|^2, so the posterior is a shell, far from a Gaussian.
    program = sampler(
        lambda ws: tf.reduce_sum(tf.square(ws), axis=[1, 2])[:, None, None, None] * 0.05,
        num_steps=600,
        size=1,
        noise_scale=3.0,
    )
    *_, last = program.run(np.full([1, 1, 1, 1], 0.5))
    positions = program.draw(last.approximation, num_samples=200, seed=0)
    ws = program.latents(positions[:, 0]).numpy()
    values = 0.05 * (ws**2).sum(axis=(1, 2))
    assert np.sqrt(np.mean((values - 0.5) ** 2)) * 127.5 == pytest.approx(3.0, rel=0.35)


def test_samples_do_not_depend_on_the_batch(sampled):
    # Only a few steps, because Adam and the chains amplify rounding errors.
    program = sampler(num_steps=10)
    *_, batch = program.run(Y)
    for b in range(2):
        *_, single = program.run(Y[b : b + 1])
        np.testing.assert_allclose(
            batch.approximation.noise[:, :, b],
            single.approximation.noise[:, :, 0],
            atol=1e-5,
        )


def test_an_unknown_noise_scale_is_sampled():
    program = sampler(num_steps=120, noise_scale=None)
    *_, last = program.run(Y)
    positions = program.draw(last.approximation, num_samples=100, seed=0)
    scale = np.stack([program.parameters(v)["noise_scale"] for v in positions])
    assert np.std(np.log(scale), axis=0).min() > 0.05
