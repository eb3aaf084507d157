"""Options of the network in a file; every option is checked, and unknown ones are refused."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import one_of

_MAX_TAPS = 64
_MAX_TAP = 1e6
# A larger size is damage, or meant to use up memory.
_MAX_SIZE = 2**16
_MAX_LAYERS = 64
_REFUSED = object()


class Options:
    """Options by name, taken one by one.

    Args:
        values: Options in the file.
        argument: Name of the argument (or flag) that gave the file.
        origin: Description of the format, such as 'a rosinality checkpoint'.

    Raises:
        InputError: the options have no names.

    Example:
        >>> options = Options({"w_dim": 512}, argument="generator", origin="a pickle")
        >>> options.take("w_dim", None, size), options.take("z_dim", 64, size)
        (512, 64)
        >>> options.finish()
    """

    def __init__(self, values: object, *, argument: str, origin: str):
        self._argument = argument
        self._origin = origin
        if not isinstance(values, Mapping):
            raise self._refusal("whose options must be named", values)
        self._values = dict(values)

    def take(self, name: str, default: Any, check: Callable, *, none: Any = _REFUSED) -> Any:
        """Removes and returns an option.

        Args:
            name: Name of the option.
            default: Value if the file does not have the option.
            check: Function that returns the value to use, or raises ValueError with a phrase.
            none: Value that None stands for, also as the default; by default None is refused.

        Raises:
            InputError: the check refuses the value.
        """
        value = self._values.pop(name, default)
        if value is None and none is not _REFUSED:
            return none
        try:
            return check(value)
        except ValueError as error:
            raise self._refusal(f"whose option {name} {error}", value) from None

    def require(self, name: str, value: int | None) -> None:
        """Removes an option for which only one value is supported.

        Raises:
            InputError: the file has another value.
        """
        given = self._values.pop(name, value)
        if not isinstance(given, bool | int | float | None) or given != value:
            raise self._refusal(f"whose option {name} must be {value}", given)

    def ignore(self, *names: str) -> None:
        """Removes options that do not change the network."""
        for name in names:
            self._values.pop(name, None)

    def finish(self) -> None:
        """Checks that every option was taken.

        Raises:
            InputError: an option is unknown.
        """
        for name, value in self._values.items():
            shown = f"{name[:80]!a}" if isinstance(name, str) else "whose name is not text"
            raise self._refusal(f"with an unknown option {shown}", value)

    def _refusal(self, problem: str, value: object) -> InputError:
        return InputError(
            self._argument,
            f"must be a network that can be built here, and this is {self._origin} {problem}",
            value=_plain(value),
        )


def _plain(value: object) -> object:
    """Returns a value that is short to print; else its type, because it may contain itself."""
    if isinstance(value, float | bool | None) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return value[:80] if isinstance(value, str) else f"<{type(value).__name__}>"


def _integer(value, *, low: int, high: int) -> int:
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or not low <= value <= high:
        raise ValueError(f"must be an integer from {low} to {high}")
    return int(value)


def size(value) -> int:
    """Checks a positive number of features."""
    return _integer(value, low=1, high=_MAX_SIZE)


def size_or_zero(value) -> int:
    """Checks a number of features that may be 0."""
    return _integer(value, low=0, high=_MAX_SIZE)


def capacity(value) -> int:
    """Checks the number of features at resolution 1; resolution r has 1 / r of it."""
    return _integer(value, low=1, high=2**26)


def layers(value) -> int:
    """Checks a number of layers."""
    return _integer(value, low=1, high=_MAX_LAYERS)


def resolution(value) -> int:
    """Checks a power of two from 4 to 1024."""
    value = _integer(value, low=4, high=1024)
    if value & (value - 1):
        raise ValueError("must be a power of two")
    return value


def channels(value) -> int:
    """Checks the channels of a grey or RGB image."""
    value = _integer(value, low=1, high=3)
    if value == 2:
        raise ValueError("must be 1 (grey) or 3 (RGB)")
    return value


def kernel(value) -> int:
    """Checks an odd size of a kernel."""
    value = _integer(value, low=1, high=15)
    if value % 2 == 0:
        raise ValueError("must be odd")
    return value


def switch(value) -> bool:
    """Checks True or False."""
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def taps(value) -> list:
    """Checks a one- or two-dimensional filter whose sum is not zero."""
    rows = value if _is_list(value) and all(map(_is_list, value)) else [value]
    if not all(_is_list(row) and all(map(_is_tap, row)) for row in rows):
        raise ValueError("must be a filter of a few numbers")
    listed = [[float(tap) for tap in row] for row in rows]
    if len({len(row) for row in listed}) != 1 or sum(map(sum, listed)) == 0:
        raise ValueError("must be a filter whose sum is not zero")
    return listed[0] if rows[0] is value else listed


def _is_list(value) -> bool:
    return isinstance(value, list | tuple) and 0 < len(value) <= _MAX_TAPS


def _is_tap(value) -> bool:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and abs(value) <= _MAX_TAP


activation = one_of(
    "linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish"
)
architecture = one_of("skip", "resnet", "orig")
