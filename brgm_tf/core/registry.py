"""Registries: rows that name a class without importing it.

A row says 'module:Class' and the parameters of the class's constructor, so that
flags are checked, and `--help` answered, before TensorFlow is imported.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import Asked, ParameterPrior

# Longer calls are refused before they are parsed: it bounds the parser's recursion and the
# digits of an integer, so that every value that passes can be printed.
MAX_TEXT = 1000


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One constructor parameter of a registered class.

    Args:
        default: value used when the parameter is not given; `REQUIRED` if it must be.
        check: maps a given value to the one used; raises ValueError with a phrase
            such as 'must be a positive integer' for a value it cannot take.
        help: one phrase for `--help`.
        unknown: the prior that it has where it is written `unknown`; None if it cannot be.
        suffixes: what a value ends in that is the path of a file; () where none is.
    """

    default: object
    check: Callable[[object], object]
    help: str = ""
    unknown: ParameterPrior | None = None
    suffixes: tuple[str, ...] = ()


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

        Nothing is evaluated: arguments are Python literals, given once each by keyword, or
        `unknown` or `unknown(low, high)`.

        Args:
            text: at most `MAX_TEXT` characters.

        Raises:
            InputError: the text is no such call, or a value is not accepted.
        """
        node = self._expression(text)
        if isinstance(node, ast.Name):
            return self.call(node.id)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            raise self._malformed(text)
        names = [item.arg for item in node.keywords]
        # Python's parser lets a repeated keyword pass; `**{...}` is a keyword without a name.
        if None in names or len(set(names)) < len(names):
            raise self._malformed(text)
        try:
            values = [_literal(item.value) for item in node.keywords]
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise self._malformed(text) from None
        return self.call(node.func.id, **dict(zip(names, values, strict=True)))

    def call(self, name: str, /, **given) -> Call:
        """Returns the call `name(**given)` with defaults filled in and values checked.

        Raises:
            InputError: no such row or parameter, one missing, or a value not accepted.
        """
        row = self.row(name)
        for key in given:
            if key not in row.parameters:
                known = ", ".join(row.parameters) or "none"
                raise InputError(
                    self.argument,
                    f"has no parameter '{key}' in {name}(); it takes: {known}",
                    # Not under its own name, which could be that of an argument of InputError.
                    **{self.argument: str(Call(name, given))},
                )
        return Call(name, {key: self._value(name, key, given) for key in row.parameters})

    def absolute(self, text: str) -> str:
        """The text of a call with the paths of files in it made absolute, ~ expanded.

        Raises:
            InputError: the text is no call that `parse` takes.
        """
        call, node = self.parse(text), self._expression(text)
        parameters, is_changed = self.row(call.name).parameters, False
        for item in node.keywords if isinstance(node, ast.Call) else ():
            value = call.arguments[item.arg]
            # No word ends like a file, and a parameter that takes no file has no suffixes.
            if isinstance(value, str) and value.lower().endswith(parameters[item.arg].suffixes):
                item.value = ast.Constant(os.path.abspath(os.path.expanduser(value)))
                is_changed = True
        return ast.unparse(node) if is_changed else text

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
                    **{self.argument: str(Call(name, given))},
                )
            return parameter.default
        try:
            if isinstance(given[key], Asked):
                return _prior(given[key], parameter)
            return parameter.check(given[key])
        except (ValueError, TypeError) as error:
            raise InputError(
                self.argument, f"parameter '{key}' of {name}() {error}", **{key: given[key]}
            ) from None

    def _expression(self, text: str) -> ast.expr:
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise self._malformed(text)
        try:
            with warnings.catch_warnings():
                # Python warns of '\\d' and '1or'; the user is to see our one line only.
                warnings.simplefilter("ignore")
                return ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._malformed(text) from None

    def _malformed(self, text: object) -> InputError:
        if isinstance(text, str) and len(text) > MAX_TEXT:
            text = text[:60] + f"... ({len(text)} characters)"
        return InputError(
            self.argument,
            "must be written name or name(parameter=literal, ...), each parameter once and "
            "words in quotes",
            remedy="Names: " + ", ".join(self._rows),
            **{self.argument: text},
        )


def _literal(node: ast.expr) -> object:
    """The value of a literal; an `Asked` of `unknown` and `unknown(low, high)`."""
    if isinstance(node, ast.Name) and node.id == "unknown":
        return Asked()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "unknown":
        low, high = (ast.literal_eval(bound) for bound in node.args)
        if node.keywords:
            raise ValueError("bounds have no names")
        return Asked((low, high))
    return ast.literal_eval(node)


def _prior(asked: Asked, parameter: Parameter) -> ParameterPrior:
    """The prior of a parameter that is asked for."""
    if parameter.unknown is None:
        raise ValueError("cannot be inferred: it must be given")
    if asked.bounds is None:
        return parameter.unknown
    return parameter.unknown.between(*map(parameter.check, asked.bounds))
