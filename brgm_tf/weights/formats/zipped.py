"""Zip archives of torch.save and torch.jit.save: pickles and their storages.

<root>/data.pkl          pickle of the object
<root>/data/<key>        numbers of a storage
<root>/constants.pkl     pickle of a tuple that the code of TorchScript uses
<root>/constants/<key>   storages of the constants
<root>/code/             code of TorchScript, not read
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from brgm_tf.weights.formats import tensors
from brgm_tf.weights.formats.archive import Archive
from brgm_tf.weights.formats.arrays import check_sizes
from brgm_tf.weights.formats.limits import Limits, RefusedError
from brgm_tf.weights.formats.machine import Machine


class Saved:
    """Pickles of an archive and their storages.

    Args:
        entries: Archive.
        limits: Limits of time and memory.
        calls: Functions that the pickles may call, as for `Machine`.

    Attributes:
        is_script: Whether torch.jit.save wrote the archive.

    Raises:
        ValueError: the archive has no data.pkl.
        RefusedError: the numbers have another byte order.
    """

    def __init__(
        self, entries: Archive, *, limits: Limits, calls: Mapping[tuple[str, str], Callable]
    ):
        self._entries = entries
        self._limits = limits
        self._calls = calls
        self._root = find_root(entries)
        if self._root is None:
            raise ValueError("an archive without a data.pkl")
        order = f"{self._root}/byteorder"
        if order in entries and entries.read(order) != b"little":
            raise RefusedError("numbers of another byte order")
        self.is_script = f"{self._root}/constants.pkl" in entries

    def read(self, name: str) -> object:
        """Returns the object of <root>/<name>.pkl, with the storages in <root>/<name>/."""
        storages: dict[tuple[str, str], np.ndarray] = {}

        def load_storage(key: Any) -> np.ndarray:
            if type(key) is not tuple or len(key) != 5:
                raise ValueError("an unknown persistent id")
            kind, entry, count = tensors.storage_type(key[1]), key[2], key[4]
            if type(entry) is not str:
                raise ValueError("an unknown persistent id")
            if (entry, kind) not in storages:
                data = self._entries.read(f"{self._root}/{name}/{entry}")
                storages[entry, kind] = tensors.storage(
                    _first(data, count, kind), kind, limits=self._limits
                )
            return storages[entry, kind]

        machine = Machine(
            self._entries.read(f"{self._root}/{name}.pkl"),
            limits=self._limits,
            calls=self._calls,
            persistent=load_storage,
        )
        return machine.run()[0]


def find_root(names: Iterable[str]) -> str | None:
    """Returns the folder in an archive that contains all entries of torch; None without one.

    Example:
        >>> find_root(["net/data.pkl", "net/data/0"])
        'net'
    """
    roots = [name.removesuffix("/data.pkl") for name in names if name.endswith("/data.pkl")]
    return min(roots, key=len, default=None)


def _first(data: memoryview, count, kind: str) -> memoryview:
    """Returns the bytes of the first `count` numbers."""
    (count,) = check_sizes((count,))
    size = count * tensors.item_size(kind)
    if size > len(data):
        raise ValueError(f"a storage of {size} bytes, and the file has {len(data)} for it")
    return data[:size]
