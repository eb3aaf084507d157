"""Python's containers and bytes that a pickle writes as calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brgm_tf.weights.formats.arrays import as_bytes
from brgm_tf.weights.formats.limits import check_key
from brgm_tf.weights.formats.records import Global, Record

# Memory of an element of a copied container.
_ITEM_BYTES = 128


def _dict(machine, items=()):
    """Makes OrderedDict([[key, value], ...]), as Python 2 writes it, or without arguments."""
    if type(items) not in (list, tuple):
        return NotImplemented
    machine.limits.charge(_ITEM_BYTES * len(items))
    return {check_key(key): value for key, value in items}


def _default_dict(machine, factory=None):
    return {}


def _set(machine, items=()):
    """Makes set([element, ...]), as protocols before 4 write it."""
    if type(items) not in (list, tuple):
        return NotImplemented
    machine.limits.charge(_ITEM_BYTES * len(items))
    return set(map(check_key, items))


def _frozen_set(machine, items=()):
    elements = _set(machine, items)
    return elements if elements is NotImplemented else frozenset(elements)


def _encode(machine, text, encoding):
    """Makes encode(text, 'latin1'), as protocol 2 writes bytes."""
    if type(text) is str and type(encoding) is str and encoding in ("latin1", "latin-1"):
        return as_bytes(machine, text)
    return NotImplemented


def _no_bytes(machine):
    return b""


def _instance(machine, kind, base, state):
    """Makes _reconstructor(class, object, None), as protocols before 2 write instances."""
    if type(kind) is Global and type(base) is Global and base.name == "object" and state is None:
        return Record(kind.module, kind.name)
    return NotImplemented


CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _dict,
    ("collections", "defaultdict"): _default_dict,
    ("dnnlib", "EasyDict"): _dict,
    ("dnnlib.util", "EasyDict"): _dict,
    ("_codecs", "encode"): _encode,
    ("copyreg", "_reconstructor"): _instance,
    ("copy_reg", "_reconstructor"): _instance,
}
for _module in ("builtins", "__builtin__"):
    CALLS[_module, "set"] = _set
    CALLS[_module, "frozenset"] = _frozen_set
    CALLS[_module, "bytes"] = _no_bytes
