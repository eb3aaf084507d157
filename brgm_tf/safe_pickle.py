"""Reads arrays out of a pickle without running anything that the pickle names.

A pickle is a program for a small stack machine, and two of its instructions call
what it names. Here it is read twice. The first pass walks over the instructions and
accepts only those that nested dicts of NumPy arrays need. The second one unpickles,
with every name bound to an inert stand-in of this module, never to NumPy itself:
what comes out holds names, numbers and bytes, from which the arrays are then made.
"""

from __future__ import annotations

import io
import math
import os
import pathlib
import pickle
import pickletools

import numpy as np

from brgm_tf.errors import InputError

# A file of weights has some twenty instructions an array. The bound also keeps
# nesting shallow enough for the hash of a tuple, which recurses in C unchecked.
_MAX_OPCODES = 20_000
_MAX_DEPTH = 32
_MAX_DIMENSIONS = 32

# The instructions that nested dicts of arrays are written with, from protocol 2 on.
_OPCODES = frozenset(
    """
    PROTO FRAME STOP MARK POP EMPTY_DICT DICT SETITEM SETITEMS
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8
    BININT BININT1 BININT2 LONG1 NONE NEWTRUE NEWFALSE
    BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET
    GLOBAL STACK_GLOBAL REDUCE BUILD
    """.split()  # noqa: SIM905 - a line a word would be a page
)

_DTYPES = frozenset(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])

_REMEDY = "Give a pickle of nested dicts of numeric NumPy arrays; nothing else in a pickle is read"


def load(data: bytes | str | os.PathLike, *, argument: str) -> dict:
    """Reads nested dicts of numeric arrays from a pickle; nothing in it is executed.

    Args:
        data: the pickle's bytes, or the path of its file.
        argument: name of the argument (or flag) that the file was given by.

    Returns:
        Dicts with str keys; the leaves are read-only arrays of bool, integer or
        float numbers that share the pickle's memory.

    Raises:
        InputError: the file cannot be read, is broken, or holds anything else; the
            global that it names is part of the message.
    """
    data = _bytes(data, argument=argument)
    _check_opcodes(data, argument=argument)
    try:
        tree = _Unpickler(data, argument=argument).load()
    except InputError:
        raise
    # A hostile stream can make the unpickler raise nearly anything.
    except Exception as error:
        raise _broken(argument, error) from None
    if not isinstance(tree, dict):
        raise _refused(argument, f"{type(tree).__name__.strip('_')} at its top")
    return _arrays(tree, argument=argument, path="", seen=set(), depth=0)


def _bytes(data, *, argument: str) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return pathlib.Path(data).read_bytes()
    except OSError as error:
        raise InputError(
            argument,
            f"must be a pickle that can be read ({error.strerror})",
            **{argument: os.fspath(data)},
        ) from None


def _refused(argument: str, what: str) -> InputError:
    return InputError(
        argument, f"must be a pickle of arrays only, and it holds {what}", remedy=_REMEDY
    )


def _broken(argument: str, error: Exception) -> InputError:
    reason = f"{type(error).__name__}: {str(error)[:200]}"
    return InputError(
        argument,
        f"must be a whole pickle, and reading it failed ({reason})",
        remedy="Copy or fetch the file again",
    )


def _check_opcodes(data: bytes, *, argument: str) -> None:
    """Raises InputError unless every instruction is one that arrays in dicts need."""
    count = 0
    try:
        for opcode, value, _ in pickletools.genops(data):
            count += 1
            if count > _MAX_OPCODES:
                raise _refused(argument, f"more than {_MAX_OPCODES} instructions")
            if opcode.name == "GLOBAL":
                _check_global(*value.split(" ", 1), argument=argument)
            if opcode.name not in _OPCODES:
                raise _refused(argument, f"the instruction {opcode.name}")
            # The unpickler makes room for every index up to the one that is named.
            if opcode.name == "LONG_BINPUT" and value > _MAX_OPCODES:
                raise _refused(argument, f"the memo index {value}")
    except InputError:
        raise
    except Exception as error:
        raise _broken(argument, error) from None


def _check_global(module: str, name: str, *, argument: str) -> None:
    if (module, name) not in _GLOBALS:
        raise _refused(argument, f"the global {f'{module}.{name}'[:200]!r}")


