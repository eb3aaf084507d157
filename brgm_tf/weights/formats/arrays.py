"""NumPy arrays in a pickle, as views of its bytes.

NumPy pickles an array as a call of `_reconstruct`, which makes an empty array, and as its state:
shape, dtype, order and bytes. NumPy 2 moved its modules; both names are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from brgm_tf.weights.formats.limits import RefusedError
from brgm_tf.weights.formats.records import Global

_CODES = frozenset(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
_CODES |= {"c8", "c16"}
_ORDERS = ("<", ">", "|", "=")
_MAX_AXES = 32
_MAX_SIZE = 2**62


def as_array(data: object, *, dtype: np.dtype, shape: tuple, fortran: bool = False) -> np.ndarray:
    """Returns bytes as a read-only array, without a copy.

    Args:
        data: bytes or a memoryview, exactly as long as the array needs.
        dtype: Type of the numbers.
        shape: Shape of the array.
        fortran: Whether the first axis varies fastest; default False.

    Raises:
        ValueError: the bytes do not fit the shape.

    Example:
        >>> as_array(bytes([1, 0, 2, 0]), dtype=np.dtype("<u2"), shape=(2,)).tolist()
        [1, 2]
    """
    if not isinstance(data, bytes | memoryview) or not isinstance(dtype, np.dtype):
        raise ValueError("an array needs bytes and a dtype")
    size = math.prod(check_sizes(shape)) * dtype.itemsize
    if size != len(data):
        raise ValueError(f"a shape needs {size} bytes, and the file has {len(data)} for it")
    return np.ndarray(shape, dtype, buffer=data, order="F" if fortran else "C")


def check_sizes(sizes: object) -> tuple[int, ...]:
    """Returns a shape or strides; raises ValueError unless they are a few integers >= 0."""
    if not isinstance(sizes, tuple | list) or len(sizes) > _MAX_AXES:
        raise ValueError("a shape must be a list of a few sizes")
    if any(type(size) is not int or not 0 <= size < _MAX_SIZE for size in sizes):
        raise ValueError("a shape must hold sizes only")
    return tuple(sizes)


def as_bytes(machine, data):
    """Returns the bytes that Python 2 or protocol 2 wrote as text; other data unchanged."""
    if not isinstance(data, str):
        return data
    machine.limits.charge(len(data))
    return data.encode("latin-1")


def _dtype(machine, args, state) -> np.dtype:
    """Makes dtype('f4', False, True) with the state (3, '<', None, None, None, -1, -1, 0)."""
    code, (_, order, *rest) = args[0], _check_state(state)
    if type(code) is not str or code not in _CODES:
        shown = repr(code[:40]) if type(code) is str else "other than text"
        raise RefusedError(f"an array of dtype {shown}")
    if type(order) is not str or order not in _ORDERS or any(x is not None for x in rest[:3]):
        raise RefusedError("an array of a structured dtype")
    return np.dtype(order + code)


def _reconstruct(machine, args, state):
    """Makes _reconstruct(ndarray, (0,), b'b') with the state (1, shape, dtype, fortran, bytes)."""
    if type(args[0]) is not Global or args[0] != Global("numpy", "ndarray"):
        return NotImplemented
    _, shape, dtype, fortran, data = _check_state(state)
    if type(fortran) not in (bool, int):
        raise ValueError("the order of an array must be true or false")
    data = as_bytes(machine, data)
    return as_array(data, dtype=dtype, shape=shape, fortran=bool(fortran))


def _check_state(state) -> tuple:
    if not isinstance(state, tuple):
        raise ValueError("a state must be a tuple")
    return state


def _from_buffer(machine, data, dtype, shape, order):
    """Makes _frombuffer(bytes, dtype, shape, 'C') of protocol 5."""
    return as_array(data, dtype=dtype, shape=shape, fortran=type(order) is str and order == "F")


def _scalar(machine, dtype, data):
    """Makes scalar(dtype, bytes)."""
    return as_array(as_bytes(machine, data), dtype=dtype, shape=())[()]


BUILDS: dict[tuple[str, str], Callable[..., Any]] = {("numpy", "dtype"): _dtype}
CALLS: dict[tuple[str, str], Callable[..., Any]] = {}
for _package in ("numpy.core", "numpy._core"):
    BUILDS[f"{_package}.multiarray", "_reconstruct"] = _reconstruct
    CALLS[f"{_package}.multiarray", "scalar"] = _scalar
    CALLS[f"{_package}.numeric", "_frombuffer"] = _from_buffer
