"""Fewer pixels: the corruption of super-resolution.

Notation: f the factor, n the pixels of one axis; M [n/f, n] the matrix of one axis,
the same for rows and columns of a square image: y = M x M^T for every channel.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import tensorflow as tf

from brgm_tf.corruptions.base import Corruption
from brgm_tf.errors import InputError
from brgm_tf.registry import checked, one_of, positive_int

KEYS_A = -0.75  # PyTorch's; Keys (1981) and TensorFlow's own resize have -0.5


@dataclasses.dataclass(frozen=True)
class Downsample(Corruption):
    """Images of [H, W] pixels measured as [H / factor, W / factor].

    box:     y[i, j] = mean of x over the block [i f, (i + 1) f) x [j f, (j + 1) f).
    bicubic: y = M x M^T with Keys' kernel at the centre of the block, not widened by f:
             4 of the f pixels are looked at (1 for an odd f), as in
             `F.interpolate(mode='bicubic', scale_factor=1/f, align_corners=False)`:
             finer detail than that aliases, as it does there.

    Args:
        factor: f, pixels of the image for one of the measurement, along each axis.
        method: 'box' (default; the paper's tables) or 'bicubic' (the PyTorch code).

    Raises:
        InputError: factor is no positive integer, or method is neither.

    Reference: box: BRGM TF1 forwardModels.py, ForwardDownsample; bicubic: brgm-pytorch
    forwardModels.py, ForwardDownsample.
    """

    factor: int
    method: str = "box"

    def __post_init__(self):
        object.__setattr__(self, "factor", checked("factor", self.factor, positive_int))
        checked("method", self.method, one_of("box", "bicubic"))

    def mean(self, x):
        """f(x), [B, H / factor, W / factor, C]."""
        x = tf.convert_to_tensor(x)
        height, width, channels = self.measurement_shape(x.shape[1:])
        if self.method == "bicubic":
            return _along_axes(
                x, self._matrix(height, dtype=x.dtype), self._matrix(width, dtype=x.dtype)
            )
        blocks = tf.reshape(x, [-1, height, self.factor, width, self.factor, channels])
        return tf.reduce_mean(blocks, axis=[2, 4])

    def adjoint(self, y):
        """A^T y: box: every pixel of a block gets y / factor^2; bicubic: M^T y M."""
        y = tf.convert_to_tensor(y)
        if self.method == "bicubic":
            rows = self._matrix(y.shape[1], dtype=y.dtype)
            columns = self._matrix(y.shape[2], dtype=y.dtype)
            return _along_axes(y, tf.transpose(rows), tf.transpose(columns))
        spread = tf.repeat(tf.repeat(y, self.factor, axis=1), self.factor, axis=2)
        return spread / self.factor**2

    def known_after(self, known):
        """Whether every pixel with a weight other than 0 is known."""
        if known is None:
            return None
        unknown = tf.cast(~known, tf.float32)
        if self.method == "box":
            return tf.equal(self.mean(unknown), 0)
        height, width, _ = self.measurement_shape(unknown.shape[1:])
        rows, columns = (abs(self._matrix(size, dtype=tf.float32)) for size in (height, width))
        return tf.equal(_along_axes(unknown, rows, columns), 0)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(..., H / factor, W / factor, C).

        Raises:
            InputError: the factor does not divide both H and W.
        """
        *batch, height, width, channels = image_shape
        if height % self.factor or width % self.factor:
            raise InputError(
                "corruption",
                f"downsample needs a factor that divides the image's {height} x {width} pixels",
                remedy=f"Choose one of {_divisors(math.gcd(height, width))}",
                factor=self.factor,
            )
        return (*batch, height // self.factor, width // self.factor, channels)

    def get_config(self) -> dict:
        """{'factor': ..., 'method': ...}."""
        return {"factor": self.factor, "method": self.method}

    def _matrix(self, size: int, *, dtype):
        return tf.constant(bicubic_matrix(size, factor=self.factor), dtype)


@functools.lru_cache(maxsize=8)
def bicubic_matrix(size: int, *, factor: int) -> np.ndarray:
    """M [size, size * factor], float64: Keys' kernel at the centres of the blocks.

    M[i, clip(floor(c) + k)] += keys(c - floor(c) - k), k = -1, 0, 1, 2, with the
    centre c = (i + 1/2) factor - 1/2; a tap beyond the border reads the border's pixel.

    Args:
        size: pixels of the measurement along the axis.
        factor: pixels of the image for one of the measurement.

    Reference: Keys (1981), IEEE Trans. ASSP 29(6), eq. 4 with a free A.
    """
    matrix = np.zeros((size, size * factor))
    outputs = np.arange(size)
    centres = (outputs + 0.5) * factor - 0.5
    first = np.floor(centres).astype(int)
    for tap in (-1, 0, 1, 2):
        inputs = np.clip(first + tap, 0, size * factor - 1)
        matrix[outputs, inputs] += _keys(centres - first - tap)
    matrix.flags.writeable = False  # shared by the cache
    return matrix


def _keys(distance: np.ndarray) -> np.ndarray:
    d = np.abs(distance)
    near = (KEYS_A + 2) * d**3 - (KEYS_A + 3) * d**2 + 1
    far = KEYS_A * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _along_axes(x, rows, columns):
    """rows x columns^T for every image and channel, height first: it is contiguous."""
    return tf.einsum("qw,bpwc->bpqc", columns, tf.einsum("ph,bhwc->bpwc", rows, x))


def _divisors(n: int) -> str:
    return ", ".join(str(d) for d in range(1, n + 1) if n % d == 0)