class _Stub:
    """What a global name stands for: it can be called, and nothing else.

    An instance of a class without attributes, and not a function or a class, because
    BUILD writes into the attributes of whatever it finds on the stack.
    """

    __slots__ = ()

    def __call__(self, *args):
        raise pickle.UnpicklingError("this name cannot be called")

    def __setstate__(self, state):
        raise pickle.UnpicklingError("a name has no state")


class _ArrayType(_Stub):
    """Stands for numpy.ndarray, an argument of `_reconstruct`."""

    __slots__ = ()


class _Reconstruct(_Stub):
    """Stands for _reconstruct(ndarray, (0,), b'b'): an array before its state is set."""

    __slots__ = ()

    def __call__(self, kind, shape, code):
        if not isinstance(kind, _ArrayType):
            raise pickle.UnpicklingError("_reconstruct must be given numpy.ndarray")
        return _Array()


class _MakeDtype(_Stub):
    """Stands for numpy.dtype, called as dtype('f4', False, True)."""

    __slots__ = ()

    def __call__(self, code, align=False, copy=True):
        if code not in _DTYPES:
            raise pickle.UnpicklingError(f"arrays of dtype {str(code)[:40]!r} are not read")
        return _Dtype(code)


class _Dtype:
    """The code and the byte order of a dtype."""

    __slots__ = ("code", "order")

    def __init__(self, code: str):
        self.code = code
        self.order = "|"

    def __setstate__(self, state):
        _, order, *rest = state
        if order not in ("<", ">", "|", "=") or rest[:3] != [None, None, None]:
            raise pickle.UnpicklingError("arrays of structured dtypes are not read")
        self.order = order

    def resolve(self) -> np.dtype:
        """Returns NumPy's dtype."""
        return np.dtype(self.order + self.code)


class _Array:
    """The state of an array: its shape, dtype, order and bytes."""

    __slots__ = ("dtype", "fortran", "raw", "shape")

    def __setstate__(self, state):
        _, shape, dtype, fortran, raw = state
        if not isinstance(raw, bytes) or not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array's state must be a dtype and bytes")
        if len(shape) > _MAX_DIMENSIONS or any(type(n) is not int or n < 0 for n in shape):
            raise pickle.UnpicklingError("an array's shape must be a few sizes")
        size = math.prod(shape) * dtype.resolve().itemsize
        if size != len(raw):
            raise pickle.UnpicklingError(
                f"an array's shape needs {size} bytes, and the file has {len(raw)} for it"
            )
        self.shape, self.dtype, self.fortran, self.raw = shape, dtype, bool(fortran), raw

    def resolve(self) -> np.ndarray:
        """Returns a read-only view of the bytes; an instance without a state has none."""
        order = "F" if self.fortran else "C"
        return np.ndarray(self.shape, self.dtype.resolve(), buffer=self.raw, order=order)


# NumPy 2 moved the function; files written before and after are both about.
_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct,
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _MakeDtype,
}


class _Unpickler(pickle.Unpickler):
    """An unpickler whose every global is an inert stand-in."""

    def __init__(self, data: bytes, *, argument: str):
        super().__init__(io.BytesIO(data))
        self._argument = argument

    def find_class(self, module, name):
        """Returns the stand-in of a global."""
        _check_global(module, name, argument=self._argument)
        return _GLOBALS[module, name]()

    def persistent_load(self, pid):
        """Refuses an object that is kept outside of the file."""
        raise _refused(self._argument, "a persistent id")


def _arrays(tree: dict, *, argument: str, path: str, seen: set[int], depth: int) -> dict:
    """Returns `tree` with its stand-ins made into arrays."""
    # A dict that is met twice could be a cycle, or double the tree at every level.
    if id(tree) in seen or depth > _MAX_DEPTH:
        raise _refused(argument, f"dicts that share dicts, or nest too deep, at {path!r}")
    seen.add(id(tree))
    result = {}
    for key, value in tree.items():
        if not isinstance(key, str):
            raise _refused(argument, f"a key that is no str, at {path!r}")
        inner = f"{path}/{key[:80]}".lstrip("/")
        if isinstance(value, dict):
            value = _arrays(value, argument=argument, path=inner, seen=seen, depth=depth + 1)
        elif isinstance(value, _Array) and hasattr(value, "raw"):
            value = value.resolve()
        else:
            raise _refused(argument, f"{type(value).__name__.strip('_')} at {inner!r}")
        result[key] = value
    return result
