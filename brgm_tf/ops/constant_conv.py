"""Convolutions with kernels that do not change, each in the way that takes least time.

Notation: images or features x are [B, H, W, Cin]; kernels [k, k, Cin, Cout], k odd.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from brgm_tf.ops import winograd


class ConstantConv:
    """'Same' convolution with a constant kernel: it has a gradient in x, and none in the kernel.

    The gradient is the convolution with the adjoint kernel, which is made once. TensorFlow by
    itself would turn the kernel around anew at every step: where images are small, a fifth of a
    step's time.

    Args:
        kernel: array [k, k, Cin, Cout].
        dtype: of the convolution.
    """

    def __init__(self, kernel, *, dtype="float32"):
        kernel = np.asarray(kernel)
        self._kernels = [
            ops.convert_to_tensor(array, dtype=dtype) for array in (kernel, adjoint_kernel(kernel))
        ]
        self._factors: dict[int, list] = {}

    def __call__(self, x):
        """Maps x [B, H, W, Cin] to [B, H, W, Cout]."""
        x = ops.convert_to_tensor(x)
        return linear(x, *(self._way(x, index) for index in range(2)))

    def _way(self, x, index: int):
        """The function that convolves x, or what is of its size, with the kernel or the adjoint."""
        kernel = self._kernels[index]
        height, width = x.shape[1:3]
        if winograd.pays(x, kernel):
            factors = self._winograd(index)
            return lambda x: winograd.conv(x, factors)
        if height * width < kernel.shape[0] * kernel.shape[1]:
            return lambda x: _conv_of_few_pixels(x, kernel)
        return lambda x: ops.conv(x, kernel, padding="same", data_format="channels_last")

    def _winograd(self, index: int) -> list:
        """The transformed kernel, made when it is needed first."""
        if index not in self._factors:
            import tensorflow as tf

            with tf.init_scope():  # not a part of the graph that is traced just now
                found = winograd.transformed(np.asarray(self._kernels[index]))
                self._factors[index] = [tf.constant(factor) for factor in found]
        return self._factors[index]


def adjoint_kernel(kernel: np.ndarray) -> np.ndarray:
    """The kernel [k, k, Cout, Cin] of the adjoint of the convolution with [k, k, Cin, Cout]."""
    return np.ascontiguousarray(kernel[::-1, ::-1].transpose(0, 1, 3, 2))


def linear(x, forward, backward):
    """forward(x), whose gradient is backward of what comes from above.

    Args:
        x: images or features.
        forward: a linear function that reads no variables.
        backward: its adjoint, likewise.
    """

    @ops.custom_gradient
    def apply(x):
        def gradient(*args, upstream=None):
            return linear(args[0] if upstream is None else upstream, backward, forward)

        return forward(x), gradient

    return apply(x)


def _conv_of_few_pixels(x, kernel):
    """'Same' convolution of fewer pixels than the kernel has, as one product of matrices.

    XLA on CPUs swaps the two then, and convolves the kernel by loops: 3 to 20 times as long.
    """
    (height, width, channels), size = x.shape[1:], kernel.shape[0]
    middle, margin = size // 2, (size // 2, size // 2)
    if height == width == 1:
        patches, matrix = x, kernel[middle, middle]
    else:
        padded = ops.pad(x, [(0, 0), margin, margin, (0, 0)])
        shifts = [(i, j) for i in range(size) for j in range(size)]
        shifted = [padded[:, i : i + height, j : j + width] for i, j in shifts]
        patches = ops.concatenate(shifted, axis=-1)
        matrix = ops.reshape(kernel, (len(shifts) * channels, -1))
    products = ops.matmul(ops.reshape(patches, (-1, matrix.shape[0])), matrix)
    return ops.reshape(products, (-1, height, width, matrix.shape[1]))
