"""Tensor operations against NumPy references, eager and under jit."""

import numpy as np
import numpy_reference as reference
import pytest
import tensorflow as tf

from brgm_tf import ops
from brgm_tf.core.errors import InputError

FLOAT64, FLOAT32, BFLOAT16 = 1e-10, 2e-5, 3e-2  # relative to the largest value

ACTIVATIONS = tuple(reference.ACTIVATIONS)
FORMS = {None: "defaults", (0.7, None): "gain", (1.3, 0.6): "gain_clamp"}
MODES = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


def draw(seed, *shape):
    return np.random.RandomState(seed).randn(*shape)


def assert_close(actual, expected, tolerance):
    actual = np.asarray(tf.cast(actual, "float64"))
    assert actual.shape == np.shape(expected)
    error = np.abs(actual - expected).max()
    assert error <= tolerance * max(np.abs(expected).max(), 1.0), f"error {error:.3g}"


def points(*, activation, gain, clamp):
    """Inputs [3, 4, 2] and bias [2], none within 0.01 of a kink."""
    bias = np.array([0.25, -0.4])
    x = np.linspace(-2.9, 3.1, 24).reshape(3, 4, 2)
    kinks = np.abs(x + bias) < 0.01
    if clamp is not None:
        y = reference.bias_act(x, bias, activation=activation, gain=gain)
        kinks |= np.abs(np.abs(y) - clamp) < 0.01
    return np.where(kinks, x + 0.05, x), bias


def finite_differences(function, x):
    """Value, first and second derivative of an elementwise function.

    Errors are about 1e-9 and 1e-7: rounding over the step, and the step squared.
    """
    value = function(x)
    first = (function(x + 1e-5) - function(x - 1e-5)) / 2e-5
    second = (function(x + 1e-3) - 2 * value + function(x - 1e-3)) / 1e-6
    fourth = function(x + 2e-3) - 2 * value + function(x - 2e-3)
    return value, first, (4 * second - fourth / 4e-6) / 3


def compiled(function, *, jit):
    return tf.function(function, jit_compile=True) if jit else function


