"""Gradients and compilation, the calls that differ between TensorFlow and JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

IS_JAX = keras.backend.backend() == "jax"

if IS_JAX:
    import jax
else:
    import tensorflow as tf


def value_and_gradient(function: Callable, x: Any) -> tuple[tuple[Any, Any], Any]:
    """Returns (value, auxiliary) of `function(x)` and the gradient of the value.

    Args:
        function: Function from x to (scalar, structure of tensors).
        x: Tensor, or dict of tensors.

    Returns:
        ((value, auxiliary), gradient), with the gradient in the structure of x.
    """
    if IS_JAX:
        return jax.value_and_grad(function, has_aux=True)(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value, auxiliary = function(x)
    gradient = tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return (value, auxiliary), gradient


def gradient(function: Callable, x: Any) -> Any:
    """Returns the differentiable gradient of the scalar `function(x)`."""
    return value_and_gradient(lambda x: (function(x), ()), x)[1]


def compiled(function: Callable, *, jit: bool) -> Callable:
    """Compiles `function(state, data, **static)`, once for each set of static arguments.

    Args:
        function: Pure function. State and data are dicts of tensors; static arguments are
            bools.
        jit: Whether XLA compiles the function; JAX always does.
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
    """Returns whether XLA speeds up the step: not for TensorFlow on a CPU."""
    return IS_JAX or bool(tf.config.list_physical_devices("GPU"))
