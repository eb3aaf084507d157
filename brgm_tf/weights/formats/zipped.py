"""The zip archives of torch.save and torch.jit.save: pickles with their storages beside them.

<root>/data.pkl          the object, a pickle
<root>/data/<key>        the numbers of a storage
<root>/constants.pkl     TorchScript's, a tuple that its code uses
<root>/constants/<key>   its storages
<root>/code/             not looked at
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from brgm_tf.weights.formats import tensors
from brgm_tf.weights.formats.archive import Archive
from brgm_tf.weights.formats.arrays import checked_sizes
from brgm_tf.weights.formats.limits import Limits, RefusedError
from brgm_tf.weights.formats.machine import Machine


class Saved:
    """The pickles of an archive, with the storages beside them.

    Args:
        entries: the archive.
        limits: what reading may cost.
        calls: what its pickles may call, as for `Machine`.

    Attributes:
        is_script: whether torch.jit.save has written it.
    """

    def __init__(
        self, entries: Archive, *, limits: Limits, calls: Mapping[tuple[str, str], Callable]
    ):
        self._entries = entries
        self._limits = limits
        self._calls = calls
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
            calls=self._calls,
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
