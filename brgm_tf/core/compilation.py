"""Functions as compiled programs."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def compiled(function: Callable, *, jit: bool = False) -> tf.types.experimental.PolymorphicFunction:
    """The function as a graph, or as a program of XLA; its Python code runs once a signature.

    Without AutoGraph, which rewrites the source of every function that is called to find Python
    branches and loops over tensors. There are none here, and looking for them took two thirds
    of the time of tracing. In a corruption of your own, write `keras.ops.where`.

    Args:
        function: of (structures of) tensors.
        jit: whether XLA compiles it.
    """
    return tf.function(function, jit_compile=jit or None, autograph=False)
