"""PyTorch files -> inert records and NumPy arrays, in the formats of torch.save and torch.jit.save.

    since version 1.6: a zip archive    <root>/data.pkl          the object, a pickle
                                        <root>/data/<key>        the numbers of a storage
    before: see `legacy`
    TorchScript: such an archive, with  <root>/constants.pkl     a tuple that the code uses
                                        <root>/constants/<key>   its storages
                                        <root>/code/             not looked at

What a record is, and which objects are real, `inert` says. Tensors are read-only views
of the mapped file.
"""

from __future__ import annotations

import os

import numpy as np

from brgm_tf.formats import legacy, modules, source, tensors
from brgm_tf.formats.archive import SIGNATURES, Archive
from brgm_tf.formats.arrays import checked_sizes
from brgm_tf.formats.limits import Limits, RefusedError, one_error
from brgm_tf.formats.machine import Machine

__all__ = ["load"]


def load(path: str | os.PathLike, *, argument: str) -> object:
    """Reads a file of torch.save or torch.jit.save; nothing in it is run.

    Args:
        path: of the file.
        argument: name of the argument (or flag) that the file was given by.

    Returns:
        The object that was saved. Of a TorchScript archive its arrays by their qualified
        names, such as 'layers.0.weight', and the arrays among the constants of its code
        as 'CONSTANTS.c0', 'CONSTANTS.c1', ...

    Raises:
        InputError: the file cannot be read, is damaged, or holds what is not read.
    """
    data = source.view(path, argument=argument)
    with one_error(argument):
        budget = Limits(len(data))
        if bytes(data[:4]) not in SIGNATURES:
            return legacy.read(data, limits=budget)
        saved = _Saved(Archive(data), limits=budget)
        if not saved.is_script:
            return saved.read("data")
        constants = saved.read("constants")
        arrays = modules.named_arrays(saved.read("data"), argument=argument)
        return arrays | {
            f"CONSTANTS.c{i}": value
            for i, value in enumerate(constants if type(constants) is tuple else ())
            if isinstance(value, np.ndarray)
        }


class _Saved:
    """The pickles of an archive, with the storages beside them.

    Attributes:
        is_script: whether torch.jit.save has written it.
    """

    def __init__(self, entries: Archive, *, limits: Limits):
        self._entries = entries
        self._limits = limits
        self._root = root(entries)
        if self._root is None:
            raise ValueError("an archive without a data.pkl")
        order = f"{self._root}/byteorder"
        if order in entries and entries.read(order) != b"little":
            raise RefusedError("numbers of another byte order")
        self.is_script = f"{self._root}/constants.pkl" in entries

    def read(self, name: str) -> object:
        """Returns the object of <root>/<name>.pkl, with the storages in <root>/<name>/."""
        found = {}

        def storage(key) -> np.ndarray:
            if type(key) is not tuple or len(key) != 5:
                raise ValueError("an unknown persistent id")
            kind, entry, count = tensors.storage_type(key[1]), key[2], key[4]
            if type(entry) is not str:
                raise ValueError("an unknown persistent id")
            if (entry, kind) not in found:
                data = self._entries.read(f"{self._root}/{name}/{entry}")
                found[entry, kind] = tensors.storage(
                    _first(data, count, kind), kind, limits=self._limits
                )
            return found[entry, kind]

        machine = Machine(
            self._entries.read(f"{self._root}/{name}.pkl"),
            limits=self._limits,
            calls=legacy.CALLS,
            persistent=storage,
        )
        return machine.run()[0]


def root(names) -> str | None:
    """The folder in an archive that torch has put everything in; None if there is none."""
    roots = [name.removesuffix("/data.pkl") for name in names if name.endswith("/data.pkl")]
    return min(roots, key=len, default=None)


def _first(data: memoryview, count, kind: str) -> memoryview:
    """The bytes of `count` numbers."""
    (count,) = checked_sizes((count,))
    size = count * tensors.item_size(kind)
    if size > len(data):
        raise ValueError(f"a storage of {size} bytes, and the file has {len(data)} for it")
    return data[:size]
