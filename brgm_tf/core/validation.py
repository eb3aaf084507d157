"""Checks of single values.

A check is a function from the given value to the value used. It raises ValueError with a phrase
such as 'must be a positive integer', which `checked` turns into an `InputError`. `domain_of` tells
the accepted values, so that a page can offer them.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import os
import weakref
from collections.abc import Callable, MutableMapping
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import ParameterPrior

MAX_INT = 2**31 - 1  # sizes are int32 in TensorFlow


@dataclasses.dataclass(frozen=True)
class Domain:
    """Values that a check accepts.

    Args:
        low: Lower bound of numbers.
        high: Upper bound of numbers; infinite without one.
        is_integer: Whether the numbers are integers.
        choices: Accepted words; () for numbers.
        is_boolean: Whether the values are True and False.
    """

    low: float = -math.inf
    high: float = math.inf
    is_integer: bool = False
    choices: tuple[str, ...] = ()
    is_boolean: bool = False


_DOMAINS: MutableMapping[Callable, Domain] = weakref.WeakKeyDictionary()


def domain_of(check: Callable[[Any], Any]) -> Domain | None:
    """Returns the values that a check of this module accepts; None for another check.

    Example:
        >>> domain_of(number(0, 255)).high
        255
        >>> domain_of(one_of("left", "right")).choices
        ('left', 'right')
    """
    return _DOMAINS.get(check)


def _accepts(domain: Domain) -> Callable[[Callable], Callable]:
    """Returns a decorator that registers the values that a check accepts."""

    def register(check: Callable) -> Callable:
        _DOMAINS[check] = domain
        return check

    return register


def checked(
    argument: str, value: Any, check: Callable[[Any], Any], *, inferable: bool = False
) -> Any:
    """Returns `check(value)`, or raises an error that names the argument.

    Args:
        argument: Name of the argument, for errors.
        value: Given value.
        check: Function from the given value to the value used.
        inferable: Whether the value may be a `ParameterPrior`, which is returned if its bounds pass
            the check. Default False.

    Raises:
        InputError: The check refuses the value.
    """
    try:
        if inferable and isinstance(value, ParameterPrior):
            for bound in value.bounds if math.isfinite(value.bounds[1]) else ():
                check(bound)
            return value
        return check(value)
    except (ValueError, TypeError) as error:
        received: dict[str, Any] = {argument: value}
        raise InputError(argument, str(error), **received) from None


def _is(kind: type, value: object) -> bool:
    # numbers.*, because NumPy's scalars must pass. A bool is an int in Python, but not here.
    return isinstance(value, kind) and not isinstance(value, bool)


def _real(value: Any) -> float:
    """Returns a float; NaN, which fails every comparison, unless the value is a real number."""
    try:
        return float(value) if _is(numbers.Real, value) else math.nan
    except OverflowError:  # an integer above the largest float
        return math.nan


@_accepts(Domain(1, MAX_INT, is_integer=True))
def positive_int(value: Any) -> int:
    """Checks a positive integer of at most 31 bits."""
    if not _is(numbers.Integral, value) or not 1 <= value <= MAX_INT:
        raise ValueError("must be a positive integer")
    return int(value)


def even(value: Any) -> int:
    """Checks a positive, even integer of at most 31 bits."""
    if not _is(numbers.Integral, value) or not 2 <= value <= MAX_INT or value % 2:
        raise ValueError("must be a positive, even integer")
    return int(value)


@_accepts(Domain(0))
def positive_float(value: Any) -> float:
    """Checks a positive, finite number."""
    real = _real(value)
    if not 0 < real < math.inf:
        raise ValueError("must be a positive number")
    return real


@_accepts(Domain(1, MAX_INT))
def ratio(value: Any) -> int | float:
    """Checks a number of at least 1; a whole number becomes an integer."""
    real = _real(value)
    if not 1 <= real <= MAX_INT:
        raise ValueError("must be a number of at least 1")
    return int(real) if real.is_integer() else real


@_accepts(Domain(0, 1))
def fraction(value: Any) -> float:
    """Checks a number between 0 and 1, both excluded."""
    real = _real(value)
    if not 0 < real < 1:
        raise ValueError("must be a number between 0 and 1, both excluded")
    return real


def integer(low: int, high: int) -> Callable[[Any], int]:
    """Returns a check for an integer in [low, high]."""

    @_accepts(Domain(low, high, is_integer=True))
    def check(value) -> int:
        if not _is(numbers.Integral, value) or not low <= value <= high:
            raise ValueError(f"must be an integer in [{low}, {high}]")
        return int(value)

    return check


def number(low: float, high: float) -> Callable[[Any], float]:
    """Returns a check for a number in [low, high]."""

    @_accepts(Domain(low, high))
    def check(value) -> float:
        real = _real(value)
        if not low <= real <= high:
            raise ValueError(f"must be a number in [{low}, {high}]")
        return real

    return check


@_accepts(Domain(is_boolean=True))
def boolean(value: Any) -> bool:
    """Checks True or False; 0 and 1 are neither."""
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def file_name(*suffixes: str) -> Callable[[Any], str]:
    """Returns a check for the path of a file with one of several suffixes, in any case.

    The check does not look for the file.
    """

    def check(value) -> str:
        if not isinstance(value, str | os.PathLike) or not os.fspath(value).lower().endswith(
            suffixes
        ):
            raise ValueError("must be the path of a file that ends in " + " or ".join(suffixes))
        return os.fspath(value)

    return check


def optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Returns a check for None, or for the values that another check accepts."""

    def check_or_none(value):
        if value is None:
            return None
        try:
            return check(value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{error}, or None") from None

    if (domain := domain_of(check)) is not None:
        _DOMAINS[check_or_none] = domain
    return check_or_none


def either(*checks: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Returns a check that uses the first of several checks that accepts the value.

    Its domain is the domain of the first check.
    """

    def check_any(value):
        reasons = []
        for check in checks:
            try:
                return check(value)
            except (ValueError, TypeError) as error:
                reasons.append(str(error).removeprefix("must be "))
        raise ValueError("must be " + ", or ".join(reasons))

    if (domain := domain_of(checks[0])) is not None:
        _DOMAINS[check_any] = domain
    return check_any


def one_of(*choices: str) -> Callable[[Any], str]:
    """Returns a check for one of several words."""

    @_accepts(Domain(choices=choices))
    def check(value) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return value

    return check


def boxes(value: Any) -> tuple[tuple[float, float, float, float], ...]:
    """Checks a list of boxes (top, left, bottom, right) in fractions of the image's sides."""
    try:
        numbers_of_boxes = [tuple(map(_real, box)) for box in value]
        result = tuple((top, left, bottom, right) for top, left, bottom, right in numbers_of_boxes)
        is_valid = all(0 <= t < b <= 1 and 0 <= x < r <= 1 for t, x, b, r in result)
    except (TypeError, ValueError):
        is_valid = False
    if not is_valid or not result:
        raise ValueError(
            "must be a list of boxes [(top, left, bottom, right), ...] with "
            "0 <= top < bottom <= 1 and 0 <= left < right <= 1"
        )
    return result
