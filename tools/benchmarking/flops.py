"""Floating-point operations of convolutions and matrix products in a graph of TensorFlow.

Notation: a multiplication and an addition are two operations. Only what is useful is counted: the
zeros that a transposed convolution is sometimes made with are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from brgm_tf.core.compilation import compiled


def count(function: Callable, *arguments) -> int:
    """Operations of one call, forwards and backwards where it has gradients.

    Args:
        function: of tensors; it is traced here, and must not call a compiled function.
        arguments: tensors of known shapes.

    Raises:
        ValueError: a part of the graph is hidden in a function of its own.
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
    """Each output value is a sum over the kernel and the input channels."""
    kernel = operation.inputs[1].shape
    return 2 * _size(operation.outputs[0]) * math.prod(kernel[:3])


def _transposed(operation) -> int:
    """Each input value is spread over the kernel and the output channels."""
    kernel, dispersion_factor = operation.inputs[1].shape, operation.inputs[2]
    return 2 * _size(dispersion_factor) * math.prod(kernel[:3])


def _depthwise(operation) -> int:
    kernel = operation.inputs[1].shape
    return 2 * _size(operation.outputs[0]) * math.prod(kernel[:2])


def _depthwise_transposed(operation) -> int:
    kernel, dispersion_factor = operation.inputs[1].shape, operation.inputs[2]
    return 2 * _size(dispersion_factor) * math.prod(kernel[:2])


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
    known = {name for name in names if name in operation.node_def.attr}
    return any(operation.get_attr(name) for name in known)


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
