"""Fused bias and activation against NumPy, eager and compiled by XLA."""

import numpy as np
import numpy_reference as reference
import pytest
import tensorflow as tf
from tensor_checks import BFLOAT16, FLOAT32, FLOAT64, MODES, assert_close, compiled, draw

from brgm_tf import ops
from brgm_tf.core.errors import InputError

ACTIVATIONS = tuple(reference.ACTIVATIONS)
FORMS = ((None, None), (0.7, None), (1.3, 0.6))  # gain and clamp


def points(*, activation, gain, clamp):
    """Returns inputs [3, 4, 2] and bias [2], at least 0.01 from every kink."""
    bias = np.array([0.25, -0.4])
    x = np.linspace(-2.9, 3.1, 24).reshape(3, 4, 2)
    kinks = np.abs(x + bias) < 0.01
    if clamp is not None:
        y = reference.bias_act(x, bias, activation=activation, gain=gain)
        kinks |= np.abs(np.abs(y) - clamp) < 0.01
    return np.where(kinks, x + 0.05, x), bias


def finite_differences(function, x):
    """Returns the value and the first two derivatives of an elementwise function.

    The errors are about 1e-9 and 1e-7: rounding divided by the step, and the squared step.
    """
    value = function(x)
    first = (function(x + 1e-5) - function(x - 1e-5)) / 2e-5
    second = (function(x + 1e-3) - 2 * value + function(x - 1e-3)) / 1e-6
    fourth = function(x + 2e-3) - 2 * value + function(x - 2e-3)
    return value, first, (4 * second - fourth / 4e-6) / 3


@MODES
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bias_act_and_its_first_and_second_derivatives_equal_numpy(activation, jit):
    cases = []
    for i, (gain, clamp) in enumerate(FORMS):
        x, bias = points(activation=activation, gain=gain, clamp=clamp)
        cases.append((x, bias, draw(2 * i + 1, *x.shape), draw(2 * i + 2, *x.shape)))

    def derivatives(x, bias, upstream, weights, *, gain, clamp):
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

    # One program computes all forms, because compilation is slow.
    def all_forms(cases):
        return [
            derivatives(*arrays, gain=gain, clamp=clamp)
            for arrays, (gain, clamp) in zip(cases, FORMS, strict=True)
        ]

    results = compiled(all_forms, jit=jit)([tuple(map(tf.constant, case)) for case in cases])
    for actual, case, (gain, clamp) in zip(results, cases, FORMS, strict=True):
        x, bias, upstream, weights = case

        def formula(x, bias=bias, gain=gain, clamp=clamp):
            return reference.bias_act(x, bias, activation=activation, gain=gain, clamp=clamp)

        y, slope, curvature = finite_differences(formula, x)
        dx, d2x = upstream * slope, upstream * weights * curvature
        assert_close(actual[0], y, FLOAT64)
        assert_close(actual[1], dx, 1e-8)
        assert_close(actual[2], dx.sum(axis=(0, 1)), 1e-8)
        assert_close(actual[3], d2x, 1e-6)
        assert_close(actual[4], d2x.sum(axis=(0, 1)), 1e-6)
        assert_close(actual[5], weights * slope, 1e-8)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", FLOAT32), ("bfloat16", BFLOAT16)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_low_precision_bias_act_equals_numpy(activation, dtype, tolerance):
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


def test_the_bias_is_optional():
    x = draw(0, 5, 3)
    expected = reference.bias_act(x, 0.0, activation="lrelu")
    assert_close(ops.bias_act(tf.constant(x), activation="lrelu"), expected, FLOAT64)


def test_variables_have_gradients():
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
def test_the_error_names_the_argument_that_is_out_of_range(argument, value):
    with pytest.raises(InputError, match=f"`{argument}` must"):
        ops.bias_act(tf.zeros([1, 1]), **{argument: value})
