"""Registries: rows that name a class without importing it.

A row says 'module:Class' and the parameters of the class's constructor, so that
flags are checked, and `--help` answered, before TensorFlow is imported.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
from collections.abc import Callable, Iterator, Mapping

from brgm_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One constructor parameter of a registered class.

    Args:
        default: value used when the parameter is not given; `REQUIRED` if it must be.
        check: maps a given value to the one used; raises ValueError with a phrase
            such as 'must be a positive integer' for a value it cannot take.
        help: one phrase for `--help`.
    """

    default: object
    check: Callable[[object], object]
    help: str = ""


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = _Required()


@dataclasses.dataclass(frozen=True)
class Row:
    """A registered class: where it is and what it takes.

    Args:
        target: 'package.module:Class'; imported only by `load`.
        help: one line for `--help`.
        parameters: name to `Parameter`.
    """

    target: str
    help: str
    parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)

    def load(self) -> type:
        """Imports and returns the class."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)


@dataclasses.dataclass(frozen=True)
class Call:
    """A checked call of a registered class, such as `downsample(factor=32)`."""

    name: str
    arguments: Mapping[str, object]

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.name}({inside})"


class Registry(Mapping[str, Row]):
    """An ordered, read-only table of rows.

    Args:
        argument: name of the argument (flag) whose values the rows are; used in errors.
        rows: name to `Row`.
    """

    def __init__(self, argument: str, rows: Mapping[str, Row]):
        self.argument = argument
        self._rows = dict(rows)

    def __getitem__(self, name: str) -> Row:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, name: str) -> Row:
        """Returns the row `name`.

        Raises:
            InputError: there is no such row.
        """
        if name not in self._rows:
            raise InputError(
                self.argument,
                "must be one of " + ", ".join(self._rows),
                **{self.argument: name},
            )
        return self._rows[name]

    def parse(self, text: str) -> Call:
        """Parses 'name' or 'name(parameter=literal, ...)' and checks every value.

        Nothing is evaluated: arguments are Python literals, given by keyword.

        Raises:
            InputError: the text is no such call, or a value is not accepted.
        """
        try:
            node = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._malformed(text) from None
        if isinstance(node, ast.Name):
            return self.call(node.id)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            raise self._malformed(text)
        try:
            given = {item.arg: ast.literal_eval(item.value) for item in node.keywords}
        except (ValueError, TypeError, RecursionError, MemoryError):
            raise self._malformed(text) from None
        if None in given:
            raise self._malformed(text)
        return self.call(node.func.id, **given)

    def call(self, name: str, **given) -> Call:
        """Returns the call `name(**given)` with defaults filled in and values checked."""
        row = self.row(name)
        for key in given:
            if key not in row.parameters:
                known = ", ".join(row.parameters) or "none"
                raise InputError(
                    self.argument,
                    f"has no parameter '{key}' in {name}(); it takes: {known}",
                    **{key: given[key]},
                )
        return Call(name, {key: self._value(name, key, given) for key in row.parameters})

    def create(self, call: Call):
        """Imports the class of `call` and constructs it."""
        return self.row(call.name).load()(**call.arguments)

    def _value(self, name: str, key: str, given: Mapping[str, object]):
        parameter = self._rows[name].parameters[key]
        if key not in given:
            if parameter.default is REQUIRED:
                raise InputError(
                    self.argument,
                    f"{name}() needs the parameter '{key}' ({parameter.help})",
                    remedy=f"Write {name}({key}=...)",
                )
            return parameter.default
        try:
            return parameter.check(given[key])
        except (ValueError, TypeError) as error:
            raise InputError(
                self.argument, f"parameter '{key}' of {name}() {error}", **{key: given[key]}
            ) from None

    def _malformed(self, text: str) -> InputError:
        example = next(iter(self._rows))
        return InputError(
            self.argument,
            f"must be written as a call with keyword literals, such as '{example}()'",
            remedy="Names: " + ", ".join(self._rows),
            **{self.argument: text},
        )


def positive_int(value) -> int:
    """Checks a positive integer parameter."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a positive integer")
    return value


def positive_float(value) -> float:
    """Checks a positive, finite number parameter."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError("must be a positive number")
    return float(value)


def number(low: float, high: float) -> Callable[[object], float]:
    """Returns a check for a number in [low, high]."""

    def check(value) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be a number in [{low}, {high}]")
        return float(value)

    return check


def one_of(*choices: str) -> Callable[[object], str]:
    """Returns a check for one of a few words."""

    def check(value) -> str:
        if value not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return value

    return check
