"""PyTorch's storages in a pickle as flat arrays, and tensors as strided views of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from brgm_tf.weights.formats import source
from brgm_tf.weights.formats.arrays import check_sizes
from brgm_tf.weights.formats.limits import Limits, RefusedError
from brgm_tf.weights.formats.records import Global

_BFLOAT16 = "bfloat16"
# Names of torch's types -> types in the file.
_DTYPES = {
    **{name: np.dtype(name) for name in ("bool", "uint8", "uint16", "uint32", "uint64")},
    **{name: np.dtype(name) for name in ("int8", "int16", "int32", "int64")},
    **{name: np.dtype(name) for name in ("float16", "float32", "float64")},
    **{name: np.dtype(name) for name in ("complex64", "complex128")},
    _BFLOAT16: np.dtype("uint16"),
}
_STORAGES = {
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "UntypedStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "HalfStorage": "float16",
    "BFloat16Storage": _BFLOAT16,
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
_STORAGE_MODULES = ("torch", "torch.cuda", "torch.storage")
_CHUNK = 2**22


def storage_type(kind: object) -> str:
    """Returns the type of the numbers in a storage of class `kind`, such as 'bfloat16'.

    Raises:
        ValueError: `kind` is not a class of storages.
        RefusedError: the type of the numbers is unknown.

    Example:
        >>> storage_type(Global("torch", "HalfStorage"))
        'float16'
    """
    if not isinstance(kind, Global) or kind.module not in _STORAGE_MODULES:
        raise ValueError("a storage of an unknown class")
    if kind.name not in _STORAGES:
        raise RefusedError(f"a storage of the class {kind.name[:80]!r}")
    return _STORAGES[kind.name]


def item_size(name: str) -> int:
    """Returns the number of bytes of a number."""
    return _DTYPES[name].itemsize


def storage(data: memoryview, name: str, *, limits: Limits) -> np.ndarray:
    """Returns the bytes of a storage as a flat array; bfloat16 is widened to float32.

    Args:
        data: Bytes of the storage.
        name: Type of the numbers, as `storage_type` returns it.
        limits: Limits of time and memory.
    """
    numbers = np.frombuffer(data, _DTYPES[name])
    return _widen(numbers, limits=limits) if name == _BFLOAT16 else numbers


def _widen(numbers: np.ndarray, *, limits: Limits) -> np.ndarray:
    """Returns bfloat16 as float32, whose upper half it is."""
    # The result takes twice the bytes, but the bytes of the file are released meanwhile.
    limits.charge(numbers.nbytes)
    halves = np.zeros((len(numbers), 2), "<u2")
    for start in range(0, len(numbers), _CHUNK):
        part = numbers[start : start + _CHUNK]
        halves[start : start + _CHUNK, 1] = part
        source.release(part)
    halves.flags.writeable = False
    return halves.view("<f4")[:, 0]


def _tensor(machine, values, offset, size, stride, *_):
    """Makes _rebuild_tensor(storage, offset, size, stride, ...)."""
    size, stride = check_sizes(size), check_sizes(stride)
    check_sizes((offset,))
    if not isinstance(values, np.ndarray) or values.ndim != 1 or len(size) != len(stride):
        raise ValueError("a tensor needs a storage and as many strides as sizes")
    if not math.prod(size):
        return np.empty(size, values.dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= len(values):
        raise ValueError(f"a tensor reads number {last} of a storage of {len(values)}")
    # Otherwise, a few bytes could be expanded to any size.
    if math.prod(size) > len(values):
        raise RefusedError("a tensor of more numbers than its storage has")
    return np.ndarray(
        size,
        values.dtype,
        buffer=values,
        offset=offset * values.itemsize,
        strides=[step * values.itemsize for step in stride],
    )


def _tensor_v2(machine, values, offset, size, stride, needs_grad, hooks, metadata=None):
    if type(metadata) is dict and any(value is True for value in metadata.values()):
        raise RefusedError("a tensor that stands for its conjugate or negative")
    return _tensor(machine, values, offset, size, stride)


def _tensor_v3(machine, values, offset, size, stride, needs_grad, hooks, dtype, metadata=None):
    """Makes _rebuild_tensor_v3, a tensor of an untyped storage."""
    if type(dtype) is not Global or dtype.name not in _DTYPES or dtype.module != "torch":
        raise RefusedError("a tensor of an unknown dtype")
    values = storage(values.view(np.uint8).data, dtype.name, limits=machine.limits)
    return _tensor_v2(machine, values, offset, size, stride, needs_grad, hooks, metadata)


def _parameter(machine, data, *_):
    """Makes _rebuild_parameter(data, requires_grad, backward_hooks, ...)."""
    return data


def _subclass(machine, function, kind, args, state):
    """Makes _rebuild_from_type_v2(function, class, args, state), as a plain tensor."""
    is_plain = type(function) is Global and function == Global("torch._utils", "_rebuild_tensor_v2")
    return _tensor_v2(machine, *args) if is_plain and type(args) is tuple else NotImplemented


def _size(machine, sizes=()):
    return sizes if type(sizes) is tuple else NotImplemented


def _identity(machine, value, *_):
    """Makes restore_type_tag(value, type) and its predecessors in TorchScript archives."""
    return value


CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor_v2,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_v3,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): _subclass,
    ("torch", "Size"): _size,
}
for _name in ("restore_type_tag", "build_intlist", "build_doublelist", "build_boollist"):
    CALLS["torch.jit._pickle", _name] = _identity
CALLS["torch.jit._pickle", "build_tensorlist"] = _identity
