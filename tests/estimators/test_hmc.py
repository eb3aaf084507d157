"""Hamiltonian Monte Carlo, on a linear Gaussian model and on one whose posterior is no Gaussian."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from linear_gaussian import NOISE, Y, exact, posterior, synthesis

from brgm_tf.corruptions.identity import Identity
from brgm_tf.estimators.hmc import HMC, TARGET_ACCEPTANCE, Adaptive


def sampler(generator=synthesis, *, num_steps=1000, **overrides):
    model = posterior(generator=generator, **({"noise_scale": NOISE} | overrides))
    return HMC(model, corruption=Identity(), num_steps=num_steps, jit=False, dtype=tf.float64)


@pytest.fixture(scope="module")
def sampled():
    estimator = sampler()
    *_, last = estimator.run(Y)
    return estimator, last.state


def test_draws_have_the_mean_and_the_covariance_of_the_posterior(sampled):
    estimator, state = sampled
    draws = estimator.draw(state.optimizer_state, num_samples=1000, seed=0)
    for b in range(2):
        mean, covariance = exact(posterior(noise_scale=NOISE), Y[b])
        np.testing.assert_allclose(np.mean(draws[:, b], axis=0).ravel(), mean, atol=0.1)
        np.testing.assert_allclose(
            np.cov(draws[:, b].numpy().reshape(1000, -1).T), covariance, atol=0.15
        )


def test_the_chains_agree_and_say_so(sampled):
    estimator, state = sampled
    figures = estimator.diagnostics(state.optimizer_state)
    assert (figures["r_hat"] < 1.1).all()
    assert (figures["effective_samples"] > 50).all()


def test_the_step_size_follows_the_acceptance():
    inner = tfp.mcmc.HamiltonianMonteCarlo(
        lambda e: -0.5 * tf.reduce_sum(tf.square(e), axis=-1),
        step_size=tf.constant(20.0, tf.float64),
        num_leapfrog_steps=3,
        store_parameters_in_results=True,
    )
    kernel = Adaptive(inner, adapting=tf.constant(True))
    state = tf.zeros([4, 1, 5], tf.float64)
    results = kernel.bootstrap_results(state)
    accepted = []
    for i in range(200):
        state, results = kernel.one_step(state, results, seed=[0, i])
        accepted.append(results[0].log_accept_ratio.numpy())
    late = np.exp(np.minimum(accepted[100:], 0.0)).mean()
    assert late == pytest.approx(TARGET_ACCEPTANCE, abs=0.08)


def test_it_says_early_how_long_it_will_take():
    notes = [progress.note for progress in sampler(num_steps=100).run(Y)]
    assert sum("50 iterations of 4 chains" in note for note in notes) == 1
    assert notes.index(next(filter(None, notes))) == 1


def test_a_skewed_posterior_is_drawn_from_where_a_gaussian_cannot_fit():
    # One observed value |w|^2: a shell, as far from a Gaussian as can be.
    estimator = sampler(
        lambda ws: tf.reduce_sum(tf.square(ws), axis=[1, 2])[:, None, None, None] * 0.05,
        num_steps=600,
        noise_scale=3.0,
    )
    *_, last = estimator.run(np.full([1, 1, 1, 1], 0.5))
    draws = estimator.draw(last.state.optimizer_state, num_samples=200, seed=0)
    ws = estimator.latents(draws[:, 0]).numpy()
    values = 0.05 * (ws**2).sum(axis=(1, 2))
    assert np.sqrt(np.mean((values - 0.5) ** 2)) * 127.5 == pytest.approx(3.0, rel=0.35)


def test_no_images_draws_depend_on_its_neighbours(sampled):
    # Few steps: Adam and the chains enlarge differences of rounding.
    estimator = sampler(num_steps=10)
    *_, batch = estimator.run(Y)
    for b in range(2):
        *_, single = estimator.run(Y[b : b + 1])
        np.testing.assert_allclose(
            batch.state.optimizer_state.draws[:, :, b],
            single.state.optimizer_state.draws[:, :, 0],
            atol=1e-5,
        )


def test_a_noise_scale_that_is_not_given_is_drawn_too():
    estimator = sampler(num_steps=200, noise_scale=None)
    *_, last = estimator.run(Y)
    draws = estimator.draw(last.state.optimizer_state, num_samples=100, seed=0)
    scale = np.stack([estimator.parameters(v)["noise_scale"] for v in draws])
    assert np.std(np.log(scale), axis=0).min() > 0.05
