"""Convolution with a kernel: the base of all blurs.

Notation: x [B, H, W, C]; h [K, L] a kernel, its centre c = ((K - 1) // 2, (L - 1) // 2) as in
`scipy.signal.convolve2d(mode="same")`. Every channel is convolved by itself,

    y[i] = sum_u h[u] x[i - (u - c)],    i, u pairs of row and column,

a true convolution: the image of a point is h. `border` continues x beyond its edges:

    reflect:   d c b | a b c d | c b a    about the edge pixels, which do not repeat, as in NumPy,
                                          PyTorch and DeepInverse; 'mirror' in SciPy
    circular:  b c d | a b c d | a b c    as the discrete Fourier transform; 'wrap' or 'grid-wrap'
                                          in SciPy
    zero:      0 0 0 | a b c d | 0 0 0    x = 0 is mid-grey, because x lies in [-1, 1]

A kernel with the sum 1 does not change a constant image, except for 'zero' at the edges.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.operator import transposed


class Convolution(Corruption):
    """Images convolved with a known kernel.

    A subclass has a field `border` and states its kernel.
    """

    border: str

    @property
    @abc.abstractmethod
    def size(self) -> tuple[int, int]:
        """(K, L), independent of traced and inferred values."""

    @abc.abstractmethod
    def kernel_of(self, x: tf.Tensor) -> tf.Tensor:
        """Returns h for images x, with the shape `size`, or [B, *size] with one for each image."""

    def per_kernel(self, name: str, x: tf.Tensor) -> tf.Tensor:
        """Returns a parameter, a scalar or [B, 1, 1], with the dtype of images x."""
        value = self.value(name, x)
        return value if value.shape.rank == 0 else value[:, :, :, 0]

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), with the shape of x."""
        x = tf.convert_to_tensor(x)
        self.measurement_shape(x.shape[1:])
        # TensorFlow has no Fourier transforms of half precision.
        wide = tf.cast(x, tf.float32) if x.dtype.size < 4 else x
        y = convolve(wide, self.kernel_of(wide), border=self.border)
        return tf.cast(y, x.dtype)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y, the gradient of <y, A x>: every step of `forward` transposed."""
        y = tf.convert_to_tensor(y)
        return transposed(self.forward, y, like=tf.zeros_like(y))

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the image.

        Raises:
            InputError: Half of the kernel is at least as large as the image.
        """
        height, width = image_shape[-3:-1]
        rows, columns = self.size
        if rows // 2 >= height or columns // 2 >= width:
            raise InputError(
                "corruption",
                f"must have a kernel that reaches less far than the image's {height} x {width} "
                "pixels",
                remedy="Choose a smaller blur",
                kernel=f"{rows} x {columns}",
            )
        return tuple(image_shape)


def convolve(x: tf.Tensor, kernel: tf.Tensor, *, border: str) -> tf.Tensor:
    """Returns x * h for every image and channel; see the module.

    It uses Fourier transforms, so the time does not depend on the size of the kernel. On a CPU, a
    kernel of 21 x 21 pixels takes a fifteenth of the time of a direct convolution.

    Args:
        x: [B, H, W, C] with static H and W.
        kernel: h [K, L] or [B, K, L], K // 2 < H and L // 2 < W, with the dtype of x, float32 or
            float64.
        border: 'reflect', 'circular' or 'zero'.

    Returns:
        [B, H, W, C].
    """
    rows, columns = kernel.shape[-2:]
    planes = tf.transpose(x, [0, 3, 1, 2])
    for axis, size in ((2, rows), (3, columns)):
        planes = _extended(planes, size // 2, (size - 1) // 2, axis=axis, border=border)
    # Values that wrap around from the other side end before the pixel (K - 1, L - 1).
    kernels = tf.reshape(kernel, [-1, 1, rows, columns])
    planes = _periodic(planes, kernels)[:, :, rows - 1 :, columns - 1 :]
    return tf.transpose(planes, [0, 2, 3, 1])


def _periodic(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Returns y[i] = sum_u h[u] x[(i - u) mod (M, N)] for x [B, C, M, N], h [B or 1, 1, K, L]."""
    # Decorated here, because a decorator of the module would import TensorFlow.
    return tf.custom_gradient(_periodic_and_gradient)(x, kernel)


def _periodic_and_gradient(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    """Returns y and its gradient.

    TensorFlow's gradient of a real transform is a difference of large numbers. In float32 it is off
    by several 1e-6 of the largest value, and this one by a few 1e-7.
    """
    size, (count, _, rows, columns) = x.shape[2:], kernel.shape
    image, response = tf.signal.rfft2d(x), tf.signal.rfft2d(kernel, size)

    def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        spectrum = tf.signal.rfft2d(dy)
        of_image = tf.signal.irfft2d(spectrum * tf.math.conj(response), size)
        axes = [0, 1] if count == 1 else [1]
        products = tf.reduce_sum(spectrum * tf.math.conj(image), axis=axes, keepdims=True)
        return of_image, tf.signal.irfft2d(products, size)[:, :, :rows, :columns]

    return tf.signal.irfft2d(image * response, size), gradient


def _extended(x: tf.Tensor, before: int, after: int, *, axis: int, border: str) -> tf.Tensor:
    """Returns x with `before` and `after` more pixels along an axis."""
    if border == "circular":
        size = x.shape[axis]
        last = tf.split(x, [size - before, before], axis=axis)[1]
        first = tf.split(x, [after, size - after], axis=axis)[0]
        return tf.concat([last, x, first], axis=axis)
    paddings = [[before, after] if i == axis else [0, 0] for i in range(4)]
    return tf.pad(x, paddings, mode="REFLECT" if border == "reflect" else "CONSTANT")
