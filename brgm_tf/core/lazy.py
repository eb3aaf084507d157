"""Imports at first use: names of a package, and the module `tf`."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING


def exports(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Returns the `__getattr__`, `__dir__` and `__all__` of a package (PEP 562).

    A room's `__init__` lists its names without importing TensorFlow, so that flags are checked
    and `--help` is answered at once.

    Args:
        package: `__name__` of the package.
        homes: name -> module that defines the name, relative to the package.
    """

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return find, lambda: sorted(homes), sorted(homes)


class LazyModule(types.ModuleType):
    """A stand-in for a module, which is imported when an attribute is first read.

    Names with two leading underscores do not import the module: inspection asks for them.
    """

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} is not asked for {name!r}")
        return getattr(importlib.import_module(self.__name__), name)


if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = LazyModule("tensorflow")
