"""Pickles -> inert records and NumPy arrays.

Nothing that a pickle names is imported or called: a program of our own follows its
instructions, and a class or function becomes a `Global`, a call or an instance a
`Record`. Real are Python's containers and scalars and, by their names:

    numpy.ndarray, numpy.dtype, numpy scalars     read-only arrays, dtypes, scalars
    torch tensors, parameters and storages        read-only arrays (storages: flat)
    collections.OrderedDict, dnnlib.EasyDict      dict
    torch.Size                                    tuple

bfloat16 becomes float32. Arrays are views of the file, which is mapped: they may be
unaligned, and the file must stay as it is while they are in use. bytes of more than
64 KiB that no array was made of are read-only memoryviews.
"""

from __future__ import annotations

import os

import numpy as np

from brgm_tf.weights.formats import embedded, limits, machine, source
from brgm_tf.weights.formats.records import Global, Record, name_of

__all__ = ["Global", "Record", "load", "load_arrays"]


def load(data: bytes | memoryview | str | os.PathLike, *, argument: str) -> object:
    """Reads a pickle; what it asks to be called is written down, and not called.

    Args:
        data: the pickle's bytes, or the path of its file.
        argument: name of the argument (or flag) that the file was given by.

    Returns:
        The object at its top, of the kinds that the module's docstring lists. It may
        share parts and hold itself: a walk over it needs a bound.

    Raises:
        InputError: the file cannot be read, is damaged, or holds what is not read.
    """
    view = source.view(data, argument=argument)
    with limits.one_error(argument):
        budget = limits.Limits(len(view))
        value, _ = machine.Machine(view, limits=budget, calls=embedded.CALLS).run()
        return value


def load_arrays(data: bytes | memoryview | str | os.PathLike, *, argument: str) -> dict:
    """Reads a pickle of nested dicts of arrays and nothing else.

    Args:
        data: the pickle's bytes, or the path of its file.
        argument: name of the argument (or flag) that the file was given by.

    Returns:
        Dicts with str keys; the leaves are read-only arrays.

    Raises:
        InputError: as `load` does, and where anything else is found.
    """
    tree = load(data, argument=argument)
    with limits.one_error(argument):
        _check_arrays(tree)
    return tree


def _check_arrays(tree) -> None:
    """Raises unless `tree` is a tree of dicts with arrays as its leaves."""
    if type(tree) is not dict:
        raise limits.RefusedError(f"{name_of(tree)} at its top")
    seen, rest = {id(tree)}, [("", tree)]
    while rest:
        path, branch = rest.pop()
        for key, value in branch.items():
            if not isinstance(key, str):
                raise limits.RefusedError(f"a key that is no str, at {path!r}")
            inner = f"{path[:200]}/{key[:80]}".lstrip("/")
            if type(value) is dict:
                # A dict that is met twice could be a cycle, or double at every level.
                if id(value) in seen:
                    raise limits.RefusedError(f"a dict that is shared, at {inner!r}")
                seen.add(id(value))
                rest.append((inner, value))
            elif not isinstance(value, np.ndarray):
                raise limits.RefusedError(f"{name_of(value)} at {inner!r}")
