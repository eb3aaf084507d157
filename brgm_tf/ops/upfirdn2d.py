"""FIR resampling: zero insertion, padding, filtering and decimation.

Notation: images and features x are [B, H, W, C]; taps f are NumPy constants that are known
while a graph is traced. Height, width and channels must be static; the batch size may be dynamic.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), appendix B.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.ops.constant_conv import linear

_DEPTHWISE = contextvars.ContextVar("depthwise", default=False)


def setup_filter(taps: Any, *, gain: float = 1.0) -> np.ndarray:
    """Normalises the taps of a low-pass FIR filter.

        f = taps / sum(taps) * gain^(d / 2), d = number of dimensions

    Args:
        taps: 1-D taps (a separable filter f f^T) or 2-D taps, with a non-zero sum.
        gain: Response of the two-dimensional filter to a constant; default 1.

    Returns:
        float64 NumPy array with the dimensions of `taps`.

    Raises:
        InputError: The taps are not 1-D or 2-D, or sum to zero.

    Example:
        >>> setup_filter([1, 3, 3, 1]).tolist()
        [0.125, 0.375, 0.375, 0.125]
    """
    f = np.asarray(taps, dtype="float64")
    if f.ndim not in (1, 2) or not f.size or f.sum() == 0:
        raise InputError("taps", "must be a 1-D or 2-D filter whose sum is not zero", taps=taps)
    return f / f.sum() * gain ** (f.ndim / 2)


@contextlib.contextmanager
def depthwise_filters() -> Iterator[None]:
    """Returns a context in which traced functions filter by depthwise convolutions.

    Depthwise convolutions speed up training without XLA on a CPU: the gradient of the slices
    in `upfirdn2d` takes two to nine times as long there. Results differ by rounding alone.
    """
    token = _DEPTHWISE.set(True)
    try:
        yield
    finally:
        _DEPTHWISE.reset(token)


def upfirdn2d(
    x: Any,
    filter: np.ndarray | None,
    *,
    up: int = 1,
    down: int = 1,
    padding: int | tuple[int, int, int, int] = 0,
    gain: float = 1.0,
    flip: bool = False,
) -> Any:
    """Inserts zeros, pads, filters and decimates.

        u[up * i] = x[i], zero elsewhere; p = pad(u); y[j] = gain * (f * p)[down * j]

    f * p is the valid part of the convolution. Pads, slices and sums compute it, which is
    faster than a depthwise convolution with XLA on a CPU (see `depthwise_filters`).

    Args:
        x: Images or features [B, H, W, C].
        filter: Taps from `setup_filter`, 1-D (separable) or 2-D; None filters nothing.
        up: Upsampling factor; default 1.
        down: Downsampling factor; default 1.
        padding: Zeros around the upsampled image, n or (left, right, top, bottom); default 0.
        gain: Scale of the output; default 1.
        flip: Whether to correlate, without flipping the taps; default False.

    Returns:
        [B, (H * up + top + bottom - kh) // down + 1, likewise W, C].

    Raises:
        InputError: The padded image is smaller than the filter.

    Reference: arXiv 1912.04958, appendix B.

    Example:
        >>> import numpy as np
        >>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
        >>> upfirdn2d(x, np.array([[1.0, 1.0]]), up=1).numpy().ravel().tolist()
        [3.0, 5.0]
    """
    x = ops.convert_to_tensor(x)
    left, right, top, bottom = (padding,) * 4 if isinstance(padding, int) else tuple(padding)
    f = _correlation_taps(filter, flip=flip)
    x = _insert_zeros(x, axis=1, up=up, before=top, after=bottom)
    if f.ndim == 1:
        x = _correlate(x, f[:, None], down=(down, 1))
    x = _insert_zeros(x, axis=2, up=up, before=left, after=right)
    if f.ndim == 1:
        return _correlate(x, f[None, :] * gain, down=(1, down))
    return _correlate(x, f * gain, down=(down, down))


def upsample2d(x: Any, filter: np.ndarray, *, factor: int = 2, gain: float = 1.0) -> Any:
    """Upsamples [B, H, W, C] to [B, factor * H, factor * W, C]; constants stay constant.

    Args:
        x: Images or features [B, H, W, C].
        filter: Taps from `setup_filter`.
        factor: Upsampling factor; default 2.
        gain: Scale of the output; default 1.

    Example:
        >>> import numpy as np
        >>> upsample2d(np.ones([1, 4, 4, 1]), setup_filter([1, 3, 3, 1])).shape
        TensorShape([1, 8, 8, 1])
    """
    padding = centred_padding(filter, up=factor)
    return upfirdn2d(x, filter, up=factor, padding=padding, gain=gain * factor**2)


def downsample2d(x: Any, filter: np.ndarray, *, factor: int = 2, gain: float = 1.0) -> Any:
    """Filters and downsamples [B, H, W, C] to [B, H / factor, W / factor, C].

    Args:
        x: Images or features [B, H, W, C].
        filter: Taps from `setup_filter`.
        factor: Downsampling factor; default 2.
        gain: Scale of the output; default 1.
    """
    padding = centred_padding(filter, down=factor)
    return upfirdn2d(x, filter, down=factor, padding=padding, gain=gain)


def filter2d(x: Any, filter: np.ndarray, *, gain: float = 1.0) -> Any:
    """Filters [B, H, W, C] with zeros outside the image and keeps the size.

    Args:
        x: Images or features [B, H, W, C].
        filter: Taps from `setup_filter`.
        gain: Scale of the output; default 1.
    """
    return upfirdn2d(x, filter, padding=centred_padding(filter), gain=gain)


def centred_padding(
    filter: np.ndarray | None, *, up: int = 1, down: int = 1
) -> tuple[int, int, int, int]:
    """Returns the padding (left, right, top, bottom) that keeps the image centred.

    The output is then exactly H * up / down pixels high and W * up / down pixels wide.
    """
    shape = (1, 1) if filter is None else np.shape(filter)
    kh, kw = shape[0], shape[-1]
    sides = [((k + up - down) // 2, (k - up - down + 1) // 2) for k in (kw, kh)]
    return (*sides[0], *sides[1])


def _correlation_taps(filter, *, flip):
    f = np.ones(1) if filter is None else np.asarray(filter, dtype="float64")
    f = f if flip else np.flip(f)
    return np.outer(f, f) if f.ndim == 1 and _DEPTHWISE.get() else f


def _insert_zeros(x, *, axis, up, before, after):
    """Inserts up - 1 zeros after each element along an axis, then pads or crops."""
    if up > 1:
        shape = list(x.shape)
        x = ops.expand_dims(x, axis + 1)
        x = ops.pad(x, [(0, up - 1 if i == axis + 1 else 0) for i in range(5)])
        shape[axis] *= up
        x = ops.reshape(x, [-1, *shape[1:]])
    # Empty slices and pads are left out, because each costs a pass without XLA.
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
    """Returns every down-th output of the valid correlation with 2-D taps."""
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
    # The automatic gradient of the slices is a sum of padded images: more operations, and slower.
    margins = [(0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)]

    def adjoint(y):
        padded = ops.pad(y, margins)
        return _sum_of_slices(padded, np.flip(taps), size=x.shape[1:3], down=down)

    return linear(x, correlate, adjoint)


def _sum_of_slices(x, taps, *, size, down):
    """Sums shifted slices; slices with equal taps come first, which saves operations."""
    terms = []
    for tap in np.unique(taps[taps != 0]):
        slices = []
        for i, j in zip(*np.nonzero(taps == tap), strict=True):
            rows = slice(int(i), int(i) + (size[0] - 1) * down[0] + 1, down[0])
            columns = slice(int(j), int(j) + (size[1] - 1) * down[1] + 1, down[1])
            slices.append(x[:, rows, columns, :])
        terms.append(sum(slices[1:], slices[0]) * float(tap))
    return sum(terms[1:], terms[0])
