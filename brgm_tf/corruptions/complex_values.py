"""Units of measurements, and the real numbers of complex ones.

A real value is a value of an image: black is -1 and white is 1, so one unit is 127.5 grey levels. A
complex value belongs to a signal with magnitude 0 for black and 1 for white, so one unit is 255.
"""

from __future__ import annotations

from collections.abc import Sequence

from brgm_tf.core.lazy import tf


def real_dtype(y: tf.Tensor) -> tf.DType:
    """Returns the dtype of the real numbers of y."""
    return tf.as_dtype(y.dtype).real_dtype


def complex_dtype(dtype: tf.DType) -> tf.DType:
    """Returns the complex dtype for a real one; complex64 is the smallest."""
    return tf.complex128 if tf.as_dtype(dtype) == tf.float64 else tf.complex64


def unit(y: tf.Tensor) -> float:
    """Returns the change of y that corresponds to one unit of [-1, 1]."""
    return 0.5 if tf.as_dtype(y.dtype).is_complex else 1.0


def parts(y: tf.Tensor) -> list[tf.Tensor]:
    """Returns [y], or the real and the imaginary part of complex y."""
    return [tf.math.real(y), tf.math.imag(y)] if tf.as_dtype(y.dtype).is_complex else [y]


def joined(numbers: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the y whose `parts` are given."""
    return tf.complex(*numbers) if len(numbers) == 2 else numbers[0]


def components(y: tf.Tensor) -> tf.Tensor:
    """Returns the real numbers of y in units of [-1, 1]: y itself, or 2 Re y and 2 Im y.

    Args:
        y: [B, h, w, C].

    Returns:
        [B, h, w, C], or [B, h, w, 2 C] for complex y.
    """
    numbers = parts(y)
    return y if len(numbers) == 1 else tf.concat(numbers, axis=-1) / unit(y)
