"""Substitute gradients for rounding and clipping, whose derivatives are zero.

Reference: Bengio, Leonard, Courville (2013), Estimating or propagating gradients through
stochastic neurons (arXiv 1308.3432), the straight-through estimator.
"""

from __future__ import annotations

from typing import Any

from brgm_tf.core.lazy import tf


def straight_through(value: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Returns exactly `value`, with the derivatives of x.

    It uses `stop_gradient`, because forward-mode differentiation does not see a `custom_gradient`
    within a tf.function.

    Args:
        value: g(x) for finite x, with the shape of x.
        x: Argument of g.
    """
    return tf.stop_gradient(value) + (x - tf.stop_gradient(x))


def rounded(x: tf.Tensor, bias: Any = 0.0) -> tf.Tensor:
    """Returns floor(x + 1/2 + bias), with the derivative of x.

    Args:
        x: Floats.
        bias: Number or array; a small bias sets the direction of ties.
    """
    return straight_through(tf.floor(x + 0.5 + bias), x)


def clipped(x: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Returns min(max(x, low), high), with the derivative of x."""
    return straight_through(tf.clip_by_value(x, low, high), x)


def at_least_float32(x: tf.Tensor) -> tf.Tensor:
    """Returns x, as float32 if its floats are shorter, because whole levels need the digits."""
    return tf.cast(x, tf.float32) if x.dtype.size < 4 else x
