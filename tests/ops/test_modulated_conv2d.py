"""Modulated convolution against NumPy, eager and compiled by XLA."""

import numpy as np
import numpy_reference as reference
import pytest
import tensorflow as tf
from tensor_checks import BFLOAT16, FLOAT32, FLOAT64, MODES, assert_close, compiled, draw

from brgm_tf import ops
from brgm_tf.core.errors import InputError

KERNEL = np.outer((1, 3, 3, 1), (1, 3, 3, 1)) / 64
CONV_CASES = {
    # name: (height, width, kernel, inputs, outputs, options)
    "same": (4, 5, 3, 3, 2, {}),
    "pointwise": (3, 3, 1, 2, 3, {"demodulate": False}),
    "not_demodulated": (4, 3, 3, 2, 2, {"demodulate": False}),
    "up": (3, 4, 3, 2, 3, {"up": 2}),
    "up_pointwise": (3, 3, 1, 2, 2, {"up": 2}),
}


def conv_case(case):
    height, width, k, inputs, outputs, options = CONV_CASES[case]
    size = options.get("up", 1)
    arrays = {
        "x": draw(0, 2, height, width, inputs),
        "weight": draw(1, k, k, inputs, outputs),
        "styles": 1 + 0.5 * draw(2, 2, inputs),
        "noise": draw(3, 1, height * size, width * size, 1),
    }
    return arrays, options


def network_conv(x, weight, styles, noise, **options):
    filter = ops.setup_filter((1, 3, 3, 1))
    return ops.modulated_conv2d(x, weight, styles, noise=noise, resample_filter=filter, **options)


@MODES
@pytest.mark.parametrize("case", CONV_CASES)
def test_modulated_conv2d_and_its_gradients_equal_numpy(case, jit):
    arrays, options = conv_case(case)
    expected = reference.modulated_conv2d(**arrays, kernel=KERNEL, **options)
    upstream = draw(4, *expected.shape)

    def value_and_gradients(arguments):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = network_conv(**arguments, **options)
            loss = tf.reduce_sum(y * upstream)
        return y, tape.gradient(loss, arguments)

    y, gradients = compiled(value_and_gradients, jit=jit)(
        {name: tf.constant(value) for name, value in arrays.items()}
    )
    assert_close(y, expected, FLOAT64)
    for i, name in enumerate(arrays):
        direction = draw(10 + i, *arrays[name].shape)

        def loss(step, name=name, direction=direction):
            moved = {**arrays, name: arrays[name] + step * direction}
            return np.sum(upstream * reference.modulated_conv2d(**moved, kernel=KERNEL, **options))

        slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
        assert np.isclose(np.sum(gradients[name] * direction), slope, rtol=1e-7, atol=1e-7), name


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", FLOAT32), ("bfloat16", BFLOAT16)])
@pytest.mark.parametrize("case", ["same", "up"])
def test_low_precision_modulated_conv2d_equals_numpy(case, dtype, tolerance):
    arrays, options = conv_case(case)
    expected = reference.modulated_conv2d(**arrays, kernel=KERNEL, **options)
    arguments = {name: tf.cast(value, "float32") for name, value in arrays.items()}
    y = network_conv(**{**arguments, "x": tf.cast(arguments["x"], dtype)}, **options)
    assert y.dtype == dtype
    assert_close(y, expected, tolerance)


def test_a_constant_input_is_broadcast_to_the_batch_of_styles():
    arrays, _ = conv_case("same")
    arrays["x"] = arrays["x"][:1]
    expected = reference.modulated_conv2d(**arrays)
    assert_close(network_conv(**arrays), expected, FLOAT64)


def test_only_upsampling_by_two_is_supported():
    arrays, _ = conv_case("same")
    with pytest.raises(InputError, match="`up` must"):
        network_conv(**arrays, up=4)


def test_normalize_2nd_moment_gives_a_second_moment_of_one():
    y = ops.normalize_2nd_moment(draw(0, 3, 7))
    assert_close(np.mean(np.asarray(y) ** 2, axis=1), np.ones(3), 1e-7)
