"""Gradients for functions that have none to speak of: rounding and clipping.

Reference: Bengio, Leonard, Courville (2013), Estimating or propagating gradients through
stochastic neurons (arXiv 1308.3432), the straight-through estimator.
"""

from __future__ import annotations

import tensorflow as tf


def straight_through(value, x):
    """Exactly `value` forwards, with the derivatives of x.

    Made of `stop_gradient`, not of `custom_gradient`: forward-mode differentiation does not see
    the latter within a tf.function.

    Args:
        value: g(x) for finite x, of the shape of x.
        x: what g was applied to.
    """
    return tf.stop_gradient(value) + (x - tf.stop_gradient(x))


def rounded(x, bias=0.0):
    """floor(x + 1/2 + bias), with the derivative of x.

    Args:
        x: floats.
        bias: a number or array; a small one says which way ties go.
    """
    return straight_through(tf.floor(x + 0.5 + bias), x)


def clipped(x, low: float, high: float):
    """min(max(x, low), high), with the derivative of x."""
    return straight_through(tf.clip_by_value(x, low, high), x)


def at_least_float32(x):
    """x, as float32 where its own floats are shorter: whole levels need their digits."""
    return tf.cast(x, tf.float32) if x.dtype.size < 4 else x
