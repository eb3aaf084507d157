"""Corruptions from a file of the user's: FILE.py:CLASS or FILE.py:CLASS(parameter=literal, ...).

The file is a Python program, which is run; take it from whom you trust.
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
from pathlib import Path

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import REQUIRED, Call, Parameter, Registry
from brgm_tf.corruptions.table import CORRUPTIONS, CorruptionRow

ARGUMENT = CORRUPTIONS.argument
_STAGE = re.compile(
    r"""(?P<name>(?P<file>[^'"]+?\.py):(?P<kind>[^\W\d]\w*))\s*(?P<rest>\(.*)?""", re.DOTALL
)


def name_of(stage: str) -> str:
    """'my_ops.py:Fog' of 'my_ops.py:Fog(density=0.3)'; '' of a stage that names no file."""
    match = _STAGE.fullmatch(stage)
    return match["name"] if match else ""


def find(name: str) -> Path:
    """The file of 'my_ops.py:Fog', absolute.

    Raises:
        InputError: there is no such file.
    """
    path = Path(_STAGE.fullmatch(name)["file"]).expanduser().absolute()
    if not path.is_file():
        raise InputError(ARGUMENT, "names a file that does not exist", file=str(path))
    return path


def absolute(stage: str) -> str:
    """The text of a stage with the path of its file, if it names one, made absolute."""
    name = name_of(stage)
    if not name:
        return stage
    return f"{find(name)}:{name.rpartition(':')[2]}{stage[len(name) :]}"


def parse(stage: str) -> Call:
    """The checked call of a stage that names a file.

    Raises:
        InputError: the file or its class cannot be used, or the class refuses an argument.
    """
    match = _STAGE.fullmatch(stage)
    table = Registry(ARGUMENT, {match["kind"]: row(match["name"])})
    call = table.parse(match["kind"] + (match["rest"] or ""))
    try:
        table.create(call)
    except Exception as error:
        raise InputError(ARGUMENT, f"{call} is refused by its class: {_told(error)}") from None
    return dataclasses.replace(call, name=match["name"])


def row(name: str) -> CorruptionRow:
    """The row of a class in a file: what its constructor takes, and what data.

    Raises:
        InputError: the file cannot be found or run, or has no such corruption.
    """
    from brgm_tf.corruptions.base import Corruption  # which imports TensorFlow

    path, kind = find(name), name.rpartition(":")[2]
    module = _module(path, path.stat().st_mtime_ns)
    found = getattr(module, kind, None)
    if not isinstance(found, type) or not issubclass(found, Corruption):
        known = [n for n, c in vars(module).items() if _is_made_there(c, module, Corruption)]
        raise InputError(
            ARGUMENT,
            f"{path.name} must define the class {kind}, a subclass of "
            "brgm_tf.corruptions.base.Corruption",
            remedy="It defines: " + (", ".join(known) or "none"),
        )
    if set(found.data_names) - set(CORRUPTIONS["mask"].data_names):
        raise InputError(
            ARGUMENT,
            f"{kind} must take no data but 'missing', the masks",
            data_names=found.data_names,
        )
    return CorruptionRow(
        f"{module.__name__}:{kind}",
        f"{kind} of {path}",
        _parameters(found),
        data_names=found.data_names,
        measures_kspace=found.measurement_dtype.is_complex,
        noise_scale=(lambda arguments: arguments.get("scale")) if found.adds_noise else None,
        straight_through_gradient=found.straight_through_gradient,
    )


def _is_made_there(value, module, base) -> bool:
    return (
        isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
    )


def _parameters(kind: type) -> dict[str, Parameter]:
    """Those of the constructor, per-image data excepted; the class checks their values."""
    return {
        name: Parameter(
            REQUIRED if p.default is p.empty else p.default,
            _anything,
            "see its class",
            unknown=kind.inferable.get(name),
        )
        for name, p in inspect.signature(kind).parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and name not in kind.data_names
    }


def _anything(value):
    return value


@functools.cache
def _module(path: Path, changed: int):
    """The module of a file, run once unless it has changed."""
    digest = hashlib.sha256(f"{path} {changed}".encode()).hexdigest()[:12]
    name = f"brgm_tf_own_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for it, and rows
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(
            ARGUMENT, f"{path.name} cannot be run: line {_line(error, path)}: {_told(error)}"
        ) from None
    return module


def _line(error: BaseException, path: Path) -> int | str:
    """The last line of the file that an error passed; of a SyntaxError where it is."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path)), "?")


def _told(error: BaseException) -> str:
    """What an error says, in one line."""
    return (
        str(error).rstrip(".")
        if isinstance(error, InputError)
        else (f"{type(error).__name__}: {error}".rstrip("."))
    )
