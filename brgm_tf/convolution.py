"""Convolutions with kernels that do not change, each in the way that takes least time.

Notation: images or features x are [B, H, W, Cin]; kernels [k, k, Cin, Cout], k odd.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from brgm_tf import winograd


class ConstantConv(keras.layers.Layer):
    """'Same' convolution with a constant kernel: it has a gradient in x, and none in the kernel.

    The gradient is the convolution with the adjoint kernel, which is made once. TensorFlow by
    itself would turn the kernel around anew at every step: where images are small, a fifth of a
    step's time.

    Args:
        kernel: array [k, k, Cin, Cout].
        name: of the layer.
        dtype: of the convolution.
    """

    def __init__(self, kernel, *, name: str = "conv", dtype="float32"):
        super().__init__(name=name, trainable=False, dtype=dtype, autocast=False)
        kernel = np.asarray(kernel)
        self.kernel = self._constant("kernel", kernel)
        self.adjoint = self._constant("adjoint", adjoint_kernel(kernel))
        self._factors: dict[str, list] = {}
        self.built = True

    def call(self, x):
        """Maps x [B, H, W, Cin] to [B, H, W, Cout]."""
        x = ops.convert_to_tensor(x)
        ways = [self._way(x, name) for name in ("kernel", "adjoint")]
        return _conv(x, *ways)

    def _way(self, x, name: str):
        """The function that convolves x, or what is of its size, with a kernel."""
        kernel = getattr(self, name)
        height, width = x.shape[1:3]
        if winograd.pays(x, kernel):
            factors = self._winograd(name)
            return lambda x: winograd.conv(x, factors)
        # Read out here: TensorFlow takes variables that are read inside a custom gradient for
        # hidden inputs.
        kernel = ops.copy(kernel)
        if height * width < kernel.shape[0] * kernel.shape[1]:
            return lambda x: _conv_of_few_pixels(x, kernel)
        return lambda x: ops.conv(x, kernel, padding="same", data_format="channels_last")

    def _winograd(self, name: str) -> list:
        """The transformed kernel, made when it is needed first."""
        if name not in self._factors:
            import tensorflow as tf

            with tf.init_scope():  # not a part of the graph that is traced just now
                found = winograd.transformed(np.asarray(getattr(self, name)))
                self._factors[name] = [tf.constant(factor) for factor in found]
        return self._factors[name]

    def _constant(self, name: str, value: np.ndarray):
        return self.add_weight(
            name=name,
            shape=value.shape,
            dtype=self.compute_dtype,
            initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype=dtype),
            trainable=False,
            autocast=False,
        )


def adjoint_kernel(kernel: np.ndarray) -> np.ndarray:
    """The kernel [k, k, Cout, Cin] of the adjoint of the convolution with [k, k, Cin, Cout]."""
    return np.ascontiguousarray(kernel[::-1, ::-1].transpose(0, 1, 3, 2))


def _conv(x, forward, backward):
    """forward(x), linear, whose gradient is backward of what comes from above."""

    @ops.custom_gradient
    def conv(x):
        def gradient(*args, upstream=None):
            return _conv(args[0] if upstream is None else upstream, backward, forward)

        return forward(x), gradient

    return conv(x)


def _conv_of_few_pixels(x, kernel):
    """'Same' convolution of fewer pixels than the kernel has, as one product of matrices.

    XLA on CPUs swaps the two then, and convolves the kernel by loops: five to twenty times as long.
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
