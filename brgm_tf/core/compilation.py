"""Compilation of functions."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def compiled(function: Callable, *, jit: bool = False) -> tf.types.experimental.PolymorphicFunction:
    """Returns the function as a graph or an XLA program; its Python code runs once per signature.

    AutoGraph is off. It would rewrite the source of every called function to find Python branches
    and loops over tensors. This package has none, and the search took two thirds of the time of
    tracing. In a user-defined corruption, write `keras.ops.where` instead of `if`.

    Args:
        function: Function of (structures of) tensors.
        jit: Whether XLA compiles the function.
    """
    return tf.function(function, jit_compile=jit or None, autograph=False)
