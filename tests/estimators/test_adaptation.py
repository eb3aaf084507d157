"""Adaptation finds the joint mode of latents and weights."""

import itertools

import adaptable
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf
from adaptable import BIAS, MATRIX, NOISE, D, L, Y

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.hmc import HMC
from brgm_tf.estimators.map import MAP
from brgm_tf.estimators.variational import VI

EXACT = {"dtype": tf.float64, "jit": False}


def last(progress):
    return list(progress)[-1]


def numpy_loss(values, y, *, scale):
    """Returns the loss of v [(1 + L) D] and the deviations e, in plain NumPy."""
    v, e = np.split(values, [(1 + L) * D])
    shared, deviations = v.reshape(1 + L, D)[:1], v.reshape(1 + L, D)[1:]
    matrix, bias = np.split(e, [MATRIX.size])
    matrix = MATRIX + scale * np.sqrt(np.mean(MATRIX**2)) * matrix.reshape(MATRIX.shape)
    bias = BIAS + scale * np.sqrt(np.mean(BIAS**2)) * bias
    x = (shared + deviations).ravel() @ matrix + bias
    residual = (y.ravel() - x) * 127.5 / NOISE
    return 0.5 * (residual @ residual + v @ v + e @ e)


def test_the_mode_over_latents_and_weights_equals_scipys_optimum():
    posterior = adaptable.posterior(layer_scale=1.0)
    fit = last(MAP(num_steps=20, adaptation_steps=2000, **EXACT).fit(posterior, Y))
    start = np.zeros((1 + L) * D + posterior.adaptation.size)
    for b in range(2):
        optimum = scipy.optimize.minimize(
            lambda values, y=Y[b]: numpy_loss(values, y, scale=0.5), start, method="BFGS"
        )
        values = np.concatenate([fit.position[b].numpy().ravel(), fit.deviations[b]])
        assert numpy_loss(values, Y[b], scale=0.5) <= optimum.fun + 1e-5
        np.testing.assert_allclose(values, optimum.x, atol=2e-4)


def test_a_scale_near_zero_gives_the_images_without_adaptation():
    def images(scale, steps):
        posterior = adaptable.posterior(scale=scale)
        fit = last(MAP(num_steps=60, adaptation_steps=steps, **EXACT).fit(posterior, Y))
        return posterior.synthesis(posterior.latents(fit.position), fit.deviations)

    np.testing.assert_allclose(images(1e-7, 60), images(None, 0), atol=2e-3)


def test_a_batch_equals_single_images():
    posterior = adaptable.posterior()
    estimator = MAP(num_steps=5, adaptation_steps=12, **EXACT)
    batch = last(estimator.fit(posterior, Y))
    assert np.abs(batch.deviations[0] - batch.deviations[1]).max() > 1e-2
    for b in range(2):
        single = last(estimator.fit(posterior, Y[b : b + 1]))
        np.testing.assert_allclose(batch.position[b], single.position[0], atol=1e-10)
        np.testing.assert_allclose(batch.deviations[b], single.deviations[0], atol=1e-10)


@pytest.mark.parametrize("estimator", [MAP(num_restarts=2, **EXACT), VI(**EXACT)])
def test_a_run_resumed_after_any_chunk_equals_an_uninterrupted_run(estimator):
    options = {"num_steps": 6, "adaptation_steps": 6, "chunk_size": 3}
    estimator = type(estimator)(**{**vars(estimator), **options})
    posterior = adaptable.posterior()
    chunks = list(estimator.fit(posterior, Y))
    assert chunks[-1].step == 12
    for chunk, following in itertools.pairwise(chunks):
        resumed = list(estimator.fit(posterior, Y, checkpoint=chunk.to_checkpoint()))
        assert resumed[0].step == following.step
        np.testing.assert_array_equal(resumed[-1].position, chunks[-1].position)
        np.testing.assert_array_equal(resumed[-1].deviations, chunks[-1].deviations)


def test_vi_samples_are_images_of_the_adapted_generator():
    posterior = adaptable.posterior()
    result = VI(num_steps=12, adaptation_steps=20, **EXACT).run(posterior, Y[:1])[0]
    adapted = result.generator.synthesis(result.samples.latents.astype("float64"))
    fixed = posterior.generator.synthesis(result.samples.latents.astype("float64"))
    np.testing.assert_allclose(adapted, result.samples.images, atol=1e-5)
    assert np.abs(adapted - fixed).max() > 1e-2


def test_hmc_does_not_change_the_adapted_weights():
    posterior = adaptable.posterior()
    *_, before, after = HMC(num_steps=4, adaptation_steps=6, num_chains=2, **EXACT).fit(
        posterior, Y[:1]
    )
    np.testing.assert_array_equal(before.deviations, after.deviations)
    assert np.abs(after.deviations).max() > 1e-2
    assert after.step == 10


def test_the_history_has_the_adaptation_term():
    posterior = adaptable.posterior()
    fit = MAP(num_steps=4, adaptation_steps=6, **EXACT).fit(posterior, Y)
    history = np.concatenate([chunk.history["adaptation"] for chunk in fit])
    assert history.shape == (10, 2)
    assert not history[:5].any()
    assert (history[6:] < 0).all()


def test_a_posterior_with_fixed_weights_refuses_adaptation():
    with pytest.raises(InputError, match="`adaptation_steps` must be 0 for a posterior"):
        MAP(adaptation_steps=1).bind(adaptable.posterior(scale=None))
