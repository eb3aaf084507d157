"""Fused bias, activation, gain and clamp, with first and second derivatives.

Notation: x [..., C] features, y the output.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), appendix B.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772
_SQRT2 = float(np.sqrt(2.0))


@dataclasses.dataclass(frozen=True)
class Activation:
    """An activation function and its derivative.

    Args:
        forward: Function f(x, alpha).
        slope: Derivative f'(x) as a function slope(y, alpha) of y = f(x). The backward pass
            then keeps y alone. With `from_input`, the derivative is slope(x, alpha). The
            slope is differentiable, which gives the second derivative.
        gain: Default scale of the output, which keeps the magnitude of the features.
        alpha: Default shape parameter; most activations ignore it.
        from_input: Whether the slope depends on the input instead of the output.
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
    # expm1, because 1 - exp(-y) loses every digit of a small slope.
    "softplus": Activation(lambda x, a: ops.softplus(x), lambda y, a: -ops.expm1(-y)),
    "swish": Activation(lambda x, a: ops.silu(x), _swish_slope, _SQRT2, from_input=True),
}


def bias_act(
    x: Any,
    bias: Any = None,
    *,
    activation: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Any:
    """Adds a bias, activates, scales and clamps in one operation with a custom gradient.

        y = clip(gain * f(x + bias), -clamp, clamp)
        dL/dx = dL/dy * gain * f'(x + bias) * [|y| < clamp]

    The gradient reads f' from y where it can, so the backward pass keeps one tensor.
    First and second derivatives are exact, with and without XLA.

    Args:
        x: Features [..., C].
        bias: Bias [C], or None. Its gradient is summed in at least float32.
        activation: Name of a row of `ACTIVATIONS`; default 'linear'.
        alpha: Slope of 'lrelu' below zero, at least 0; default 0.2.
        gain: Positive scale of the output; default sqrt(2) for relu, lrelu and swish, else 1.
        clamp: Largest magnitude of the output, positive; None sets no limit.

    Returns:
        Tensor of the shape and dtype of x.

    Raises:
        InputError: The activation is unknown, or a parameter is out of range.

    Reference: arXiv 1912.04958, appendix B (the equations; no code).

    Example:
        >>> import numpy as np
        >>> x = np.array([[-1.0, 2.0]], "float32")
        >>> bias_act(x, activation="lrelu", gain=1.0).numpy().tolist()
        [[-0.20000000298023224, 2.0]]
        >>> bias_act(x, np.ones(2, "float32"), activation="relu", gain=1.0, clamp=2.5).numpy()
        array([[0. , 2.5]], dtype=float32)
    """
    formula = _formula(activation, alpha=alpha, gain=gain, clamp=clamp)
    # The copies read variables outside the custom gradient, because TensorFlow takes variables
    # inside for hidden inputs.
    x = ops.copy(x)
    if bias is None:
        return _without_bias(x, formula)
    return _with_bias(x, ops.copy(bias), formula)


def accurate_dtype(x: Any) -> str:
    """Returns the dtype for sums that bfloat16 would spoil: float64 for float64, else float32."""
    return "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"


@dataclasses.dataclass(frozen=True)
class _Formula:
    """An activation with its parameters."""

    row: Activation
    alpha: float
    gain: float
    clamp: float | None

    def forward(self, x):
        """Returns the output y for the sum x of input and bias."""
        y = self.row.forward(x, self.alpha) * self.gain
        return y if self.clamp is None else ops.clip(y, -self.clamp, self.clamp)

    def backward(self, x, y, upstream):
        """Returns the gradient in x, given the gradient in y."""
        slope = self.row.slope(x if self.row.from_input else y / self.gain, self.alpha) * self.gain
        if self.clamp is not None:
            slope = ops.where(ops.abs(y) < self.clamp, slope, ops.zeros_like(slope))
        return upstream * slope


def _formula(activation, *, alpha, gain, clamp) -> _Formula:
    if activation not in ACTIVATIONS:
        raise InputError(
            "activation", "must be one of " + ", ".join(ACTIVATIONS), activation=activation
        )
    row = ACTIVATIONS[activation]
    alpha = row.alpha if alpha is None else alpha
    gain = row.gain if gain is None else gain
    # The gradient reads the slope from the sign of the output, which asks for these two checks.
    if not alpha >= 0:
        raise InputError("alpha", "must be at least 0", alpha=alpha)
    if not gain > 0:
        raise InputError("gain", "must be positive", gain=gain)
    if clamp is not None and not clamp > 0:
        raise InputError("clamp", "must be positive or None", clamp=clamp)
    return _Formula(row, alpha, gain, clamp)


def _without_bias(x, formula: _Formula):
    @ops.custom_gradient
    def apply(x):
        y = formula.forward(x)

        def gradient(*args, upstream=None):
            return formula.backward(x, y, args[0] if upstream is None else upstream)

        return y, gradient

    return apply(x)


def _with_bias(x, bias, formula: _Formula):
    @ops.custom_gradient
    def apply(x, bias):
        x = x + ops.cast(bias, x.dtype)
        y = formula.forward(x)

        def gradient(*args, upstream=None):
            dx = formula.backward(x, y, args[0] if upstream is None else upstream)
            axes = tuple(range(len(dx.shape) - 1))
            db = ops.sum(ops.cast(dx, accurate_dtype(dx)), axis=axes)
            return dx, ops.cast(db, bias.dtype)

        return y, gradient

    return apply(x, bias)
