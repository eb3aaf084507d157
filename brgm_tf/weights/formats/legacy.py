"""PyTorch files from before version 1.6.

    magic number | version | system | object | keys | count, numbers | count, numbers | ...

The first five are pickles; the storages that the object names follow it, in the order
of the keys. So it is read twice: for what storages there are, and, with these, in full.
"""

from __future__ import annotations

import struct

import numpy as np

from brgm_tf.weights.formats import arrays, containers, tensors
from brgm_tf.weights.formats.limits import Limits, RefusedError
from brgm_tf.weights.formats.machine import Machine

MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_COUNT = struct.Struct("<q")

# What a pickle may call, but for storages inside of it.
PLAIN_CALLS = {**arrays.CALLS, **containers.CALLS, **tensors.CALLS}


def read(data: memoryview, *, limits: Limits) -> object:
    """Returns the object of a legacy file.

    Args:
        data: the file.
        limits: what reading may cost.
    """
    position, header = 0, []
    for _ in range(3):
        value, position = _run(data, position, limits=limits)
        header.append(value)
    _check_header(*header)
    declared = _Declared()
    end = _run(data, position, limits=limits, persistent=declared)[1]
    keys, end = _run(data, end, limits=limits)
    storages = _storages(data, end, keys, declared.types, limits=limits)
    found = _Found(storages)
    value, _ = _run(data, position, limits=limits, persistent=found, calls=PLAIN_CALLS)
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
        raise ValueError("no header of a PyTorch file")
    if type(version) is not int or version != _VERSION:
        raise RefusedError("a PyTorch file of an unknown version")
    if system.get("little_endian") is not True:
        raise RefusedError("numbers of another byte order")


def _storage_id(key) -> tuple | None:
    """(class, key, view or None) of a storage; None of a module's source."""
    if type(key) is not tuple or len(key) < 2 or type(key[0]) is not str:
        raise ValueError("an unknown persistent id")
    if key[0] == "module":
        return None
    word, kind, name, _location, _count, view = key
    if word != "storage" or type(name) is not str:
        raise ValueError("an unknown persistent id")
    return kind, name, view


class _Declared:
    """Notes the types of the storages that an object needs; the first one named counts."""

    def __init__(self):
        self.types = {}

    def __call__(self, key):
        named = _storage_id(key)
        if named is None:
            return key[1]
        self.types.setdefault(named[1], tensors.storage_type(named[0]))
        return None


class _Found:
    """Gives the storages that were found, by their ids."""

    def __init__(self, storages: dict[str, np.ndarray]):
        self._storages = storages

    def __call__(self, key):
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
        arrays.checked_sizes((offset, count))
        if offset + count > len(values):
            raise ValueError("a storage's view reaches beyond it")
        return values[offset : offset + count]


def _storages(data, position, keys, types, *, limits) -> dict[str, np.ndarray]:
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise ValueError("no list of the keys of storages")
    found = {}
    for key in keys:
        if key not in types or key in found:
            raise ValueError("a storage that nothing asks for, or that comes twice")
        (count,) = _COUNT.unpack(data[position : position + _COUNT.size])
        start = position + _COUNT.size
        position = start + count * tensors.item_size(types[key])
        if count < 0 or position > len(data):
            raise ValueError(f"a storage of {count} numbers is longer than the file")
        found[key] = tensors.storage(data[start:position], types[key], limits=limits)
    return found
