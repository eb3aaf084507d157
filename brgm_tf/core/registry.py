"""Registries: tables of classes by name, and the parser of their calls.

A row names 'module:Class'. The class declares its parameters (`core.parameters`) in a module that
does not import TensorFlow, so flags are checked and `--help` is answered without TensorFlow.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import Asked, ParameterPrior
from brgm_tf.core.parameters import REQUIRED, Parameter, parameters_of

# Longer calls are refused before they are parsed. The limit bounds the recursion of the parser and
# the digits of an integer, so every accepted value can be printed.
MAX_TEXT = 1000


@dataclasses.dataclass(frozen=True)
class Row:
    """A registered class: its address and a line of help.

    Args:
        target: 'package.module:Class', imported by `load` alone.
        help: One line for `--help`.
    """

    target: str
    help: str

    def load(self) -> type:
        """Imports the module and returns the class."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters that the class declares, by name; imports the module."""
        return parameters_of(self.load())


@dataclasses.dataclass(frozen=True)
class Call:
    """A checked call of a registered class, such as `downsample(factor=32)`.

    Args:
        name: Name of the class.
        arguments: Name -> value of every parameter.
    """

    name: str
    arguments: Mapping[str, object]

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.name}({inside})"


RowT = TypeVar("RowT", bound=Row)


class Registry(Mapping[str, RowT]):
    """An ordered, read-only table of rows.

    Args:
        argument: Argument (flag) that takes the names; errors quote it.
        rows: Name -> row.
    """

    def __init__(self, argument: str, rows: Mapping[str, RowT]):
        self.argument = argument
        self._rows = dict(rows)

    def __getitem__(self, name: str) -> RowT:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, name: str) -> RowT:
        """Returns the row of a name.

        Raises:
            InputError: The table has no row of this name.
        """
        if name not in self._rows:
            raise InputError(
                self.argument,
                "must be one of " + ", ".join(self._rows),
                **{self.argument: name},
            )
        return self._rows[name]

    def name_of(self, kind: type) -> str:
        """Returns the name of a class; '' if the class is not registered."""
        target = f"{kind.__module__}:{kind.__qualname__}"
        return next((name for name, row in self._rows.items() if row.target == target), "")

    def parse(self, text: str) -> Call:
        """Parses 'name' or 'name(parameter=literal, ...)' and checks every value.

        Nothing is evaluated. Each argument is given once, by keyword: a Python literal, `unknown`
        or `unknown(low, high)`.

        Args:
            text: At most `MAX_TEXT` characters.

        Raises:
            InputError: The text has another form, or a value is refused.
        """
        node = self._expression(text)
        if isinstance(node, ast.Name):
            return self.call(node.id)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            raise self._malformed(text)
        # `**{...}` is a keyword without a name; Python's parser accepts repeated keywords.
        names = [item.arg for item in node.keywords if item.arg is not None]
        if len(names) < len(node.keywords) or len(set(names)) < len(names):
            raise self._malformed(text)
        try:
            values = [_literal(item.value) for item in node.keywords]
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise self._malformed(text) from None
        return self.call(node.func.id, **dict(zip(names, values, strict=True)))

    def call(self, name: str, /, **given) -> Call:
        """Returns the call `name(**given)` with defaults filled in and values checked.

        Raises:
            InputError: The row or a parameter does not exist, a parameter is missing, or a value
                is refused.
        """
        parameters = self.row(name).parameters
        for key in given:
            if key not in parameters:
                known = ", ".join(parameters) or "none"
                raise InputError(
                    self.argument,
                    f"has no parameter '{key}' in {name}(); it takes: {known}",
                    # The parameter may be called like an argument of InputError.
                    **self._received(Call(name, given)),
                )
        return Call(
            name, {key: self._value(name, key, parameters[key], given) for key in parameters}
        )

    def absolute(self, text: str) -> str:
        """Returns the text of a call with absolute paths of files; expands ~.

        Raises:
            InputError: `parse` refuses the text.
        """
        call, node = self.parse(text), self._expression(text)
        parameters, is_changed = self.row(call.name).parameters, False
        for item in node.keywords if isinstance(node, ast.Call) else ():
            value = call.arguments[item.arg or ""]
            # Words have no suffix of a file, and a parameter without files has no suffixes.
            if isinstance(value, str) and value.lower().endswith(
                parameters[item.arg or ""].suffixes
            ):
                item.value = ast.Constant(os.path.abspath(os.path.expanduser(value)))
                is_changed = True
        return ast.unparse(node) if is_changed else text

    def create(self, call: Call) -> Any:
        """Imports the class of a call and constructs it."""
        return self.row(call.name).load()(**call.arguments)

    def _value(self, name: str, key: str, parameter: Parameter, given: Mapping[str, object]):
        if key not in given:
            if parameter.default is REQUIRED:
                raise InputError(
                    self.argument,
                    f"{name}() needs the parameter '{key}' ({parameter.help})",
                    remedy=f"Write {name}({key}=...)",
                    **self._received(Call(name, given)),
                )
            return parameter.default
        value = given[key]
        try:
            return _prior(value, parameter) if isinstance(value, Asked) else parameter.check(value)
        except (ValueError, TypeError) as error:
            received: dict[str, Any] = {key: value}
            raise InputError(
                self.argument, f"parameter '{key}' of {name}() {error}", **received
            ) from None

    def _received(self, call: Call) -> dict[str, Any]:
        return {self.argument: str(call)}

    def _expression(self, text: str) -> ast.expr:
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise self._malformed(text)
        try:
            with warnings.catch_warnings():
                # Python warns about '\\d' and '1or', but the user is to see one line.
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
    """Returns the value of a literal; an `Asked` for `unknown` and `unknown(low, high)`."""
    if isinstance(node, ast.Name) and node.id == "unknown":
        return Asked()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "unknown":
        low, high = (ast.literal_eval(bound) for bound in node.args)
        if node.keywords:
            raise ValueError("bounds have no names")
        return Asked((low, high))
    return ast.literal_eval(node)


def _prior(asked: Asked, parameter: Parameter) -> ParameterPrior:
    """Returns the prior of a parameter that is written `unknown`."""
    if parameter.unknown is None:
        raise ValueError("cannot be inferred: it must be given")
    if asked.bounds is None:
        return parameter.unknown
    low, high = (parameter.check(bound) for bound in asked.bounds)
    return parameter.unknown.between(cast(float, low), cast(float, high))
