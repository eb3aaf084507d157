"""Fused bias, activation, gain and clamp, with its first and second derivatives.

Notation: x [..., C] features, y the output.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), appendix B.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError

_SELU_SCALE = 1.0507009873554805


_SELU_ALPHA = 1.6732632423543772


_SQRT2 = float(np.sqrt(2.0))


@dataclasses.dataclass(frozen=True)
class Activation:
    """An activation and its slope.

    Args:
        forward: f(x, alpha).
        slope: f'(x) as slope(y, alpha) with y = f(x), so that only y is kept for the
            backward pass; as slope(x, alpha) where `from_input`. It is itself
            differentiable, which gives the second derivative.
        gain: default output scale, which keeps the magnitude of features.
        alpha: default of the shape parameter; unused by most rows.
        from_input: the slope cannot be computed from the output.
    """

    forward: Callable
    slope: Callable
    gain: float = 1.0
    alpha: float = 0.0
    from_input: bool = False


def _step(y, below, above):
    return ops.where(y > 0, ops.convert_to_tensor(above, y.dtype), below)


def _swish_slope(x, alpha):
    s = ops.sigmoid(x)
    return s * (1.0 + x * (1.0 - s))


ACTIVATIONS = {
    "linear": Activation(lambda x, a: x, lambda y, a: ops.ones_like(y)),
    "relu": Activation(
        lambda x, a: ops.relu(x), lambda y, a: _step(y, ops.zeros_like(y), 1.0), _SQRT2
    ),
    "lrelu": Activation(
        lambda x, a: (ops.maximum if a <= 1 else ops.minimum)(x, x * a),
        lambda y, a: _step(y, ops.convert_to_tensor(a, y.dtype), 1.0),
        _SQRT2,
        alpha=0.2,
    ),
    "tanh": Activation(lambda x, a: ops.tanh(x), lambda y, a: 1.0 - y * y),
    "sigmoid": Activation(lambda x, a: ops.sigmoid(x), lambda y, a: y * (1.0 - y)),
    "elu": Activation(lambda x, a: ops.elu(x), lambda y, a: _step(y, y + 1.0, 1.0)),
    "selu": Activation(
        lambda x, a: ops.selu(x),
        lambda y, a: _step(y, y + _SELU_SCALE * _SELU_ALPHA, _SELU_SCALE),
    ),
    # Not 1 - exp(-y), which loses every digit of a small slope.
    "softplus": Activation(lambda x, a: ops.softplus(x), lambda y, a: -ops.expm1(-y)),
    "swish": Activation(lambda x, a: ops.silu(x), _swish_slope, _SQRT2, from_input=True),
}


def bias_act(x, bias=None, *, activation="linear", alpha=None, gain=None, clamp=None):
    """Adds a bias, activates, scales and clamps, as one operation with its own gradient.

        y = clip(gain * f(x + bias), -clamp, clamp)
        dL/dx = dL/dy * gain * f'(x + bias) * [|y| < clamp]

    f' is taken from y wherever it can be, so the backward pass keeps one tensor.
    First and second derivatives are right, with and without jit.

    Args:
        x: [..., C].
        bias: [C] or None. Its gradient is summed in at least float32.
        activation: a name of `ACTIVATIONS`.
        alpha: slope below zero of 'lrelu', at least 0; default 0.2.
        gain: output scale, positive; default sqrt(2) for relu, lrelu, swish, else 1.
        clamp: largest magnitude of the output, positive; None for no limit.

    Returns:
        Tensor of the shape and dtype of x.

    Raises:
        InputError: an unknown activation, or a parameter out of range.

    Reference: arXiv 1912.04958, appendix B (the equations; no code).
    """
    if activation not in ACTIVATIONS:
        raise InputError(
            "activation", "must be one of " + ", ".join(ACTIVATIONS), activation=activation
        )
    row = ACTIVATIONS[activation]
    alpha = row.alpha if alpha is None else alpha
    gain = row.gain if gain is None else gain
    # The slope is read from the sign of the output, hence these two.
    if not alpha >= 0:
        raise InputError("alpha", "must be at least 0", alpha=alpha)
    if not gain > 0:
        raise InputError("gain", "must be positive", gain=gain)
    if clamp is not None and not clamp > 0:
        raise InputError("clamp", "must be positive or None", clamp=clamp)

    def activate(x):
        y = row.forward(x, alpha) * gain
        return y if clamp is None else ops.clip(y, -clamp, clamp)

    def backward(x, y, upstream):
        slope = row.slope(x if row.from_input else y / gain, alpha) * gain
        if clamp is not None:
            slope = ops.where(ops.abs(y) < clamp, slope, ops.zeros_like(slope))
        return upstream * slope

    @ops.custom_gradient
    def without_bias(x):
        y = activate(x)

        def gradient(*args, upstream=None):
            return backward(x, y, args[0] if upstream is None else upstream)

        return y, gradient

    @ops.custom_gradient
    def with_bias(x, bias):
        x = x + ops.cast(bias, x.dtype)
        y = activate(x)

        def gradient(*args, upstream=None):
            dx = backward(x, y, args[0] if upstream is None else upstream)
            summed = ops.sum(ops.cast(dx, accurate_dtype(dx)), axis=tuple(range(len(dx.shape) - 1)))
            return dx, ops.cast(summed, bias.dtype)

        return y, gradient

    # The copies read variables out here: TensorFlow takes those read inside a custom
    # gradient for hidden inputs.
    x = ops.copy(x)
    if bias is None:
        return without_bias(x)
    return with_bias(x, ops.copy(bias))


def accurate_dtype(x) -> str:
    """Returns the dtype for sums that bfloat16 would spoil: float64 for float64, else float32."""
    return "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"
