"""Fewer pixels: the corruption of super-resolution.

Notation: f the factor, n the pixels of one axis, m = n / f those of the measurement; M [m, n]
the matrix of one axis, the same for rows and columns of a square image: y = M x M^T for every
channel. Pixel j of the image covers [j, j + 1) of the axis and pixel i of the measurement
[i f, (i + 1) f), with its centre at c_i = (i + 1/2) f.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import one_of, ratio
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.resolution.consistency import made_consistent
from brgm_tf.corruptions.resolution.resampling import MATRICES


@dataclasses.dataclass(frozen=True, repr=False)
class Downsample(Corruption):
    """Images of [H, W] pixels measured as [H / factor, W / factor].

    - box: mean over the area of a pixel of the measurement, a block of f x f pixels for a whole f.
      Otherwise pixels at the edges count by the covered fraction.
    - bicubic: Keys' kernel (A = -0.75) at the centre of the block, not widened by f. It reads 4
      pixels along an axis (1 for an odd f), as `F.interpolate(mode='bicubic', scale_factor=1/f,
      align_corners=False)` does, so finer detail aliases.
    - bicubic_antialias: Keys' kernel (A = -0.5) widened by f. It reads 4 f pixels, as Pillow's
      BICUBIC and PyTorch's `antialias=True` do.
    - lanczos: Lanczos' kernel of three lobes, widened by f, as in Pillow's LANCZOS.
    - nearest: pixel that holds the centre of the block, floor(c_i). For an even f the centre lies
      between two pixels, and the second one counts, as in Pillow's NEAREST and PyTorch's
      'nearest-exact'. (PyTorch's 'nearest' and DeepInverse's `Downsampling` without a filter take
      the first pixel of the block.)

    The widened kernels are k((j + 1/2 - c_i) / f), cut at the edge of the image and divided by
    their sum. DeepInverse's `Downsampling(filter='bicubic')` has the weights of bicubic_antialias,
    but around i f + 1 instead of c_i = (i + 1/2) f. Both agree for f = 2. For a larger f,
    DeepInverse's are f / 2 - 1 pixels further up and left.

    Args:
        factor: f >= 1, ratio of the pixels of the image to the pixels of the measurement, along
            each axis. It need not be whole, but H / f and W / f must be.
        method: 'box' (default; the paper's tables), 'bicubic' (the PyTorch code),
            'bicubic_antialias', 'lanczos' or 'nearest'.

    Raises:
        InputError: factor is below 1, or method has another value.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Downsample
        >>> x = np.array([[-0.2, 0.2], [0.4, 0.6]])[..., np.newaxis]
        >>> Downsample(factor=2).simulate(x).round(3).tolist()
        [[[0.25]]]

    Reference: box: BRGM TF1 forwardModels.py, ForwardDownsample; bicubic: brgm-pytorch
    forwardModels.py, ForwardDownsample; the widened kernels: Pillow's Resample.c.
    """

    factor: float = parameter(
        ratio,
        "Ratio of the pixels of the image to the measured ones, along a side; 2.5 is valid",
        typical=(1, 32, 4),
    )
    method: str = parameter(
        one_of(*MATRICES),
        "box: mean of a block; bicubic: PyTorch's, without antialiasing; bicubic_antialias, "
        "lanczos and nearest: Pillow's",
        default="box",
    )

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), [B, H / factor, W / factor, C]."""
        x = tf.convert_to_tensor(x)
        height, width, channels = self.measurement_shape(x.shape[1:])
        if self._has_blocks:
            blocks = tf.reshape(x, [-1, height, self.factor, width, self.factor, channels])
            return tf.reduce_mean(blocks, axis=[2, 4])
        return _along_axes(
            x, self._matrix(height, dtype=x.dtype), self._matrix(width, dtype=x.dtype)
        )

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y = M^T y M; for blocks every pixel gets y / factor^2."""
        y = tf.convert_to_tensor(y)
        if self._has_blocks:
            repeated = tf.repeat(tf.repeat(y, self.factor, axis=1), self.factor, axis=2)
            return repeated / self.factor**2
        rows = self._matrix(y.shape[1], dtype=y.dtype)
        columns = self._matrix(y.shape[2], dtype=y.dtype)
        return _along_axes(y, tf.transpose(rows), tf.transpose(columns))

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor | None:
        """Returns True if every pixel with a weight other than 0 is known."""
        if known is None:
            return None
        unknown = tf.cast(~known, tf.float32)
        if self.method == "box":
            return tf.equal(self.forward(unknown), 0)
        height, width, _ = self.measurement_shape(unknown.shape[1:])
        rows, columns = (abs(self._matrix(size, dtype=tf.float32)) for size in (height, width))
        return tf.equal(_along_axes(unknown, rows, columns), 0)

    def composite(self, y: Any, x: Any) -> np.ndarray:
        """Returns the restored image x with a smooth correction, after which f(x) = y.

        See `consistency`.
        """
        y = np.asarray(y)
        rows, columns = (MATRICES[self.method](n, factor=self.factor) for n in y.shape[-3:-1])
        return made_consistent(np.asarray(x), y, rows=rows, columns=columns)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns (..., H / factor, W / factor, C).

        Raises:
            InputError: The factor does not divide both H and W.
        """
        *batch, height, width, channels = image_shape
        rows, columns = (_quotient(size, self.factor) for size in (height, width))
        if rows is None or columns is None:
            raise InputError(
                "corruption",
                f"downsample needs a factor that divides the image's {height} x {width} pixels",
                remedy=f"Choose one of {_divisors(math.gcd(height, width))}",
                factor=self.factor,
            )
        return (*batch, rows, columns, channels)

    @property
    def _has_blocks(self) -> bool:
        """Whether the measurement is the mean of blocks of whole pixels."""
        return self.method == "box" and isinstance(self.factor, int)

    def _matrix(self, size: int, *, dtype: Any) -> tf.Tensor:
        return tf.constant(MATRICES[self.method](size, factor=self.factor), dtype)


def _along_axes(x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns rows x columns^T for every image and channel; height first is contiguous."""
    return tf.einsum("qw,bpwc->bpqc", columns, tf.einsum("ph,bhwc->bpwc", rows, x))


def _quotient(size: int, factor: float) -> int | None:
    """Returns size / factor if it is whole to the digits of a decimal fraction, else None."""
    whole = round(size / factor)
    return whole if whole and abs(whole * factor - size) < 1e-6 else None


def _divisors(n: int) -> str:
    return ", ".join(str(d) for d in range(1, n + 1) if n % d == 0)
