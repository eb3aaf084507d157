"""FIR resampling against NumPy, eager and compiled by XLA."""

import numpy as np
import numpy_reference as reference
import pytest
import tensorflow as tf
from tensor_checks import BFLOAT16, FLOAT32, FLOAT64, MODES, assert_close, compiled, draw

from brgm_tf import ops
from brgm_tf.core.errors import InputError


def test_setup_filter_scales_a_constant_by_the_gain():
    assert np.isclose(ops.setup_filter([1, 3, 3, 1]).sum(), 1.0)
    assert np.isclose(ops.setup_filter([1, 3, 3, 1], gain=4).sum() ** 2, 4.0)
    assert np.isclose(ops.setup_filter(np.eye(3), gain=4).sum(), 4.0)


def test_setup_filter_refuses_taps_that_sum_to_zero():
    with pytest.raises(InputError, match="`taps` must"):
        ops.setup_filter([1, -1])


SEPARABLE = np.array([0.1, 0.5, 0.3, 0.2])
UPFIRDN_CASES = {
    "separable": (SEPARABLE, {}),
    "up": (SEPARABLE, {"up": 2, "padding": (2, 1, 2, 1), "gain": 4.0}),
    "down": (SEPARABLE, {"down": 2, "padding": (1, 1, 1, 1)}),
    "down_odd_remainder": (SEPARABLE, {"down": 3, "padding": (2, 2, 1, 2)}),
    "up_down": (SEPARABLE, {"up": 3, "down": 2, "padding": (3, 1, 0, 2)}),
    "crop": (SEPARABLE, {"up": 2, "padding": (-1, 2, 3, -2)}),
    "flip": (SEPARABLE, {"flip": True, "padding": (1, 2, 3, 4)}),
    "two_dimensional": (draw(9, 3, 2), {"up": 2, "down": 3, "padding": (2, 1, 1, 3)}),
    "two_dimensional_flip": (draw(9, 2, 3), {"flip": True, "gain": 0.5}),
    "no_filter": (None, {"up": 2, "padding": (1, 0, 0, 1)}),
}


@MODES
@pytest.mark.parametrize("case", UPFIRDN_CASES)
def test_upfirdn2d_and_its_gradient_equal_numpy(case, jit):
    taps, arguments = UPFIRDN_CASES[case]
    kernel = np.ones((1, 1)) if taps is None else taps
    kernel = np.outer(kernel, kernel) if kernel.ndim == 1 else kernel
    x = draw(0, 2, 5, 6, 2)
    expected = reference.upfirdn2d(x, kernel, **arguments)
    upstream = draw(1, *expected.shape)

    def value_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = ops.upfirdn2d(x, taps, **arguments)
            loss = tf.reduce_sum(y * upstream)
        return y, tape.gradient(loss, x)

    y, gradient = compiled(value_and_gradient, jit=jit)(tf.constant(x))
    # The operator is linear and the same for all images and channels, so its matrix is measured on
    # one plane.
    units = np.eye(30).reshape(30, 5, 6, 1)
    matrix = reference.upfirdn2d(units, kernel, **arguments).reshape(30, -1)
    planes = upstream.transpose(0, 3, 1, 2).reshape(4, -1) @ matrix.T
    assert_close(y, expected, FLOAT64)
    assert_close(gradient, planes.reshape(2, 2, 5, 6).transpose(0, 2, 3, 1), FLOAT64)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", FLOAT32), ("bfloat16", BFLOAT16)])
def test_low_precision_upfirdn2d_equals_numpy(dtype, tolerance):
    x = draw(0, 1, 4, 4, 2)
    arguments = {"up": 2, "padding": (2, 1, 2, 1), "gain": 4.0}
    y = ops.upfirdn2d(tf.cast(x, dtype), SEPARABLE, **arguments)
    assert y.dtype == dtype
    expected = reference.upfirdn2d(x, np.outer(SEPARABLE, SEPARABLE), **arguments)
    assert_close(y, expected, tolerance)


@pytest.mark.parametrize("taps", [(1, 3, 3, 1), (1, 2, 1), (1, 1)])
def test_resampling_preserves_a_constant_inside_the_image(taps):
    filter = ops.setup_filter(taps)
    x = np.ones((1, 16, 16, 1), "float32")
    for y, size in (
        (ops.upsample2d(x, filter), 32),
        (ops.downsample2d(x, filter), 8),
        (ops.filter2d(x, filter), 16),
    ):
        assert y.shape == (1, size, size, 1)
        assert_close(y[:, 2:-2, 2:-2], np.ones((1, size - 4, size - 4, 1)), FLOAT32)


def test_upsampling_is_the_adjoint_of_downsampling_times_four():
    filter = ops.setup_filter((1, 3, 3, 1))
    x, y = draw(0, 1, 4, 4, 1), draw(1, 1, 8, 8, 1)
    up = np.sum(np.asarray(ops.upsample2d(tf.constant(x), filter)) * y)
    down = np.sum(x * np.asarray(ops.downsample2d(tf.constant(y), filter)))
    assert np.isclose(up, 4 * down)


def test_a_filter_larger_than_the_image_is_refused():
    with pytest.raises(InputError, match="`filter` must"):
        ops.upfirdn2d(np.zeros((1, 2, 2, 1), "float32"), SEPARABLE)
