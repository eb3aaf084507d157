"""Convolution with a small kernel: what all blurs share.

Notation: x [B, H, W, C]; h [K, L] a kernel, its centre c = ((K - 1) // 2, (L - 1) // 2) as in
`scipy.signal.convolve2d(mode="same")`. Every channel is convolved by itself,

    y[i] = sum_u h[u] x[i - (u - c)],    i, u pairs of row and column,

a true convolution: the image of a point is h. Beyond its edges x is continued by `border`:

    reflect:   d c b | a b c d | c b a    about the edge pixels, which do not repeat, as in NumPy,
                                          PyTorch and DeepInverse; SciPy calls it 'mirror'
    circular:  b c d | a b c d | a b c    SciPy's 'wrap' ('grid-wrap'), what an FFT computes
    zero:      0 0 0 | a b c d | 0 0 0    x = 0 is mid-grey, for x lies in [-1, 1]

A kernel that sums to 1 keeps a constant image what it is, but for 'zero' at the edges.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

import tensorflow as tf

from brgm_tf.corruptions.base import Corruption
from brgm_tf.errors import InputError


class Convolution(Corruption):
    """A blur: x convolved with kernels that are known, one after the other.

    A subclass has a field `border` and says what its kernels are.
    """

    border: str

    @property
    @abc.abstractmethod
    def sizes(self) -> Sequence[tuple[int, int]]:
        """(rows, columns) of each kernel: fixed, whatever is traced or inferred."""

    @abc.abstractmethod
    def kernels(self, dtype) -> Sequence[tf.Tensor]:
        """The kernels [K, L], of `sizes`."""

    def mean(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        self.measurement_shape(x.shape[1:])
        # Sums of hundreds of products would be lost to eight bits of mantissa.
        y = tf.cast(x, tf.float32) if x.dtype.size < 4 else x
        for kernel in self.kernels(y.dtype):
            y = convolve(y, kernel, border=self.border)
        return tf.cast(y, x.dtype)

    def adjoint(self, y):
        """A^T y, by the transpose of every step of mean, borders included: <y, A x>'s gradient."""
        x = tf.zeros_like(y)
        with tf.GradientTape() as tape:
            tape.watch(x)
            ax = self.mean(x)
        return tape.gradient(ax, x, output_gradients=tf.convert_to_tensor(y))

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the image.

        Raises:
            InputError: a kernel reaches as far from its centre as the image is high or wide.
        """
        height, width = image_shape[-3:-1]
        rows, columns = (max(sides) for sides in zip(*self.sizes, strict=True))
        if rows // 2 >= height or columns // 2 >= width:
            raise InputError(
                "corruption",
                f"must have a kernel that reaches less far than the image's {height} x {width} "
                "pixels",
                remedy="Choose a smaller blur",
                kernel=f"{rows} x {columns}",
            )
        return tuple(image_shape)


def convolve(x, kernel, *, border: str):
    """x * h for every image and channel; see the module.

    Args:
        x: [B, H, W, C]; H, W and C are known.
        kernel: h [K, L], K // 2 < H and L // 2 < W, of the dtype of x.
        border: 'reflect', 'circular' or 'zero'.

    Returns:
        [B, H, W, C].
    """
    _, height, width, channels = x.shape
    rows, columns = kernel.shape
    # One channel an image: compilers are slow at convolutions in groups.
    planes = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [-1, height, width, 1])
    for axis, size in ((1, rows), (2, columns)):
        # TensorFlow correlates: the kernel is flipped, and what reached back reaches forward.
        planes = _extended(planes, size // 2, (size - 1) // 2, axis=axis, border=border)
    flipped = tf.reverse(kernel, [0, 1])[:, :, None, None]
    planes = tf.nn.conv2d(planes, flipped, strides=1, padding="VALID")
    return tf.transpose(tf.reshape(planes, [-1, channels, height, width]), [0, 2, 3, 1])


def _extended(x, before: int, after: int, *, axis: int, border: str):
    """x continued by `before` and `after` pixels along an axis."""
    if border == "circular":
        head, tail = tf.split(x, [x.shape[axis] - before, before], axis=axis)
        first = tf.split(x, [after, x.shape[axis] - after], axis=axis)[0]
        return tf.concat([tail, head, tail, first], axis=axis)
    paddings = [[before, after] if i == axis else [0, 0] for i in range(4)]
    return tf.pad(x, paddings, mode="REFLECT" if border == "reflect" else "CONSTANT")
