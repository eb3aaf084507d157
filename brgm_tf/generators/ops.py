"""Tensor operations of StyleGAN2: fused activation, FIR resampling, modulated convolution.

Notation: images and features x are [B, H, W, C]; weights are [kh, kw, Cin, Cout];
styles s are [B, Cin]; taps f are NumPy constants, known when a graph is traced.
Height, width and channels must be static; the batch size may be dynamic.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), section 2 and appendix B.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from brgm_tf.convolution import ConstantConv, linear
from brgm_tf.errors import InputError

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772
_SQRT2 = float(np.sqrt(2.0))
_DEPTHWISE = contextvars.ContextVar("depthwise", default=False)


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
            summed = ops.sum(ops.cast(dx, _accurate(dx)), axis=tuple(range(len(dx.shape) - 1)))
            return dx, ops.cast(summed, bias.dtype)

        return y, gradient

    # The copies read variables out here: TensorFlow takes those read inside a custom
    # gradient for hidden inputs.
    x = ops.copy(x)
    if bias is None:
        return without_bias(x)
    return with_bias(x, ops.copy(bias))


def setup_filter(taps, *, gain=1.0):
    """Normalises the taps of a low-pass FIR filter.

        f = taps / sum(taps) * gain^(d / 2), d = number of dimensions

    Args:
        taps: 1-D (separable: the filter is f f^T) or 2-D numbers, with non-zero sum.
        gain: gain of the two-dimensional filter; its response to a constant.

    Returns:
        float64 NumPy array of the dimensions of `taps`.

    Raises:
        InputError: taps are not 1-D or 2-D, or sum to zero.
    """
    f = np.asarray(taps, dtype="float64")
    if f.ndim not in (1, 2) or not f.size or f.sum() == 0:
        raise InputError("taps", "must be a 1-D or 2-D filter whose sum is not zero", taps=taps)
    return f / f.sum() * gain ** (f.ndim / 2)


@contextlib.contextmanager
def depthwise_filters() -> Iterator[None]:
    """What is traced in this context filters by depthwise convolutions.

    They are for training without XLA on a CPU: there, the gradient of the slices of
    `upfirdn2d` takes two to nine times as long. The results are the same but for rounding.
    """
    token = _DEPTHWISE.set(True)
    try:
        yield
    finally:
        _DEPTHWISE.reset(token)


def upfirdn2d(x, filter, *, up=1, down=1, padding=0, gain=1.0, flip=False):
    """Upsamples by zeros, pads, filters and downsamples.

        u[up * i] = x[i], zero elsewhere; p = pad(u); y[j] = gain * (f * p)[down * j]

    with f * p the valid part of the convolution. It is made of pads, slices and
    sums, one axis after the other for 1-D taps: with XLA on a CPU this is faster
    than a depthwise convolution (see `depthwise_filters`).

    Args:
        x: [B, H, W, C].
        filter: NumPy taps, 1-D (separable) or 2-D, of `setup_filter`; None for none.
        up: upsampling factor.
        down: downsampling factor.
        padding: zeros around the upsampled image, one number or (left, right, top,
            bottom); negative numbers crop.
        gain: scale of the output.
        flip: correlate (do not flip the taps) instead of convolving.

    Returns:
        [B, (H * up + top + bottom - kh) // down + 1, likewise W, C].

    Raises:
        InputError: the padded image is smaller than the filter.

    Reference: arXiv 1912.04958, appendix B.
    """
    x = ops.convert_to_tensor(x)
    left, right, top, bottom = _four(padding)
    f = np.ones(1) if filter is None else np.asarray(filter, dtype="float64")
    f = f if flip else np.flip(f)
    if f.ndim == 1 and _DEPTHWISE.get():
        f = np.outer(f, f)
    x = _spread(x, axis=1, up=up, before=top, after=bottom)
    if f.ndim == 1:
        x = _correlate(x, f[:, None], down=(down, 1))
    x = _spread(x, axis=2, up=up, before=left, after=right)
    if f.ndim == 1:
        return _correlate(x, f[None, :] * gain, down=(1, down))
    return _correlate(x, f * gain, down=(down, down))


def upsample2d(x, filter, *, factor=2, gain=1.0):
    """Upsamples [B, H, W, C] to [B, factor * H, factor * W, C], keeping a constant constant.

    Args:
        x: [B, H, W, C].
        filter: taps of `setup_filter`.
        factor: upsampling factor.
        gain: scale of the output.
    """
    padding = _centred_padding(filter, up=factor)
    return upfirdn2d(x, filter, up=factor, padding=padding, gain=gain * factor**2)


def downsample2d(x, filter, *, factor=2, gain=1.0):
    """Filters and downsamples [B, H, W, C] to [B, H / factor, W / factor, C].

    Args:
        x: [B, H, W, C].
        filter: taps of `setup_filter`.
        factor: downsampling factor.
        gain: scale of the output.
    """
    padding = _centred_padding(filter, down=factor)
    return upfirdn2d(x, filter, down=factor, padding=padding, gain=gain)


def filter2d(x, filter, *, gain=1.0):
    """Filters [B, H, W, C] with zeros outside, keeping its size.

    Args:
        x: [B, H, W, C].
        filter: taps of `setup_filter`.
        gain: scale of the output.
    """
    return upfirdn2d(x, filter, padding=_centred_padding(filter), gain=gain)


class ConstantWeight:
    """What `modulated_conv2d` takes for a weight that does not change: there is no gradient in it.

    What it needs of the weight is computed once: its energies, and the kernels of gradients.

    Args:
        weight: array [kh, kw, Cin, Cout], odd kernel.
        up: as of `modulated_conv2d`.
        dtype: of the convolution.
    """

    def __init__(self, weight, *, up, dtype):
        self.energy = ops.convert_to_tensor(np.square(weight).sum(axis=(0, 1)))
        if up == 1:
            self._conv = ConstantConv(weight, dtype=dtype)
        else:
            self._swapped = ops.convert_to_tensor(weight.transpose(0, 1, 3, 2), dtype=dtype)

    def convolve(self, x, *, up, resample_filter):
        """As `_convolve`, with the `up` that this was made for."""
        if up == 1:
            return self._conv(x)
        return _convolve_up(x, self._swapped, up=up, resample_filter=resample_filter)


def modulated_conv2d(x, weight, styles, *, demodulate=True, up=1, resample_filter=None, noise=None):
    """Convolves each image with the weight scaled by its style.

        y_o = d_o * sum_i w_io * (s_i x_i) + noise
        d_o = rsqrt(sum over kh, kw, i of (w_io s_i)^2 + 1e-8), 1 if not demodulated

    The style scales the input and d the output, so that a batch is one ordinary
    convolution. d is computed in at least float32. With up = 2 the convolution is
    transposed and followed by the FIR filter with gain 4: mathematically, zeros are
    inserted, filtered and convolved (flipped kernel); up = 1 correlates.

    Args:
        x: [B or 1, H, W, Cin]; its dtype is that of the convolution.
        weight: [kh, kw, Cin, Cout], odd kernel; or a `ConstantWeight`.
        styles: [B, Cin].
        demodulate: normalise the output.
        up: 1 or 2.
        resample_filter: taps of `setup_filter`, or None; used where up = 2.
        noise: broadcast to the output and added, [B or 1, H * up, W * up, 1 or Cout].

    Returns:
        [B, H * up, W * up, Cout], of the dtype of x.

    Raises:
        InputError: up is neither 1 nor 2.

    Reference: arXiv 1912.04958, section 2.2, equations 1 and 3.
    """
    x = ops.convert_to_tensor(x)
    styles = ops.cast(styles, _accurate(x))
    y = x * _per_channel(styles, x)
    if isinstance(weight, ConstantWeight):
        energy = weight.energy
        y = weight.convolve(y, up=up, resample_filter=resample_filter)
    else:
        weight = ops.cast(weight, _accurate(x))
        energy = ops.sum(ops.square(weight), axis=(0, 1)) if demodulate else None
        y = _convolve(y, ops.cast(weight, x.dtype), up=up, resample_filter=resample_filter)
    if demodulate:
        scale = ops.rsqrt(ops.matmul(ops.square(styles), energy) + 1e-8)
        y = y * _per_channel(scale, x)
    return y if noise is None else y + ops.cast(noise, x.dtype)


def normalize_2nd_moment(x, *, axis=-1):
    """Scales x to a second moment of one: x * rsqrt(mean(x^2 along axis) + 1e-8)."""
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=axis, keepdims=True) + 1e-8)


def _convolve(x, weight, *, up, resample_filter):
    """Convolution that keeps the size (up = 1) or doubles it (up = 2)."""
    if up == 1:
        return ops.conv(x, weight, padding="same", data_format="channels_last")
    swapped = ops.transpose(weight, (0, 1, 3, 2))
    return _convolve_up(x, swapped, up=up, resample_filter=resample_filter)


def _convolve_up(x, swapped, *, up, resample_filter):
    """Convolution that doubles the size, with the weight as [kh, kw, Cout, Cin]."""
    if up != 2:
        raise InputError("up", "must be 1 or 2", up=up)
    y = ops.conv_transpose(
        x,
        swapped,
        strides=up,
        padding="valid",
        output_padding=0,
        data_format="channels_last",
    )
    # The transposed convolution has padded by kernel - 1 before and kernel - up after;
    # what is due is the filter's padding and that of a 'same' kernel.
    left, right, top, bottom = _centred_padding(resample_filter, up=up)
    kh, kw = swapped.shape[:2]
    padding = (
        left + kw // 2 - (kw - 1),
        right + kw // 2 - (kw - up),
        top + kh // 2 - (kh - 1),
        bottom + kh // 2 - (kh - up),
    )
    return upfirdn2d(y, resample_filter, padding=padding, gain=float(up**2))


def _accurate(x) -> str:
    """Dtype for sums that bfloat16 would spoil."""
    return "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"


def _per_channel(values, x):
    return ops.reshape(ops.cast(values, x.dtype), (-1, 1, 1, values.shape[-1]))


def _four(padding) -> tuple[int, int, int, int]:
    return (padding,) * 4 if isinstance(padding, int) else tuple(padding)


def _centred_padding(filter, *, up=1, down=1) -> tuple[int, int, int, int]:
    """Padding that makes sizes exactly H * up / down and keeps the picture centred."""
    shape = (1, 1) if filter is None else np.shape(filter)
    kh, kw = shape[0], shape[-1]
    sides = [((k + up - down) // 2, (k - up - down + 1) // 2) for k in (kw, kh)]
    return (*sides[0], *sides[1])


def _spread(x, *, axis, up, before, after):
    """Inserts up - 1 zeros after each element along an axis, then pads or crops."""
    if up > 1:
        shape = list(x.shape)
        x = ops.expand_dims(x, axis + 1)
        x = ops.pad(x, [(0, up - 1 if i == axis + 1 else 0) for i in range(5)])
        shape[axis] *= up
        x = ops.reshape(x, [-1, *shape[1:]])
    # Slices and pads of nothing are left out: without XLA they cost a pass each.
    if before < 0 or after < 0:
        inside = [slice(None)] * 4
        inside[axis] = slice(max(-before, 0), x.shape[axis] - max(-after, 0))
        x = x[tuple(inside)]
    if before <= 0 and after <= 0:
        return x
    margins = [(0, 0)] * 4
    margins[axis] = (max(before, 0), max(after, 0))
    return ops.pad(x, margins)


def _correlate(x, taps, *, down):
    """Valid correlation with 2-D taps, every down-th output, as a sum of shifted slices."""
    kh, kw = taps.shape
    height = (x.shape[1] - kh) // down[0] + 1
    width = (x.shape[2] - kw) // down[1] + 1
    if height < 1 or width < 1:
        raise InputError(
            "filter",
            "must not be larger than the padded image",
            filter_shape=taps.shape,
            image_shape=tuple(x.shape[1:3]),
        )
    if _DEPTHWISE.get():
        kernel = np.broadcast_to(taps[:, :, None, None], (kh, kw, x.shape[3], 1))
        kernel = ops.convert_to_tensor(kernel, x.dtype)
        return ops.depthwise_conv(
            x, kernel, strides=down, padding="valid", data_format="channels_last"
        )

    def correlate(x):
        return _sum_of_slices(x, taps, size=(height, width), down=down)

    if down != (1, 1):
        return correlate(x)
    # The gradient of the slices themselves would be a sum of padded images: more operations,
    # which take longer.
    margins = [(0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)]

    def adjoint(y):
        padded = ops.pad(y, margins)
        return _sum_of_slices(padded, np.flip(taps), size=x.shape[1:3], down=down)

    return linear(x, correlate, adjoint)


def _sum_of_slices(x, taps, *, size, down):
    """The slices under equal taps are summed first: fewer operations."""
    terms = []
    for tap in np.unique(taps[taps != 0]):
        slices = []
        for i, j in zip(*np.nonzero(taps == tap), strict=True):
            rows = slice(int(i), int(i) + (size[0] - 1) * down[0] + 1, down[0])
            columns = slice(int(j), int(j) + (size[1] - 1) * down[1] + 1, down[1])
            slices.append(x[:, rows, columns, :])
        terms.append(sum(slices[1:], slices[0]) * float(tap))
    return sum(terms[1:], terms[0])
