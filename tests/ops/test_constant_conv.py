"""Convolutions with constant kernels equal TensorFlow's, with both algorithms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.ops import winograd
from brgm_tf.ops.constant_conv import ConstantConv


def draw(seed, *shape):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype("float32")


def nonlinear(conv, x):
    """Returns a function of a convolution, its gradient in x, and the gradient of the square."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(conv(x) ** 3)
        first = inner.gradient(y, x)
        squared = tf.reduce_sum(first**2)
    return y, first, outer.gradient(squared, x)


def check_derivatives(kernel, x, *, jit=False):
    """Compares the values and derivatives of a constant convolution with TensorFlow's."""
    conv = ConstantConv(kernel)

    @tf.function(jit_compile=jit)
    def both(x):
        return [
            nonlinear(conv, x),
            nonlinear(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), x),
        ]

    actual, expected = both(x)
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_derivatives_equal_tensorflows(size, jit):
    check_derivatives(0.1 * draw(0, size, size, 3, 4), draw(1, 2, 6, 7, 3), jit=jit)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 1), (2, 4), (1, 9), (2, 9)])
def test_derivatives_are_exact_for_images_as_small_as_the_kernel(height, width):
    check_derivatives(draw(0, 3, 3, 3, 4), draw(1, 2, height, width, 3))


@pytest.mark.parametrize("jit", [False, True])
def test_winograd_has_the_same_derivatives(jit, monkeypatch):
    monkeypatch.setattr(winograd, "is_faster", lambda x, kernel: True)
    monkeypatch.setattr(keras.ops, "conv", None)
    check_derivatives(0.1 * draw(0, 3, 3, 3, 4), draw(1, 2, 6, 8, 3), jit=jit)


def is_faster(height, width, *channels, size=3, dtype="float32"):
    return winograd.is_faster(
        tf.zeros([1, height, width, channels[0]], dtype), draw(0, size, size, *channels)
    )


def test_winograd_is_used_for_many_pixels_and_channels_only():
    assert is_faster(32, 64, 256, 512)
    assert not is_faster(30, 64, 256, 512)
    assert not is_faster(32, 64, 255, 512)
    assert not is_faster(32, 64, 512, 128)


def test_winograd_requires_even_sides_a_kernel_of_three_and_float32():
    assert not is_faster(32, 33, 256, 256)
    assert not is_faster(32, 32, 256, 256, size=5)
    assert not is_faster(32, 32, 256, 256, dtype="bfloat16")


def test_the_rounding_error_is_small():
    kernel, x = draw(0, 3, 3, 256, 256), draw(1, 1, 32, 32, 256)
    exact = tf.nn.conv2d(tf.cast(x, tf.float64), kernel.astype("float64"), 1, "SAME")
    error = np.abs(ConstantConv(kernel)(x).numpy() - exact).max() / np.abs(exact).max()
    assert error < 3e-6
