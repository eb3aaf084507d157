"""Functions of slices in chunks, with bounded memory.

The gradient of a chunk computes the function of the chunk again, so that the memory of intermediate
results does not grow with the number of slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def in_chunks(function: Callable[..., Any], *arrays: Any, size: int) -> tf.Tensor:
    """Returns function(*arrays), computed for `size` slices at a time.

    Args:
        function: Function of arrays [B, ...] that returns one tensor [B, ...]. Slice b of the
            result depends on slice b of the arrays only.
        *arrays: Tensors [S, ...] of one floating-point type.
        size: Number of slices in a chunk.

    Returns:
        Tensor [S, ...].

    Example:
        >>> in_chunks(tf.square, tf.constant([[1.0], [2.0], [3.0]]), size=2).numpy().tolist()
        [[1.0], [4.0], [9.0]]
    """
    tensors = [tf.convert_to_tensor(array) for array in arrays]
    count = tensors[0].shape[0]
    if count <= size:
        return function(*tensors)
    num_chunks = math.ceil(count / size)
    values = _mapped(function)(*(_split(tensor, num_chunks) for tensor in tensors))
    return tf.reshape(values, [-1, *values.shape[2:]])[:count]


def _mapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of tensors [N, B, ...] that maps `function` over their first axis."""

    def gradient_of_chunk(parts):
        upstream, *inputs = parts
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            values = function(*inputs)
        zero = tf.UnconnectedGradients.ZERO
        return tuple(tape.gradient(values, inputs, upstream, unconnected_gradients=zero))

    def mapped(*chunks):
        def gradient(upstream, variables=None):
            gradients = _map(gradient_of_chunk, (upstream, *chunks), like=chunks)
            # TensorFlow asks for the gradients of weights, which are frozen.
            return (gradients, [None] * len(variables)) if variables else gradients

        values = _map(lambda parts: function(*parts), chunks, like=chunks[0])
        return values, gradient

    return tf.custom_gradient(mapped)


def _map(function: Callable[..., Any], chunks: Any, *, like: Any) -> Any:
    """Returns the results of a function of chunks, with the types of `like`."""
    types = tf.nest.map_structure(lambda chunk: chunk.dtype, like)
    # One after another, because parallel chunks would need the memory of all of them.
    return tf.map_fn(function, chunks, fn_output_signature=types, parallel_iterations=1)


def _split(tensor: tf.Tensor, num_chunks: int) -> tf.Tensor:
    """Returns [N, B, ...] of [S, ...], with zeros after the last slice."""
    size = math.ceil(tensor.shape[0] / num_chunks)
    missing = num_chunks * size - tensor.shape[0]
    padded = tf.pad(tensor, [[0, missing]] + [[0, 0]] * (tensor.shape.rank - 1))
    return tf.reshape(padded, [num_chunks, size, *tensor.shape[1:]])
