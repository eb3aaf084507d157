"""Functions in chunks equal functions of all slices, and so do their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.posterior.chunks import in_chunks

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=[7, 2, 3]), RNG.normal(size=[7, 2, 3])


def product(x, y):
    return tf.reduce_sum(tf.sin(x) * y, axis=-1)


def value_and_gradients(function, jit):
    def run(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            values = function(x, y)
            total = tf.reduce_sum(values**2)
        return values, *tape.gradient(total, [x, y])

    return compiled(run, jit=jit)(tf.constant(X), tf.constant(Y))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_chunks_do_not_change_values_and_gradients(size, jit):
    expected = value_and_gradients(product, jit=False)
    results = value_and_gradients(lambda x, y: in_chunks(product, x, y, size=size), jit=jit)
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, rtol=1e-12)


def test_a_function_sees_chunks_of_at_most_the_size():
    sizes = set()

    def function(x):
        sizes.add(x.shape[0])
        return x

    in_chunks(function, X, size=3)
    assert max(sizes) == 3


@pytest.mark.parametrize("jit", [False, True])
def test_the_weights_of_a_function_are_constants(jit):
    weight = tf.Variable(2.0, dtype=tf.float64)
    results = value_and_gradients(
        lambda x, y: in_chunks(lambda a, b: weight * product(a, b), x, y, size=2), jit=jit
    )
    values, *gradients = value_and_gradients(product, jit=False)
    np.testing.assert_allclose(results[0], 2.0 * values, rtol=1e-12)
    for result, gradient in zip(results[1:], gradients, strict=True):
        np.testing.assert_allclose(result, 4.0 * gradient, rtol=1e-12)


def test_an_array_that_the_function_ignores_has_no_gradient():
    results = value_and_gradients(lambda x, y: in_chunks(lambda a, b: a, x, y, size=2), jit=False)
    np.testing.assert_array_equal(results[2], np.zeros_like(Y))