@MODES
@pytest.mark.parametrize("form", FORMS, ids=FORMS.values())
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bias_act_and_its_first_and_second_derivatives(activation, form, jit):
    gain, clamp = form or (None, None)
    x, bias = points(activation=activation, gain=gain, clamp=clamp)
    upstream, weights = draw(1, *x.shape), draw(2, *x.shape)

    def derivatives(x, bias, upstream, weights):
        with tf.GradientTape() as outer:
            outer.watch([x, bias, upstream])
            with tf.GradientTape() as inner:
                inner.watch([x, bias])
                y = ops.bias_act(x, bias, activation=activation, gain=gain, clamp=clamp)
                loss = tf.reduce_sum(y * upstream)
            dx, db = inner.gradient(loss, [x, bias])
            total = tf.reduce_sum(dx * weights)
        second = outer.gradient(total, [x, bias, upstream], unconnected_gradients="zero")
        return [y, dx, db, *second]

    actual = compiled(derivatives, jit=jit)(*map(tf.constant, (x, bias, upstream, weights)))
    y, slope, curvature = finite_differences(
        lambda x: reference.bias_act(x, bias, activation=activation, gain=gain, clamp=clamp), x
    )
    dx, d2x = upstream * slope, upstream * weights * curvature
    assert_close(actual[0], y, FLOAT64)
    assert_close(actual[1], dx, 1e-8)
    assert_close(actual[2], dx.sum(axis=(0, 1)), 1e-8)
    assert_close(actual[3], d2x, 1e-6)
    assert_close(actual[4], d2x.sum(axis=(0, 1)), 1e-6)
    assert_close(actual[5], weights * slope, 1e-8)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", FLOAT32), ("bfloat16", BFLOAT16)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bias_act_in_low_precision(activation, dtype, tolerance):
    x, bias = points(activation=activation, gain=None, clamp=None)
    expected, slope, _ = finite_differences(
        lambda x: reference.bias_act(x, bias, activation=activation), x
    )
    x = tf.cast(x, dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ops.bias_act(x, bias.astype("float32"), activation=activation)
    assert y.dtype == dtype
    assert_close(y, expected, tolerance)
    assert_close(tape.gradient(y, x), slope, tolerance)


def test_bias_act_without_bias():
    x = draw(0, 5, 3)
    expected = reference.bias_act(x, 0.0, activation="lrelu")
    assert_close(ops.bias_act(tf.constant(x), activation="lrelu"), expected, FLOAT64)


def test_bias_act_of_variables_has_gradients():
    x, bias = tf.Variable(draw(0, 5, 3)), tf.Variable(draw(1, 3))
    with tf.GradientTape() as tape:
        y = ops.bias_act(x, bias, activation="relu")
    assert [g.shape for g in tape.gradient(y, [x, bias])] == [(5, 3), (3,)]


def test_alpha_is_the_slope_of_lrelu_below_zero():
    y = ops.bias_act(tf.constant([-2.0, 3.0]), activation="lrelu", alpha=0.5, gain=1.0)
    assert_close(y, np.array([-1.0, 3.0]), FLOAT32)


@pytest.mark.parametrize(
    ("argument", "value"), [("activation", "gelu"), ("gain", 0.0), ("alpha", -1.0), ("clamp", 0)]
)
def test_bias_act_names_the_argument_that_is_out_of_range(argument, value):
    with pytest.raises(InputError, match=f"`{argument}` must"):
        ops.bias_act(tf.zeros([1, 1]), **{argument: value})


def test_setup_filter_passes_a_constant_with_the_gain():
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
def test_upfirdn2d_and_its_gradient(case, jit):
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
    # The operator is linear and treats images and channels alike: its matrix is
    # measured on one plane.
    units = np.eye(30).reshape(30, 5, 6, 1)
    matrix = reference.upfirdn2d(units, kernel, **arguments).reshape(30, -1)
    planes = upstream.transpose(0, 3, 1, 2).reshape(4, -1) @ matrix.T
    assert_close(y, expected, FLOAT64)
    assert_close(gradient, planes.reshape(2, 2, 5, 6).transpose(0, 2, 3, 1), FLOAT64)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", FLOAT32), ("bfloat16", BFLOAT16)])
def test_upfirdn2d_in_low_precision(dtype, tolerance):
    x = draw(0, 1, 4, 4, 2)
    arguments = {"up": 2, "padding": (2, 1, 2, 1), "gain": 4.0}
    y = ops.upfirdn2d(tf.cast(x, dtype), SEPARABLE, **arguments)
    assert y.dtype == dtype
    expected = reference.upfirdn2d(x, np.outer(SEPARABLE, SEPARABLE), **arguments)
    assert_close(y, expected, tolerance)


@pytest.mark.parametrize("taps", [(1, 3, 3, 1), (1, 2, 1), (1, 1)])
def test_resampling_keeps_a_constant_inside_and_the_expected_size(taps):
    filter = ops.setup_filter(taps)
    x = np.ones((1, 16, 16, 1), "float32")
    for y, size in (
        (ops.upsample2d(x, filter), 32),
        (ops.downsample2d(x, filter), 8),
        (ops.filter2d(x, filter), 16),
    ):
        assert y.shape == (1, size, size, 1)
        assert_close(y[:, 2:-2, 2:-2], np.ones((1, size - 4, size - 4, 1)), FLOAT32)


def test_upsampling_is_the_adjoint_of_downsampling_up_to_its_gain():
    filter = ops.setup_filter((1, 3, 3, 1))
    x, y = draw(0, 1, 4, 4, 1), draw(1, 1, 8, 8, 1)
    up = np.sum(np.asarray(ops.upsample2d(tf.constant(x), filter)) * y)
    down = np.sum(x * np.asarray(ops.downsample2d(tf.constant(y), filter)))
    assert np.isclose(up, 4 * down)


def test_a_filter_larger_than_the_image_is_refused():
    with pytest.raises(InputError, match="`filter` must"):
        ops.upfirdn2d(np.zeros((1, 2, 2, 1), "float32"), SEPARABLE)


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
def test_modulated_conv2d_and_its_gradients(case, jit):
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
def test_modulated_conv2d_in_low_precision(case, dtype, tolerance):
    arrays, options = conv_case(case)
    expected = reference.modulated_conv2d(**arrays, kernel=KERNEL, **options)
    arguments = {name: tf.cast(value, "float32") for name, value in arrays.items()}
    y = network_conv(**{**arguments, "x": tf.cast(arguments["x"], dtype)}, **options)
    assert y.dtype == dtype
    assert_close(y, expected, tolerance)


def test_modulated_conv2d_broadcasts_a_constant_input_to_the_batch_of_styles():
    arrays, _ = conv_case("same")
    arrays["x"] = arrays["x"][:1]
    expected = reference.modulated_conv2d(**arrays)
    assert_close(network_conv(**arrays), expected, FLOAT64)


def test_modulated_conv2d_upsamples_by_two_only():
    arrays, _ = conv_case("same")
    with pytest.raises(InputError, match="`up` must"):
        network_conv(**arrays, up=4)


def test_normalize_2nd_moment_gives_a_second_moment_of_one():
    y = ops.normalize_2nd_moment(draw(0, 3, 7))
    assert_close(np.mean(np.asarray(y) ** 2, axis=1), np.ones(3), 1e-7)
