"""Modulated convolution of StyleGAN2.

Notation: features x are [B, H, W, C]; weights are [kh, kw, Cin, Cout]; styles s are [B, Cin].
Height, width and channels must be static; the batch size may be dynamic.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), section 2.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.ops.bias_act import accurate_dtype
from brgm_tf.ops.constant_conv import ConstantConv
from brgm_tf.ops.upfirdn2d import centred_padding, upfirdn2d


class ConstantWeight:
    """A constant weight of `modulated_conv2d`, without a gradient.

    The energies of the weight and the kernels of its gradients are computed once.

    Args:
        weight: Array [kh, kw, Cin, Cout], kh and kw odd.
        up: Upsampling factor, 1 or 2.
        dtype: Dtype of the convolution.
    """

    def __init__(self, weight: np.ndarray, *, up: int, dtype: str):
        self.energy = ops.convert_to_tensor(np.square(weight).sum(axis=(0, 1)))
        if up == 1:
            self._conv = ConstantConv(weight, dtype=dtype)
        else:
            self._swapped = ops.convert_to_tensor(weight.transpose(0, 1, 3, 2), dtype=dtype)

    def convolve(self, x: Any, *, up: int, resample_filter: np.ndarray | None) -> Any:
        """Convolves x [B, H, W, Cin], with the constructor's upsampling factor."""
        if up == 1:
            return self._conv(x)
        return _convolve_up(x, self._swapped, up=up, resample_filter=resample_filter)


def modulated_conv2d(
    x: Any,
    weight: Any,
    styles: Any,
    *,
    demodulate: bool = True,
    up: int = 1,
    resample_filter: np.ndarray | None = None,
    noise: Any = None,
) -> Any:
    """Convolves each image with the weight, scaled by the image's style.

        y_o = d_o * sum_i w_io * (s_i x_i) + noise
        d_o = rsqrt(sum over kh, kw, i of (w_io s_i)^2 + 1e-8), 1 if not demodulated

    The style scales the input and d scales the output, so a batch is one ordinary
    convolution. d is computed in at least float32. With up = 1, the kernel is not flipped.
    With up = 2, zeros are inserted, filtered with gain 4, and convolved with the flipped kernel.

    Args:
        x: Features [B or 1, H, W, Cin], in the dtype of the convolution.
        weight: Array [kh, kw, Cin, Cout], kh and kw odd; or a `ConstantWeight`.
        styles: Styles [B, Cin].
        demodulate: Whether the output is normalised; default True.
        up: Upsampling factor, 1 or 2; default 1.
        resample_filter: Taps from `setup_filter`, or None; used with up = 2.
        noise: Noise added to the output, [B or 1, H * up, W * up, 1 or Cout], or None.

    Returns:
        Features [B, H * up, W * up, Cout], in the dtype of x.

    Raises:
        InputError: up is neither 1 nor 2.

    Reference: arXiv 1912.04958, section 2.2, equations 1 and 3.

    Example:
        >>> import numpy as np
        >>> x, weight, styles = map(np.ones, [(1, 4, 4, 2), (3, 3, 2, 5), (6, 2)])
        >>> modulated_conv2d(x, weight, styles).shape
        TensorShape([6, 4, 4, 5])
    """
    x = ops.convert_to_tensor(x)
    styles = ops.cast(styles, accurate_dtype(x))
    scaled = x * _per_channel(styles, x)
    y, energy = _convolve_any(scaled, weight, up=up, resample_filter=resample_filter)
    if demodulate:
        scale = ops.rsqrt(ops.matmul(ops.square(styles), energy) + 1e-8)
        y = y * _per_channel(scale, x)
    return y if noise is None else y + ops.cast(noise, x.dtype)


def normalize_2nd_moment(x: Any, *, axis: int = -1) -> Any:
    """Scales x to a second moment of one: x * rsqrt(mean(x^2 along axis) + 1e-8)."""
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=axis, keepdims=True) + 1e-8)


def _convolve_any(x, weight, *, up, resample_filter):
    """Returns the convolution with a weight of either kind, and the energies of the weight."""
    if isinstance(weight, ConstantWeight):
        return weight.convolve(x, up=up, resample_filter=resample_filter), weight.energy
    weight = ops.cast(weight, accurate_dtype(x))
    y = _convolve(x, ops.cast(weight, x.dtype), up=up, resample_filter=resample_filter)
    return y, ops.sum(ops.square(weight), axis=(0, 1))


def _convolve(x, weight, *, up, resample_filter):
    """Convolves x and keeps the size (up = 1) or doubles it (up = 2)."""
    if up == 1:
        return ops.conv(x, weight, padding="same", data_format="channels_last")
    swapped = ops.transpose(weight, (0, 1, 3, 2))
    return _convolve_up(x, swapped, up=up, resample_filter=resample_filter)


def _convolve_up(x, swapped, *, up, resample_filter):
    """Convolves x with the weight [kh, kw, Cout, Cin] and doubles the size."""
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
    # The transposed convolution pads by kernel - 1 before and kernel - up after. The result
    # needs the padding of the filter and of a 'same' kernel.
    left, right, top, bottom = centred_padding(resample_filter, up=up)
    kh, kw = swapped.shape[:2]
    padding = (
        left + kw // 2 - (kw - 1),
        right + kw // 2 - (kw - up),
        top + kh // 2 - (kh - 1),
        bottom + kh // 2 - (kh - up),
    )
    return upfirdn2d(y, resample_filter, padding=padding, gain=float(up**2))


def _per_channel(values, x):
    return ops.reshape(ops.cast(values, x.dtype), (-1, 1, 1, values.shape[-1]))
