"""Convolutions with constant kernels, each computed in the fastest way.

Notation: images or features x are [B, H, W, Cin]; kernels are [k, k, Cin, Cout], k odd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from brgm_tf.ops import winograd


class ConstantConv:
    """'Same' convolution with a constant kernel; only x has a gradient.

    The gradient is the convolution with the adjoint kernel, which is computed once.
    TensorFlow would transpose the kernel again at every step, which takes a fifth of
    a step on small images.

    Args:
        kernel: Array [k, k, Cin, Cout].
        dtype: Dtype of the convolution; default 'float32'.

    Example:
        >>> import numpy as np
        >>> box = ConstantConv(np.ones([3, 3, 1, 1], "float32"))
        >>> box(np.ones([1, 3, 3, 1], "float32")).numpy()[0, :, :, 0].tolist()
        [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """

    def __init__(self, kernel: Any, *, dtype: str = "float32"):
        kernel = np.asarray(kernel)
        self._kernels = [
            ops.convert_to_tensor(array, dtype=dtype) for array in (kernel, adjoint_kernel(kernel))
        ]
        self._factors: dict[int, list] = {}

    def __call__(self, x: Any) -> Any:
        """Maps x [B, H, W, Cin] to [B, H, W, Cout]."""
        x = ops.convert_to_tensor(x)
        return linear(x, *(self._algorithm(x, index) for index in range(2)))

    def _algorithm(self, x, index: int) -> Callable:
        """Returns the function that convolves arrays of the size of x with kernel `index`."""
        kernel = self._kernels[index]
        height, width = x.shape[1:3]
        if winograd.is_faster(x, kernel):
            factors = self._winograd(index)
            return lambda x: winograd.conv(x, factors)
        if height * width < kernel.shape[0] * kernel.shape[1]:
            return lambda x: _conv_of_few_pixels(x, kernel)
        return lambda x: ops.conv(x, kernel, padding="same", data_format="channels_last")

    def _winograd(self, index: int) -> list:
        """Returns the transformed kernel, computed at its first use."""
        if index not in self._factors:
            import tensorflow as tf

            with tf.init_scope():  # keeps the constants out of the graph that is being traced
                factors = winograd.transform_kernel(np.asarray(self._kernels[index]))
                self._factors[index] = [tf.constant(factor) for factor in factors]
        return self._factors[index]


def adjoint_kernel(kernel: np.ndarray) -> np.ndarray:
    """Returns the kernel [k, k, Cout, Cin] of the adjoint convolution."""
    return np.ascontiguousarray(kernel[::-1, ::-1].transpose(0, 1, 3, 2))


def linear(x: Any, forward: Callable, backward: Callable) -> Any:
    """Returns forward(x) with the gradient backward(upstream).

    Args:
        x: Images or features.
        forward: Linear function that reads no variables.
        backward: Adjoint of `forward`, which reads no variables.
    """

    @ops.custom_gradient
    def apply(x):
        def gradient(*args, upstream=None):
            return linear(args[0] if upstream is None else upstream, backward, forward)

        return forward(x), gradient

    return apply(x)


def _conv_of_few_pixels(x, kernel):
    """Computes a 'same' convolution as one matrix product.

    If an image has fewer pixels than the kernel, XLA swaps the two on CPUs. It then convolves
    the kernel by loops, which takes 3 to 20 times as long.
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
