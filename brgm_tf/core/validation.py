"""Checks of single values: each maps what was given to what is used, or says what it must be.

A check raises ValueError with a phrase such as 'must be a positive integer'; `checked` makes it
the user's error.
"""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import ParameterPrior

MAX_INT = 2**31 - 1  # sizes are int32 in TensorFlow


def checked(
    argument: str, value: object, check: Callable[[object], object], *, inferable: bool = False
):
    """Returns `check(value)`; for constructors that are called without a registry.

    Args:
        argument: name of the argument, for errors.
        value: what was given.
        check: maps it to what is used.
        inferable: whether it may be an `ParameterPrior`, which is returned if its bounds pass.

    Raises:
        InputError: the check refuses the value.
    """
    try:
        if inferable and isinstance(value, ParameterPrior):
            for bound in value.bounds if math.isfinite(value.bounds[1]) else ():
                check(bound)
            return value
        return check(value)
    except (ValueError, TypeError) as error:
        raise InputError(argument, str(error), **{argument: value}) from None


def _is(kind: type, value: object) -> bool:
    # numbers.* so that NumPy's scalars pass; bool is an int in Python, not here.
    return isinstance(value, kind) and not isinstance(value, bool)


def _real(value: object) -> float:
    """The value as a float, NaN where it is no real number: NaN fails every comparison."""
    try:
        return float(value) if _is(numbers.Real, value) else math.nan
    except OverflowError:  # an integer beyond the floats
        return math.nan


def positive_int(value) -> int:
    """Checks a positive integer parameter (of 32 bits)."""
    if not _is(numbers.Integral, value) or not 1 <= value <= MAX_INT:
        raise ValueError("must be a positive integer")
    return int(value)


def even(value) -> int:
    """Checks a positive, even integer parameter."""
    if not _is(numbers.Integral, value) or not 2 <= value <= MAX_INT or value % 2:
        raise ValueError("must be a positive, even integer")
    return int(value)


def positive_float(value) -> float:
    """Checks a positive, finite number parameter."""
    real = _real(value)
    if not 0 < real < math.inf:
        raise ValueError("must be a positive number")
    return real


def ratio(value) -> int | float:
    """Checks a number of at least 1; a whole number becomes an integer."""
    real = _real(value)
    if not 1 <= real <= MAX_INT:
        raise ValueError("must be a number of at least 1")
    return int(real) if real.is_integer() else real


def fraction(value) -> float:
    """Checks a number parameter between 0 and 1, both excluded."""
    real = _real(value)
    if not 0 < real < 1:
        raise ValueError("must be a number between 0 and 1, both excluded")
    return real


def integer(low: int, high: int) -> Callable[[object], int]:
    """Returns a check for an integer in [low, high]."""

    def check(value) -> int:
        if not _is(numbers.Integral, value) or not low <= value <= high:
            raise ValueError(f"must be an integer in [{low}, {high}]")
        return int(value)

    return check


def number(low: float, high: float) -> Callable[[object], float]:
    """Returns a check for a number in [low, high]."""

    def check(value) -> float:
        real = _real(value)
        if not low <= real <= high:
            raise ValueError(f"must be a number in [{low}, {high}]")
        return real

    return check


def boolean(value) -> bool:
    """Checks True or False; 0 and 1 are neither."""
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def file_name(*suffixes: str) -> Callable[[object], str]:
    """Returns a check for the path of a file with one of a few suffixes, in any case.

    Whether there is such a file is for those to say who open it.
    """

    def check(value) -> str:
        if not isinstance(value, str | os.PathLike) or not os.fspath(value).lower().endswith(
            suffixes
        ):
            raise ValueError("must be the path of a file that ends in " + " or ".join(suffixes))
        return os.fspath(value)

    return check


def optional(check: Callable[[object], object]) -> Callable[[object], object]:
    """Returns a check for None or what another check accepts."""

    def check_or_none(value):
        if value is None:
            return None
        try:
            return check(value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{error}, or None") from None

    return check_or_none


def either(*checks: Callable[[object], object]) -> Callable[[object], object]:
    """Returns a check for what one of several checks accepts, the first that does."""

    def check_any(value):
        reasons = []
        for check in checks:
            try:
                return check(value)
            except (ValueError, TypeError) as error:
                reasons.append(str(error).removeprefix("must be "))
        raise ValueError("must be " + ", or ".join(reasons))

    return check_any


def one_of(*choices: str) -> Callable[[object], str]:
    """Returns a check for one of a few words."""

    def check(value) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return value

    return check


def boxes(value) -> tuple[tuple[float, float, float, float], ...]:
    """Checks a list of boxes (top, left, bottom, right) in fractions of the image's sides."""
    try:
        found = tuple(tuple(map(_real, box)) for box in value)
        fit = all(0 <= t < b <= 1 and 0 <= x < r <= 1 for t, x, b, r in found)
    except (TypeError, ValueError):
        fit = False
    if not fit or not found:
        raise ValueError(
            "must be a list of boxes [(top, left, bottom, right), ...] with "
            "0 <= top < bottom <= 1 and 0 <= left < right <= 1"
        )
    return found
