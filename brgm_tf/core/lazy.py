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

    The `__init__` of a room lists names without importing TensorFlow, so that flags are checked
    and `--help` is answered at once.

    Args:
        package: `__name__` of the package.
        homes: Module that defines each name, relative to the package.

    Example:
        >>> get, _, names = exports("brgm_tf.core", {"InputError": "errors"})
        >>> names, get("InputError").__name__
        (['InputError'], 'InputError')
    """

    def get_attribute(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return get_attribute, lambda: sorted(homes), sorted(homes)


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
