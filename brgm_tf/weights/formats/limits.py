"""Limits of time and memory for reading one file, and its one error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats.records import Global, Record, name_of

# Pickled networks of stylegan2-ada-pytorch have 160 instructions per tensor and take a fifth of
# this number. An instruction takes a microsecond or two and makes an object of at most 230 bytes,
# which bounds time and memory.
MAX_STEPS = 500_000
_SPARE_BYTES = 16 * 2**20
# Tuples are not allowed: their hash recurses without a bound, and can be made to collide.
_KEY_TYPES = frozenset([str, bytes, int, float, bool, type(None), Record, Global])
_KEY_BITS = 64


class RefusedError(Exception):
    """The file is intact and holds data of a kind that is not read; the message names the data."""


class Limits:
    """Numbers of instructions and bytes that are left for reading a file.

    Args:
        size: Size of the file in bytes. Copied data may take as many bytes again; most arrays are
            views of the file.

    Example:
        >>> Limits(1000).charge(2**20)  # within the spare bytes
    """

    def __init__(self, size: int):
        self._steps = MAX_STEPS
        self._bytes = size + _SPARE_BYTES

    def step(self) -> None:
        """Counts an instruction."""
        self._steps -= 1
        if self._steps < 0:
            raise RefusedError(f"more than {MAX_STEPS} instructions")

    def charge(self, size: int) -> None:
        """Counts bytes before they are copied."""
        self._bytes -= size
        if self._bytes < 0:
            raise RefusedError("more data than the size of the file accounts for")


def check_key(key: object) -> object:
    """Returns a key of a dict or an element of a set, if its hash takes bounded time."""
    if type(key) not in _KEY_TYPES:
        raise RefusedError(f"{name_of(key)} as a key")
    # Larger integers can be chosen so that they collide, which takes quadratic time.
    if isinstance(key, int) and key.bit_length() > _KEY_BITS:
        raise RefusedError("a large integer as a key")
    return key


@contextlib.contextmanager
def one_error(argument: str) -> Iterator[None]:
    """Turns every exception that a hostile or damaged file causes into an InputError.

    Args:
        argument: Name of the argument (or flag) that gave the file.
    """
    try:
        yield
    except InputError:
        raise
    except RefusedError as error:
        raise InputError(
            argument,
            f"must be a checkpoint of arrays, and it holds {_plain(error)}",
            remedy="Give a file of numeric arrays with names; nothing else in it is read",
        ) from None
    except Exception as error:
        reason = f"{type(error).__name__}: {_plain(error)}"
        raise InputError(
            argument,
            f"must be a whole file, and reading it failed ({reason})",
            remedy="Copy or fetch the file again",
        ) from None


def _plain(error: Exception) -> str:
    """Returns the message without control characters and lone surrogates."""
    return ascii(str(error)[:300])[1:-1]
