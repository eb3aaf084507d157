"""Fewer pixels: the corruption of super-resolution.

Notation: f the factor, n the pixels of one axis, m = n / f those of the measurement; M [m, n]
the matrix of one axis, the same for rows and columns of a square image: y = M x M^T for every
channel. Pixel j of the image covers [j, j + 1) of the axis and pixel i of the measurement
[i f, (i + 1) f), with its centre at c_i = (i + 1/2) f.
"""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, one_of, ratio
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.resolution.resampling import MATRICES


@dataclasses.dataclass(frozen=True)
class Downsample(Corruption):
    """Images of [H, W] pixels measured as [H / factor, W / factor].

    box:     the mean over the area of a pixel of the measurement: of a block of f x f pixels
             for a whole f; otherwise those at its edges count by the share that it covers.
    bicubic: Keys' kernel (A = -0.75) at the centre of the block, not widened by f: 4 pixels
             along an axis are looked at (1 for an odd f), as in
             `F.interpolate(mode='bicubic', scale_factor=1/f, align_corners=False)`:
             finer detail than that aliases, as it does there.
    bicubic_antialias: Keys' kernel (A = -0.5) widened by f: 4 f pixels are looked at, as in
             Pillow's BICUBIC and PyTorch's `antialias=True`.
    lanczos: Lanczos' kernel of three lobes, widened by f, as in Pillow's LANCZOS.
    nearest: the pixel that holds the centre of the block, floor(c_i); where the centre lies
             between two, for an even f, the second: as in Pillow's NEAREST and PyTorch's
             'nearest-exact'. (PyTorch's 'nearest' and DeepInverse's `Downsampling` without a
             filter take the first of the block.)

    The widened kernels are k((j + 1/2 - c_i) / f), cut at the image's edge and divided by
    their sum. DeepInverse's `Downsampling(filter='bicubic')` has the weights of
    bicubic_antialias, but around i f + 1 instead of c_i = (i + 1/2) f: the same for f = 2,
    and f / 2 - 1 pixels further up and left for a larger f.

    Args:
        factor: f >= 1, pixels of the image for one of the measurement, along each axis; not
            necessarily whole, but H / f and W / f are.
        method: 'box' (default; the paper's tables), 'bicubic' (the PyTorch code),
            'bicubic_antialias', 'lanczos' or 'nearest'.

    Raises:
        InputError: factor is no such number, or method is none of these.

    Reference: box: BRGM TF1 forwardModels.py, ForwardDownsample; bicubic: brgm-pytorch
    forwardModels.py, ForwardDownsample; the widened ones: Pillow's Resample.c.
    """

    factor: float
    method: str = "box"

    def __post_init__(self):
        object.__setattr__(self, "factor", checked("factor", self.factor, ratio))
        checked("method", self.method, one_of(*MATRICES))

    def forward(self, x):
        """f(x), [B, H / factor, W / factor, C]."""
        x = tf.convert_to_tensor(x)
        height, width, channels = self.measurement_shape(x.shape[1:])
        if self._has_blocks:
            blocks = tf.reshape(x, [-1, height, self.factor, width, self.factor, channels])
            return tf.reduce_mean(blocks, axis=[2, 4])
        return _along_axes(
            x, self._matrix(height, dtype=x.dtype), self._matrix(width, dtype=x.dtype)
        )

    def adjoint(self, y):
        """A^T y = M^T y M; of blocks every pixel gets y / factor^2."""
        y = tf.convert_to_tensor(y)
        if self._has_blocks:
            repeated = tf.repeat(tf.repeat(y, self.factor, axis=1), self.factor, axis=2)
            return repeated / self.factor**2
        rows = self._matrix(y.shape[1], dtype=y.dtype)
        columns = self._matrix(y.shape[2], dtype=y.dtype)
        return _along_axes(y, tf.transpose(rows), tf.transpose(columns))

    def propagate_mask(self, known):
        """Whether every pixel with a weight other than 0 is known."""
        if known is None:
            return None
        unknown = tf.cast(~known, tf.float32)
        if self.method == "box":
            return tf.equal(self.forward(unknown), 0)
        height, width, _ = self.measurement_shape(unknown.shape[1:])
        rows, columns = (abs(self._matrix(size, dtype=tf.float32)) for size in (height, width))
        return tf.equal(_along_axes(unknown, rows, columns), 0)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(..., H / factor, W / factor, C).

        Raises:
            InputError: the factor does not divide both H and W.
        """
        *batch, height, width, channels = image_shape
        sizes = [_quotient(size, self.factor) for size in (height, width)]
        if None in sizes:
            raise InputError(
                "corruption",
                f"downsample needs a factor that divides the image's {height} x {width} pixels",
                remedy=f"Choose one of {_divisors(math.gcd(height, width))}",
                factor=self.factor,
            )
        return (*batch, *sizes, channels)

    def get_config(self) -> dict:
        """{'factor': ..., 'method': ...}."""
        return {"factor": self.factor, "method": self.method}

    @property
    def _has_blocks(self) -> bool:
        """Whether the measurement is the mean of blocks of whole pixels."""
        return self.method == "box" and isinstance(self.factor, int)

    def _matrix(self, size: int, *, dtype):
        return tf.constant(MATRICES[self.method](size, factor=self.factor), dtype)


def _along_axes(x, rows, columns):
    """rows x columns^T for every image and channel, height first: it is contiguous."""
    return tf.einsum("qw,bpwc->bpqc", columns, tf.einsum("ph,bhwc->bpwc", rows, x))


def _quotient(size: int, factor: float) -> int | None:
    """size / factor where it is whole, to the digits that a fraction can be written with."""
    whole = round(size / factor)
    return whole if whole and abs(whole * factor - size) < 1e-6 else None


def _divisors(n: int) -> str:
    return ", ".join(str(d) for d in range(1, n + 1) if n % d == 0)
