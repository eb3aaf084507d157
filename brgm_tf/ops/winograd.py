"""Convolution with fewer products: Winograd's F(2 x 2, 3 x 3).

Each tile d of 4 x 4 pixels gives 2 x 2 pixels of the convolution with a kernel g. Tiles are 2
pixels apart:

    Y = A^T [(G g G^T) * (B^T d B)] A

The sum over channels happens between the brackets, as 16 matrix products. 4 pixels take 16
products instead of 36. B and A hold zeros and ones only, so rounding is about as large as in
the direct sum.

Reference: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks
(arXiv 1509.09308), section 4.1.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
# With fewer pixels or channels, the transforms' passes over memory cost more than they save.
_MIN_SIDE = 32
_MIN_CHANNELS = 256


def is_faster(x: Any, kernel: Any) -> bool:
    """Returns whether Winograd's algorithm speeds up the convolution of x [B, H, W, Cin].

    The thresholds were measured on CPUs. GPU libraries choose their algorithms themselves.
    """
    (height, width), channels = x.shape[1:3], kernel.shape[2:]
    return (
        tuple(kernel.shape[:2]) == (3, 3)
        and min(height, width) >= _MIN_SIDE
        and height % 2 == width % 2 == 0
        and min(channels) >= _MIN_CHANNELS
        and keras.backend.standardize_dtype(x.dtype) == "float32"
        and _is_on_cpu()
    )


def transform_kernel(kernel: np.ndarray) -> np.ndarray:
    """Returns G g G^T [16, Cin, Cout] for a kernel g [3, 3, Cin, Cout]."""
    factors = np.einsum("ai,bj,ijcd->abcd", _G, _G, kernel, optimize=True)
    return factors.reshape(16, *kernel.shape[2:]).astype(kernel.dtype)


def conv(x: Any, factors: list) -> Any:
    """Computes a 'same' convolution of x [B, H, W, Cin].

    Args:
        x: Images or features, H and W even.
        factors: 16 matrices [Cin, Cout] from `transform_kernel`.
    """
    _, height, width, channels = x.shape
    padded = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    tiles = [tile for rows in _tiles(padded, axis=1) for tile in _tiles(rows, axis=2)]
    products = [
        ops.matmul(ops.reshape(tile, (-1, channels)), factor)
        for tile, factor in zip(tiles, factors, strict=True)
    ]
    rows = [_pixels(products[column::4]) for column in range(4)]
    shape = (-1, height // 2, width // 2, factors[0].shape[1])
    pixels = [
        [ops.reshape(pixel, shape) for pixel in _pixels([column[row] for column in rows])]
        for row in range(2)
    ]
    blocks = ops.stack([ops.stack(row, axis=3) for row in pixels], axis=2)
    return ops.reshape(blocks, (-1, height, width, shape[-1]))


def _is_on_cpu() -> bool:
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return all(device.device_type == "CPU" for device in tf.config.list_logical_devices())


def _tiles(d, *, axis):
    """Returns B^T d along an axis of n + 2 pixels: four arrays of n / 2."""
    last = d.shape[axis] - 3

    def at(start):
        inside = [slice(None)] * 4
        inside[axis] = slice(start, start + last, 2)
        return d[tuple(inside)]

    first, second, third, fourth = (at(i) for i in range(4))
    return first - third, second + third, third - second, second - fourth


def _pixels(m):
    """Returns A^T m: two arrays from four."""
    return m[0] + m[1] + m[2], m[1] - m[2] - m[3]
