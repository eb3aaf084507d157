"""Inert stand-ins for the classes, functions and calls of a pickle."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from typing import Any

_NO_ENTRIES: Mapping[Any, Any] = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class Global:
    """A class or function that a pickle names; it is never looked up.

    Args:
        module: Dotted name of the module, such as 'torch'.
        name: Name in the module, such as 'float32'.
    """

    module: str
    name: str


class Record:
    """A call or an instance that a pickle asks for, recorded instead of made.

    `C(*args, **kwargs)` becomes Record(module, name, args, kwargs). Later changes of the instance
    are attributes of the record. Records are equal only if they are identical.

    Args:
        module: Dotted name of the module of the class or function.
        name: Name in the module.
        args: Positional arguments of the call; default ().
        kwargs: Keyword arguments of the call; default {}.

    Attributes:
        state: Argument of the instance's `__setstate__`, mostly its `__dict__`; None if the pickle
            sets no state.
        items: Elements that were appended or added to the instance.
        entries: Entries that were set by key.
    """

    __slots__ = ("args", "entries", "items", "kwargs", "module", "name", "state")

    def __init__(
        self, module: str, name: str, args: tuple = (), kwargs: Mapping[str, object] = _NO_ENTRIES
    ):
        self.module = module
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self.state: Any = None
        self.items: Sequence[Any] = ()
        self.entries: Mapping[Any, Any] = _NO_ENTRIES

    def __repr__(self) -> str:
        # The contents are left out because records are shared and may contain themselves.
        return f"<Record {self.module[:80]}.{self.name[:80]}>"

    def extend(self, items: Sequence) -> None:
        """Records elements that are appended or added."""
        if not isinstance(self.items, list):
            self.items = []
        self.items.extend(items)

    def update(self, entries: Mapping) -> None:
        """Records entries that are set by key."""
        if not isinstance(self.entries, dict):
            self.entries = {}
        self.entries.update(entries)


def name_of(value: object) -> str:
    """Returns the name of a value's class for an error, and never the contents.

    Example:
        >>> name_of([1, 2]), name_of(Global("torch", "float32"))
        ('list', 'torch.float32')
    """
    if isinstance(value, Record | Global):
        return f"{value.module[:100]}.{value.name[:100]}"
    return type(value).__name__
