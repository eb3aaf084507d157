"""The one error that a user's value can cause, and its one-line form; and that of numbers."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(ValueError):
    """A value given by the user cannot be used.

    The message is one line: the argument in backticks, what was expected, the
    remedy and the value received. The command prints it without a traceback.

    Attributes:
        argument: name of the argument (and of the flag) at fault.
    """

    def __init__(self, argument: str, expected: str, *, remedy: str = "", **received):
        self.argument = argument
        self._parts = expected, remedy, received
        shown = ", ".join(f"{name}={value!r}" for name, value in received.items())
        parts = [f"`{argument}` {expected}."]
        if remedy:
            parts.append(f"{remedy}.")
        if shown:
            parts.append(f"Received: {shown}")
        super().__init__(" ".join(" ".join(parts).split()))

    def at(self, place: str) -> InputError:
        """The same error, which says first where in the argument it is."""
        expected, remedy, received = self._parts
        return InputError(self.argument, f"{place}: {expected}", remedy=remedy, **received)


class NotFiniteError(FloatingPointError):
    """A term of an image is infinite or no number.

    Attributes:
        images: places in the batch.
    """

    def __init__(self, message: str, *, images: Sequence[int]):
        super().__init__(message)
        self.images = tuple(images)
