"""Errors: `InputError` for values that the user gives, `CombinedInputError` for several of them,
and `NotFiniteError` for computed numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class InputError(ValueError):
    """A value given by the user cannot be used.

    The message is one line: the argument in backticks, the expectation, the remedy and the value
    received. The command prints it without a traceback.

    Args:
        argument: Name of the argument, which is also the name of the flag.
        expected: Expectation, such as 'must be positive'.
        remedy: Advice for the user.
        **received: Values to show, by their names.

    Attributes:
        argument: Name of the argument.

    Example:
        >>> str(InputError("factor", "must be positive", remedy="Give 4", factor=-1))
        '`factor` must be positive. Give 4. Received: factor=-1'
    """

    def __init__(self, argument: str, expected: str, *, remedy: str = "", **received: object):
        self.argument = argument
        self._parts = expected, remedy, received
        shown = ", ".join(f"{name}={value!r}" for name, value in received.items())
        parts = [f"`{argument}` {expected}."]
        if remedy:
            parts.append(f"{remedy}.")
        if shown:
            parts.append(f"Received: {shown}")
        super().__init__(" ".join(" ".join(parts).split()))

    def of(self, argument: str) -> InputError:
        """Returns the same error for another argument.

        Example:
            >>> str(InputError("input", "must exist").of("masks"))
            '`masks` must exist.'
        """
        expected, remedy, received = self._parts
        return InputError(argument, expected, remedy=remedy, **received)

    def at(self, location: str) -> InputError:
        """Returns the same error with a location in the argument.

        Example:
            >>> str(InputError("input", "must be square").at("image 3"))
            '`input` image 3: must be square.'
        """
        expected, remedy, received = self._parts
        return InputError(self.argument, f"{location}: {expected}", remedy=remedy, **received)


class CombinedInputError(InputError):
    """Several values cannot be used. The message has a line for each.

    Args:
        each: The errors, at least one.

    Attributes:
        argument: Name of the argument of the first error.
        each: The errors.

    Example:
        >>> first, second = (InputError("input", f"must hold {name}") for name in "ab")
        >>> print(CombinedInputError([first, second]))
        `input` must hold a.
        `input` must hold b.
    """

    def __init__(self, each: Sequence[InputError]):
        self.argument, self.each = each[0].argument, tuple(each)
        self._parts = each[0]._parts
        ValueError.__init__(self, "\n".join(map(str, each)))


def one_line(error: BaseException) -> str:
    """Returns an error as one line of text; other errors than `InputError` have their type.

    Example:
        >>> one_line(OSError("disk  full")), one_line(InputError("seed", "must be small"))
        ('OSError: disk full', '`seed` must be small.')
    """
    text = " ".join(str(error).split())
    if isinstance(error, InputError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class NotFiniteError(FloatingPointError):
    """A term of an image is infinite or NaN.

    Args:
        message: Text of the error.
        images: Indices of the images in the batch.

    Attributes:
        images: Indices of the images in the batch.
    """

    def __init__(self, message: str, *, images: Iterable[int]):
        super().__init__(message)
        self.images = tuple(images)
