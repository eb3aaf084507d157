"""Measurements of complex numbers: the real numbers that they consist of, and their units.

A real value is one of an image: white is 1 and black is -1, and a unit is 127.5 grey levels. A
complex one is of a signal of which white has the magnitude 1 and black none: a unit is 255.
"""

from __future__ import annotations

import tensorflow as tf


def real_dtype(y) -> tf.DType:
    """dtype of the real numbers of y."""
    return tf.as_dtype(y.dtype).real_dtype


def complex_dtype(dtype) -> tf.DType:
    """The complex numbers for real ones; there are none of less than 32 bits a part."""
    return tf.complex128 if tf.as_dtype(dtype) == tf.float64 else tf.complex64


def unit(y) -> float:
    """What in y is one unit of [-1, 1]."""
    return 0.5 if tf.as_dtype(y.dtype).is_complex else 1.0


def parts(y) -> list:
    """The real numbers of y: itself, or its real and its imaginary part."""
    return [tf.math.real(y), tf.math.imag(y)] if tf.as_dtype(y.dtype).is_complex else [y]


def joined(numbers):
    """y of its `parts`."""
    return tf.complex(*numbers) if len(numbers) == 2 else numbers[0]


def components(y):
    """The real numbers of y in units of [-1, 1]: itself, or 2 Re y and 2 Im y.

    Args:
        y: [B, h, w, C].

    Returns:
        [B, h, w, C] or, of complex numbers, [B, h, w, 2 C].
    """
    found = parts(y)
    return y if len(found) == 1 else tf.concat(found, axis=-1) / unit(y)
