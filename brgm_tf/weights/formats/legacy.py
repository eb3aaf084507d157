"""PyTorch files from before version 1.6.

    magic number | version | system | object | keys | count, numbers | count, numbers | ...

The first five are pickles. The storages that the object names follow the keys, in the order of the
keys. The object is therefore read twice: first to list its storages, then with their contents.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from brgm_tf.weights.formats import arrays, containers, tensors
from brgm_tf.weights.formats.limits import Limits, RefusedError
from brgm_tf.weights.formats.machine import Machine

MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_COUNT = struct.Struct("<q")

# Functions that a pickle may call, except for embedded storages.
PLAIN_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    **arrays.CALLS,
    **containers.CALLS,
    **tensors.CALLS,
}


def read(data: memoryview, *, limits: Limits) -> object:
    """Returns the object of a legacy file.

    Args:
        data: Bytes of the file.
        limits: Limits of time and memory.

    Raises:
        ValueError: the file is damaged.
        RefusedError: the file holds other kinds of data.
    """
    position, header = 0, []
    for _ in range(3):
        value, position = _run(data, position, limits=limits)
        header.append(value)
    _check_header(*header)
    declared = _StorageTypes()
    end = _run(data, position, limits=limits, persistent=declared)[1]
    keys, end = _run(data, end, limits=limits)
    storages = _storages(data, end, keys, declared.types, limits=limits)
    lookup = _StorageLookup(storages)
    value, _ = _run(data, position, limits=limits, persistent=lookup, calls=PLAIN_CALLS)
    return value


def _run(data, position, *, limits, persistent=None, calls=None):
    machine = Machine(
        data,
        limits=limits,
        calls=calls or {},
        builds=arrays.BUILDS if calls else {},
        persistent=persistent,
    )
    return machine.run(position)


def _check_header(magic, version, system) -> None:
    if type(magic) is not int or magic != MAGIC or type(system) is not dict:
        raise ValueError("the header of a PyTorch file is missing")
    if type(version) is not int or version != _VERSION:
        raise RefusedError("a PyTorch file of an unknown version")
    if system.get("little_endian") is not True:
        raise RefusedError("numbers of another byte order")


def _storage_id(key) -> tuple | None:
    """Returns (class, key, view or None) of a storage; None for the source of a module."""
    if type(key) is not tuple or len(key) < 2 or type(key[0]) is not str:
        raise ValueError("an unknown persistent id")
    if key[0] == "module":
        return None
    word, kind, name, _location, _count, view = key
    if word != "storage" or type(name) is not str:
        raise ValueError("an unknown persistent id")
    return kind, name, view


class _StorageTypes:
    """Records the types of the storages that an object needs; the first type counts."""

    def __init__(self):
        self.types: dict[str, str] = {}

    def __call__(self, key: Any) -> object:
        named = _storage_id(key)
        if named is None:
            return key[1]
        self.types.setdefault(named[1], tensors.storage_type(named[0]))
        return None


class _StorageLookup:
    """Returns storages by their ids.

    Args:
        storages: Storages by their keys.
    """

    def __init__(self, storages: dict[str, np.ndarray]):
        self._storages = storages

    def __call__(self, key: Any) -> object:
        named = _storage_id(key)
        if named is None:
            return key[1]
        _, name, view = named
        if name not in self._storages:
            raise ValueError("a storage is not in the file")
        values = self._storages[name]
        if view is None:
            return values
        _, offset, count = view
        arrays.check_sizes((offset, count))
        if offset + count > len(values):
            raise ValueError("a storage's view reaches beyond it")
        return values[offset : offset + count]


def _storages(data, position, keys, types, *, limits) -> dict[str, np.ndarray]:
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise ValueError("the keys of the storages must be a list of texts")
    storages: dict[str, np.ndarray] = {}
    for key in keys:
        if key not in types or key in storages:
            raise ValueError("a storage is not used, or occurs twice")
        (count,) = _COUNT.unpack(data[position : position + _COUNT.size])
        start = position + _COUNT.size
        position = start + count * tensors.item_size(types[key])
        if count < 0 or position > len(data):
            raise ValueError(f"a storage of {count} numbers is longer than the file")
        storages[key] = tensors.storage(data[start:position], types[key], limits=limits)
    return storages
