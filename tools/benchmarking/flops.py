"""Floating-point operations of convolutions and matrix products in a TensorFlow graph.

Notation: a multiplication and an addition are two operations. Operations with the inserted zeros
of a transposed convolution do not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from brgm_tf.core.compilation import compiled


def count(function: Callable, *arguments) -> int:
    """Returns the number of operations of one call, including its gradients.

    Args:
        function: Function of tensors, which is traced. It must not call a compiled function.
        arguments: Tensors of known shapes.

    Raises:
        ValueError: A nested function hides a part of the graph.
    """
    graph = compiled(function).get_concrete_function(*arguments).graph
    return sum(_of(operation) for operation in graph.get_operations())


def _of(operation: tf.Operation) -> int:
    rule = _RULES.get(operation.type)
    if rule is not None:
        return rule(operation)
    if "Call" in operation.type or operation.type in ("While", "StatelessWhile", "If"):
        raise ValueError(f"`function` hides operations in {operation.type} {operation.name}")
    return 0


def _convolution(operation) -> int:
    """Counts, for each output value, a sum over the kernel and the input channels."""
    kernel = operation.inputs[1].shape
    return 2 * _size(operation.outputs[0]) * math.prod(kernel[:3])


def _transposed(operation) -> int:
    """Counts, for each input value, a product with the kernel and the output channels."""
    kernel, x = operation.inputs[1].shape, operation.inputs[2]
    return 2 * _size(x) * math.prod(kernel[:3])


def _depthwise(operation) -> int:
    kernel = operation.inputs[1].shape
    return 2 * _size(operation.outputs[0]) * math.prod(kernel[:2])


def _depthwise_transposed(operation) -> int:
    kernel, x = operation.inputs[1].shape, operation.inputs[2]
    return 2 * _size(x) * math.prod(kernel[:2])


def _product(operation) -> int:
    transposed = _attribute(operation, "transpose_a", "adj_x")
    summed = operation.inputs[0].shape[-2 if transposed else -1]
    return 2 * _size(operation.outputs[0]) * summed


def _einsum(operation) -> int:
    equation = operation.get_attr("equation").decode()
    letters = {}
    for word, tensor in zip(equation.split("->")[0].split(","), operation.inputs, strict=True):
        letters |= dict(zip(word, tensor.shape, strict=True))
    return 2 * math.prod(letters.values())


def _attribute(operation, *names: str) -> bool:
    present = {name for name in names if name in operation.node_def.attr}
    return any(operation.get_attr(name) for name in present)


def _size(tensor) -> int:
    return math.prod(tensor.shape)


_RULES = {
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _transposed,
    "DepthwiseConv2dNative": _depthwise,
    "DepthwiseConv2dNativeBackpropInput": _depthwise_transposed,
    "MatMul": _product,
    "BatchMatMulV2": _product,
    "Einsum": _einsum,
}
