"""The original variational inference: its loss and its samples."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from linear_gaussian import COVARIANCE, MATRIX, MEAN, SIZE, D, L, Y, posterior

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.vi_brgm import VI_BRGM_TERMS, VIBrgm

STDDEV = np.sqrt(np.diag(COVARIANCE))


def program(name="brgm_torch", *, num_steps=30):
    return VIBrgm(num_steps=num_steps, jit=False, dtype=tf.float64).bind(posterior(name))


def test_the_first_loss_equals_the_original():
    first = next(program(num_steps=1).run(Y))
    assert tuple(first.history) == VI_BRGM_TERMS
    noise = tf.random.stateless_normal([5, 1, L, D], [0, 0], dtype=tf.float64).numpy()
    noise = np.concatenate([np.zeros([1, 1, L, D]), noise])
    ws = MEAN + STDDEV * noise[:, 0]
    images = (ws.reshape(6, -1) @ MATRIX).reshape(6, SIZE, SIZE, 1)
    total = np.trace(COVARIANCE)
    for b in range(2):
        terms = {name: values[0, b] for name, values in first.history.items()}
        pixel = 1e-3 * (127.5 * (images - Y[b])) ** 2
        assert terms["pixel"] == pytest.approx(-pixel.mean())
        assert terms["prior"] == pytest.approx(-100 * ((ws - MEAN) ** 2 / total).mean())
        assert terms["colinearity"] == pytest.approx(0, abs=1e-9)  # because the layers are equal
        assert terms["q"] == pytest.approx(0.5 * (noise**2).mean())
        prior = scipy.stats.invgamma.logpdf(STDDEV / 2, 0.1, scale=0.95)
        assert terms["scale"] == pytest.approx(prior.mean())


def test_samples_have_the_scatter_of_the_prior_after_any_fit():
    original = program(num_steps=200)
    *_, last = original.run(Y)
    assert abs(last.approximation.fitted_stddev.numpy() / STDDEV - 1).max() > 0.1
    draws = original.draw(last.approximation, num_samples=4000, seed=0)
    np.testing.assert_allclose(np.std(draws, axis=0), np.tile(STDDEV, [2, L, 1]), rtol=0.05)
    assert original.parameters(draws[0]) == {}


def test_the_first_sample_is_the_mean():
    original = program()
    *_, last = original.run(Y)
    draws = original.draw(last.approximation, num_samples=3, seed=0)
    np.testing.assert_array_equal(draws[0], last.position)


def test_other_objectives_are_refused():
    with pytest.raises(InputError, match="brgm_torch"):
        program("bayes")
