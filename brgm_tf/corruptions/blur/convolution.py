"""Convolution with a kernel: what all blurs share.

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

import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, one_of
from brgm_tf.corruptions.base import Corruption

BORDERS = ("reflect", "circular", "zero")


class Convolution(Corruption):
    """A blur: x convolved with a kernel that is known.

    A subclass has a field `border`, which is checked here, and says what its kernel is.
    """

    border: str

    def __post_init__(self):
        checked("border", self.border, one_of(*BORDERS))

    @property
    @abc.abstractmethod
    def size(self) -> tuple[int, int]:
        """(K, L): fixed, whatever is traced or inferred."""

    @abc.abstractmethod
    def kernel_of(self, x):
        """h for images x: of `size`, or [B, *size] with one for each image."""

    def per_kernel(self, name: str, x):
        """A parameter, a scalar or [B, 1, 1], of the dtype of images x."""
        value = self.value(name, x)
        return value if value.shape.rank == 0 else value[:, :, :, 0]

    def forward(self, x):
        """f(x), the shape of x."""
        x = tf.convert_to_tensor(x)
        self.measurement_shape(x.shape[1:])
        # There are no transforms of half precision.
        wide = tf.cast(x, tf.float32) if x.dtype.size < 4 else x
        y = convolve(wide, self.kernel_of(wide), border=self.border)
        return tf.cast(y, x.dtype)

    def adjoint(self, y):
        """A^T y: the gradient of <y, A x>, that is every step of mean transposed."""
        y = tf.convert_to_tensor(y)
        x = tf.zeros_like(y)
        with tf.GradientTape() as tape:
            tape.watch(x)
            ax = self.forward(x)
        return tape.gradient(ax, x, output_gradients=y)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the image.

        Raises:
            InputError: the kernel reaches as far from its centre as the image is high or wide.
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


def convolve(x, kernel, *, border: str):
    """x * h for every image and channel; see the module.

    By Fourier transforms: the time does not depend on the kernel's size, and on a processor a
    kernel of 21 x 21 pixels takes a fifteenth of a direct convolution's.

    Args:
        x: [B, H, W, C]; H and W are known.
        kernel: h [K, L] or [B, K, L], K // 2 < H and L // 2 < W, of the dtype of x, float32 or
            float64.
        border: 'reflect', 'circular' or 'zero'.

    Returns:
        [B, H, W, C].
    """
    rows, columns = kernel.shape[-2:]
    planes = tf.transpose(x, [0, 3, 1, 2])
    for axis, size in ((2, rows), (3, columns)):
        planes = _extended(planes, size // 2, (size - 1) // 2, axis=axis, border=border)
    # What the period brings in from the other side ends before the pixel (K - 1, L - 1).
    kernels = tf.reshape(kernel, [-1, 1, rows, columns])
    planes = _periodic(planes, kernels)[:, :, rows - 1 :, columns - 1 :]
    return tf.transpose(planes, [0, 2, 3, 1])


@tf.custom_gradient
def _periodic(x, kernel):
    """y[i] = sum_u h[u] x[(i - u) mod (M, N)] and its gradient.

    Of x [B, C, M, N] and h [B or 1, 1, K, L].

    TensorFlow's gradient of a real transform is a difference of large numbers: in float32 it
    is off by several 1e-6 of the largest value, this one by a few 1e-7.
    """
    size, (count, _, rows, columns) = x.shape[2:], kernel.shape
    image, response = tf.signal.rfft2d(x), tf.signal.rfft2d(kernel, size)

    def gradient(dy):
        spectrum = tf.signal.rfft2d(dy)
        of_image = tf.signal.irfft2d(spectrum * tf.math.conj(response), size)
        axes = [0, 1] if count == 1 else [1]
        products = tf.reduce_sum(spectrum * tf.math.conj(image), axis=axes, keepdims=True)
        return of_image, tf.signal.irfft2d(products, size)[:, :, :rows, :columns]

    return tf.signal.irfft2d(image * response, size), gradient


def _extended(x, before: int, after: int, *, axis: int, border: str):
    """x continued by `before` and `after` pixels along an axis."""
    if border == "circular":
        size = x.shape[axis]
        last = tf.split(x, [size - before, before], axis=axis)[1]
        first = tf.split(x, [after, size - after], axis=axis)[0]
        return tf.concat([last, x, first], axis=axis)
    paddings = [[before, after] if i == axis else [0, 0] for i in range(4)]
    return tf.pad(x, paddings, mode="REFLECT" if border == "reflect" else "CONSTANT")
