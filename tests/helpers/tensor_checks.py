"""Random arrays and comparisons for tests of tensor operations."""

import numpy as np
import pytest
import tensorflow as tf

FLOAT64, FLOAT32, BFLOAT16 = 1e-10, 2e-5, 3e-2  # relative to the largest value

MODES = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


def draw(seed, *shape):
    """Returns standard normal numbers."""
    return np.random.RandomState(seed).randn(*shape)


def assert_close(actual, expected, tolerance):
    """Compares arrays with a tolerance relative to the largest expected value."""
    actual = np.asarray(tf.cast(actual, "float64"))
    assert actual.shape == np.shape(expected)
    error = np.abs(actual - expected).max()
    assert error <= tolerance * max(np.abs(expected).max(), 1.0), f"error {error:.3g}"


def compiled(function, *, jit):
    """Returns the function, compiled by XLA if `jit`."""
    return tf.function(function, jit_compile=True) if jit else function
