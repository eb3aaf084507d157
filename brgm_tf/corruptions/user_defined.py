"""Corruptions from a file of the user: FILE.py:CLASS or FILE.py:CLASS(parameter=literal, ...).

The file is a Python program that is run, so use only files that you trust.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import inspect
import re
import sys
import traceback
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameters import REQUIRED, Parameter, parameters_of
from brgm_tf.core.registry import Call, Registry, Row
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.table import CORRUPTIONS

ARGUMENT = CORRUPTIONS.argument
_DATA_NAMES = {"missing"}  # per-image arrays that inputs provide
_STAGE = re.compile(
    r"""(?P<name>(?P<file>[^'"]+?\.py):(?P<kind>[^\W\d]\w*))\s*(?P<rest>\(.*)?""", re.DOTALL
)


class UserRow(Row):
    """A class in a file of the user."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The constructor parameters without per-image data.

        The class checks the values of parameters that it does not declare.
        """
        kind: type[Corruption] = self.load()
        declared = parameters_of(kind)
        return {
            name: declared.get(name) or _undeclared(p)
            for name, p in inspect.signature(kind).parameters.items()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and name not in kind.data_names
        }


def name_of(stage: str) -> str:
    """Returns 'my_ops.py:Fog' for 'my_ops.py:Fog(density=0.3)'; '' for a stage without a file."""
    match = _STAGE.fullmatch(stage)
    return match["name"] if match else ""


def find(name: str) -> Path:
    """Returns the absolute path of the file of 'my_ops.py:Fog'.

    Raises:
        InputError: The file does not exist.
    """
    path = Path(_match(name)["file"]).expanduser().absolute()
    if not path.is_file():
        raise InputError(ARGUMENT, "names a file that does not exist", file=str(path))
    return path


def absolute(stage: str) -> str:
    """Returns the text of a stage with the path of its file, if any, made absolute."""
    name = name_of(stage)
    if not name:
        return stage
    return f"{find(name)}:{name.rpartition(':')[2]}{stage[len(name) :]}"


def parse(stage: str) -> Call:
    """Returns the checked call of a stage that names a file.

    Raises:
        InputError: The file or its class cannot be used, or the class refuses an argument.
    """
    match = _match(stage)
    table = Registry(ARGUMENT, {match["kind"]: row(match["name"])})
    call = table.parse(match["kind"] + (match["rest"] or ""))
    try:
        table.create(call)
    except Exception as error:
        raise InputError(ARGUMENT, f"{call} is refused by its class: {_one_line(error)}") from None
    return dataclasses.replace(call, name=match["name"])


def row(name: str) -> UserRow:
    """Returns the row of a class in a file.

    Raises:
        InputError: The file cannot be found or run, or does not define the corruption.
    """
    path, kind = find(name), name.rpartition(":")[2]
    module = _module(path, path.stat().st_mtime_ns)
    found = getattr(module, kind, None)
    if not isinstance(found, type) or not issubclass(found, Corruption):
        defined = [n for n, value in vars(module).items() if _is_defined_in(value, module)]
        raise InputError(
            ARGUMENT,
            f"{path.name} must define the class {kind}, a subclass of brgm_tf.Corruption",
            remedy="It defines: " + (", ".join(defined) or "none"),
        )
    if set(found.data_names) - _DATA_NAMES:
        raise InputError(
            ARGUMENT,
            f"{kind} must take no data but 'missing', the masks",
            data_names=found.data_names,
        )
    return UserRow(f"{module.__name__}:{kind}", f"{kind} of {path}")


def _match(text: str) -> re.Match[str]:
    match = _STAGE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a class in a file: {text!r}")
    return match


def _is_defined_in(value: object, module: types.ModuleType) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, Corruption)
        and value.__module__ == module.__name__
    )


def _undeclared(p: inspect.Parameter) -> Parameter:
    return Parameter(REQUIRED if p.default is p.empty else p.default, _anything, "see its class")


def _anything(value: Any) -> Any:
    return value


@functools.cache
def _module(path: Path, changed: int) -> types.ModuleType:
    """Returns the module of a file, which runs once unless it has changed."""
    digest = hashlib.sha256(f"{path} {changed}".encode()).hexdigest()[:12]
    name = f"brgm_tf_own_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(ARGUMENT, "names a file that is not a Python program", file=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and rows look for it there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(
            ARGUMENT, f"{path.name} cannot be run: line {_line(error, path)}: {_one_line(error)}"
        ) from None
    return module


def _line(error: BaseException, path: Path) -> int | str | None:
    """Returns the last line of the file that an error passed, or the line of a SyntaxError."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path)), "?")


def _one_line(error: BaseException) -> str:
    """Returns the message of an error in one line."""
    text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return text.rstrip(".")
