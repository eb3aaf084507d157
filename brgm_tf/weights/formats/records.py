"""What a pickle's classes, functions and calls become: names beside data."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence

_NO_ENTRIES = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class Global:
    """A class or function that a pickle refers to by name; never looked up.

    Args:
        module: dotted name, such as 'torch'.
        name: name in the module, such as 'float32'.
    """

    module: str
    name: str


class Record:
    """A call or an instance that a pickle asks for, written down instead of made.

    `C(*args, **kwargs)` is Record(module, name, args, kwargs); what the pickle then does
    to the instance is kept beside. Two records are equal only if they are the same one.

    Args:
        module: dotted name of the module of the class or function.
        name: its name in the module.
        args: positional arguments of the call; default ().
        kwargs: keyword arguments of the call; default {}.

    Attributes:
        state: what the instance's `__setstate__` would be given, mostly its `__dict__`;
            None where the pickle sets none.
        items: elements that were appended to the instance, or added to it as to a set.
        entries: what was set by key, as in a dict.
    """

    __slots__ = ("args", "entries", "items", "kwargs", "module", "name", "state")

    def __init__(
        self, module: str, name: str, args: tuple = (), kwargs: Mapping[str, object] = _NO_ENTRIES
    ):
        self.module = module
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self.state: object = None
        self.items: Sequence = ()
        self.entries: Mapping = _NO_ENTRIES

    def __repr__(self):
        # Without what it holds: records are shared and nested, and may hold themselves.
        return f"<Record {self.module[:80]}.{self.name[:80]}>"

    def extend(self, items: Sequence) -> None:
        """Notes elements that are appended or added."""
        self.items = self.items or []
        self.items.extend(items)

    def update(self, entries: Mapping) -> None:
        """Notes what is set by key."""
        self.entries = self.entries or {}
        self.entries.update(entries)


def name_of(value: object) -> str:
    """Words for a value in an error: its class, and never its contents."""
    if isinstance(value, Record | Global):
        return f"{value.module[:100]}.{value.name[:100]}"
    return type(value).__name__
