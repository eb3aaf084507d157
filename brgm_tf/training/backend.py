"""The only calls that differ between TensorFlow and JAX: gradients and compilation."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras

IS_JAX = keras.backend.backend() == "jax"

if IS_JAX:
    import jax
else:
    import tensorflow as tf


def value_and_gradient(function: Callable, x):
    """Returns (value, auxiliary) of `function(x)` and the gradient of the value.

    Args:
        function: x -> (scalar, structure of tensors).
        x: tensor, or dict of tensors.

    Returns:
        ((value, auxiliary), gradient), the gradient of the structure of x.
    """
    if IS_JAX:
        return jax.value_and_grad(function, has_aux=True)(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value, auxiliary = function(x)
    gradient = tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return (value, auxiliary), gradient


def gradient(function: Callable, x):
    """Returns the gradient of the scalar `function(x)`; it can be differentiated again."""
    return value_and_gradient(lambda x: (function(x), ()), x)[1]


def compiled(function: Callable, *, jit: bool) -> Callable:
    """Compiles `function(state, data, **static)`; a program for each value of the static ones.

    Args:
        function: pure; state and data are dicts of tensors, static arguments are bools.
        jit: whether XLA compiles it; JAX always does.
    """
    programs = {}

    def call(state, data, **static):
        key = tuple(sorted(static.items()))
        if key not in programs:
            partial = functools.partial(function, **static)
            programs[key] = (
                jax.jit(partial)
                if IS_JAX
                else tf.function(partial, jit_compile=jit, autograph=False)
            )
        return programs[key](state, data)

    return call


def prefers_jit() -> bool:
    """Whether XLA makes the step faster: not for TensorFlow on a CPU."""
    return IS_JAX or bool(tf.config.list_physical_devices("GPU"))
