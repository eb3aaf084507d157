"""NumPy's part in a pickle: arrays as views of the bytes there.

NumPy pickles an array as a call of `_reconstruct`, which makes an empty one, and sets
its state: shape, dtype, order and bytes. NumPy 2 moved its modules; both names are read.
"""

from __future__ import annotations

import math

import numpy as np

from brgm_tf.weights.formats.limits import RefusedError
from brgm_tf.weights.formats.records import Global

_CODES = frozenset(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
_CODES |= {"c8", "c16"}
_ORDERS = ("<", ">", "|", "=")
_MAX_DIMENSIONS = 32
_LARGEST_SIZE = 2**62


def array(data, *, dtype: np.dtype, shape: tuple, fortran: bool = False) -> np.ndarray:
    """Returns bytes as a read-only array; nothing is copied.

    Args:
        data: bytes or a memoryview, just as many as the array takes.
        dtype: of the numbers.
        shape: sizes.
        fortran: whether the first axis is the fastest one; default False.
    """
    if not isinstance(data, bytes | memoryview) or not isinstance(dtype, np.dtype):
        raise ValueError("an array needs bytes and a dtype")
    size = math.prod(checked_sizes(shape)) * dtype.itemsize
    if size != len(data):
        raise ValueError(f"a shape needs {size} bytes, and the file has {len(data)} for it")
    return np.ndarray(shape, dtype, buffer=data, order="F" if fortran else "C")


def checked_sizes(sizes: tuple) -> tuple[int, ...]:
    """Returns a shape or strides if they are a few integers from 0 on."""
    if type(sizes) not in (tuple, list) or len(sizes) > _MAX_DIMENSIONS:
        raise ValueError("a shape is no list of a few sizes")
    if any(type(size) is not int or not 0 <= size < _LARGEST_SIZE for size in sizes):
        raise ValueError("a shape is made of other things than sizes")
    return tuple(sizes)


def as_bytes(machine, data):
    """Returns the bytes that Python 2, or protocol 2, wrote as text."""
    if not isinstance(data, str):
        return data
    machine.limits.charge(len(data))
    return data.encode("latin-1")


def _dtype(machine, args, state) -> np.dtype:
    """dtype('f4', False, True) with the state (3, '<', None, None, None, -1, -1, 0)."""
    code, (_, order, *rest) = args[0], _checked(state)
    if type(code) is not str or code not in _CODES:
        shown = repr(code[:40]) if type(code) is str else "that is no text"
        raise RefusedError(f"an array of dtype {shown}")
    if type(order) is not str or order not in _ORDERS or any(x is not None for x in rest[:3]):
        raise RefusedError("an array of a structured dtype")
    return np.dtype(order + code)


def _filled(machine, args, state):
    """_reconstruct(ndarray, (0,), b'b') with the state (1, shape, dtype, fortran, bytes)."""
    if type(args[0]) is not Global or args[0] != Global("numpy", "ndarray"):
        return NotImplemented
    _, shape, dtype, fortran, data = _checked(state)
    if type(fortran) not in (bool, int):
        raise ValueError("the order of an array is neither true nor false")
    data = as_bytes(machine, data)
    return array(data, dtype=dtype, shape=shape, fortran=bool(fortran))


def _checked(state) -> tuple:
    if type(state) is not tuple:
        raise ValueError("a state is no tuple")
    return state


def _from_buffer(machine, data, dtype, shape, order):
    """_frombuffer(bytes, dtype, shape, 'C'), of protocol 5."""
    return array(data, dtype=dtype, shape=shape, fortran=type(order) is str and order == "F")


def _scalar(machine, dtype, data):
    """scalar(dtype, bytes)."""
    return array(as_bytes(machine, data), dtype=dtype, shape=())[()]


BUILDS = {("numpy", "dtype"): _dtype}
CALLS = {}
for _package in ("numpy.core", "numpy._core"):
    BUILDS[f"{_package}.multiarray", "_reconstruct"] = _filled
    CALLS[f"{_package}.multiarray", "scalar"] = _scalar
    CALLS[f"{_package}.numeric", "_frombuffer"] = _from_buffer
