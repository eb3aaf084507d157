"""Pickles -> inert records and NumPy arrays.

Nothing that a pickle names is imported or called. `machine` interprets its instructions: a class
or function becomes a `Global`, and a call or an instance becomes a `Record`. Only Python's
containers and scalars are real objects, and these by their names:

    numpy.ndarray, numpy.dtype, numpy scalars     read-only arrays, dtypes, scalars
    torch tensors, parameters and storages        read-only arrays (storages: flat)
    collections.OrderedDict, dnnlib.EasyDict      dict
    torch.Size                                    tuple

bfloat16 becomes float32. Arrays are views of the mapped file: they may be unaligned, and the file
must not change while they are in use. Bytes of more than 64 KiB that belong to no array are
read-only memoryviews.
"""

from __future__ import annotations

import os

import numpy as np

from brgm_tf.weights.formats import embedded, limits, machine, source
from brgm_tf.weights.formats.records import Global, Record, name_of

__all__ = ["Global", "Record", "load", "load_arrays"]


def load(data: bytes | memoryview | str | os.PathLike, *, argument: str) -> object:
    """Reads a pickle; calls that it asks for are recorded and not made.

    Args:
        data: Bytes of the pickle, or the path of its file.
        argument: Name of the argument (or flag) that gave the file.

    Returns:
        The pickled object, of the kinds listed in the module's docstring. It may share parts and
        contain itself, so a walk over it needs a bound.

    Raises:
        InputError: the file cannot be read, is damaged, or holds other kinds of data.

    Example:
        >>> import pickle
        >>> load(pickle.dumps({"w": [1, 2]}), argument="generator")
        {'w': [1, 2]}
        >>> load(pickle.dumps(print), argument="generator")
        Global(module='builtins', name='print')
    """
    view = source.view(data, argument=argument)
    with limits.one_error(argument):
        budget = limits.Limits(len(view))
        value, _ = machine.Machine(view, limits=budget, calls=embedded.CALLS).run()
        return value


def load_arrays(data: bytes | memoryview | str | os.PathLike, *, argument: str) -> dict:
    """Reads a pickle of nested dicts of arrays.

    Args:
        data: Bytes of the pickle, or the path of its file.
        argument: Name of the argument (or flag) that gave the file.

    Returns:
        Nested dicts with str keys and read-only arrays.

    Raises:
        InputError: the file cannot be read, is damaged, or holds other kinds of data.
    """
    tree = load(data, argument=argument)
    with limits.one_error(argument):
        return _check_arrays(tree)


def _check_arrays(tree: object) -> dict:
    """Returns `tree`; raises RefusedError unless it is nested dicts of arrays."""
    if not isinstance(tree, dict):
        raise limits.RefusedError(f"{name_of(tree)} at its top")
    seen, rest = {id(tree)}, [("", tree)]
    while rest:
        path, branch = rest.pop()
        for key, value in branch.items():
            if not isinstance(key, str):
                raise limits.RefusedError(f"a key other than text, at {path!r}")
            inner = f"{path[:200]}/{key[:80]}".lstrip("/")
            if type(value) is dict:
                # A dict that occurs twice could be a cycle, or double the size at every level.
                if id(value) in seen:
                    raise limits.RefusedError(f"a dict that is shared, at {inner!r}")
                seen.add(id(value))
                rest.append((inner, value))
            elif not isinstance(value, np.ndarray):
                raise limits.RefusedError(f"{name_of(value)} at {inner!r}")
    return tree
