"""Messages for visitors: one line, without a path of the server."""

from __future__ import annotations

import logging
import re

from brgm_tf.core.errors import CombinedInputError, InputError

_LOG = logging.getLogger("brgm_tf.app")
# An absolute path, and the start of a Windows path.
_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:/|\\\\)[^\s'\"`,;()]*[/\\]([^\s'\"`,;()/\\]+)")
_FAILED = "The restoration failed. The log of the server has the reason."


class Refusal(Exception):  # noqa: N818 - not an error of the program
    """A message for a visitor, at a field of the page.

    Args:
        field: Name of the field, such as 'input', 'generator' or 'corruption'.
        text: Message.

    Attributes:
        field: Name of the field.
        text: Message.
    """

    def __init__(self, field: str, text: str):
        super().__init__(field, text)  # pickle repeats the call with these arguments
        self.field, self.text = field, text

    def __str__(self) -> str:
        return self.text


def refusal_of(error: BaseException, *, field: str = "") -> Refusal:
    """Returns the message of an error; an unexpected error is logged and stays private.

    Args:
        error: Error of a visitor's request.
        field: Field of the message; '' for the argument of an `InputError`.

    Example:
        >>> refusal_of(InputError("input", "must exist", path="/tmp/x/photo.png")).text
        "Input must exist. Received: path='photo.png'"
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, CombinedInputError):
        error = error.each[0]
    if isinstance(error, InputError):
        return Refusal(field or error.argument, without_paths(_sentence(error)))
    _LOG.error("a request failed", exc_info=error)
    return Refusal(field, _FAILED)


def without_paths(text: str) -> str:
    """Returns a text in which each absolute path is the name of its file alone.

    Example:
        >>> without_paths("cannot read '/srv/data/a b/x.png' at 1/255")
        "cannot read 'x.png' at 1/255"
    """
    quoted = re.sub(r"'(?:[A-Za-z]:)?[/\\][^'\n]*[/\\]([^'/\\\n]*)'", r"'\1'", text)
    return _PATH.sub(r"\1", quoted)


def _sentence(error: InputError) -> str:
    """Returns the error as a sentence: its argument without backticks, in a capital."""
    text = str(error).removeprefix(f"`{error.argument}` ")
    label = error.argument.replace("_", " ").capitalize()
    return f"{label} {text}"
