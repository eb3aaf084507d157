"""FIR resampling: upsampling by zeros, padding, filtering, downsampling.

Notation: images and features x are [B, H, W, C]; taps f are NumPy constants, known when a
graph is traced. Height, width and channels must be static; the batch size may be dynamic.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), appendix B.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.ops.constant_conv import linear

_DEPTHWISE = contextvars.ContextVar("depthwise", default=False)


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
    padding = centred_padding(filter, up=factor)
    return upfirdn2d(x, filter, up=factor, padding=padding, gain=gain * factor**2)


def downsample2d(x, filter, *, factor=2, gain=1.0):
    """Filters and downsamples [B, H, W, C] to [B, H / factor, W / factor, C].

    Args:
        x: [B, H, W, C].
        filter: taps of `setup_filter`.
        factor: downsampling factor.
        gain: scale of the output.
    """
    padding = centred_padding(filter, down=factor)
    return upfirdn2d(x, filter, down=factor, padding=padding, gain=gain)


def filter2d(x, filter, *, gain=1.0):
    """Filters [B, H, W, C] with zeros outside, keeping its size.

    Args:
        x: [B, H, W, C].
        filter: taps of `setup_filter`.
        gain: scale of the output.
    """
    return upfirdn2d(x, filter, padding=centred_padding(filter), gain=gain)


def _four(padding) -> tuple[int, int, int, int]:
    return (padding,) * 4 if isinstance(padding, int) else tuple(padding)


def centred_padding(filter, *, up=1, down=1) -> tuple[int, int, int, int]:
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
