"""What reading one file may cost, and the one error that it may end in."""

from __future__ import annotations

import contextlib

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats.records import Global, Record, name_of

# The pickled networks of stylegan2-ada-pytorch, of 160 instructions a tensor, take a fifth
# of these. An instruction makes an object of at most 230 bytes, which bounds the memory,
# in a microsecond or two, which bounds the time.
MAX_STEPS = 500_000
_SPARE_BYTES = 16 * 2**20
# Tuples are left out: their hash recurses without a bound, and can be made to collide.
_KEY_TYPES = frozenset([str, bytes, int, float, bool, type(None), Record, Global])
_KEY_BITS = 64


class RefusedError(Exception):
    """The file is understood, and holds what is not read; the message says what."""


class Limits:
    """Instructions and bytes that are left for reading a file.

    Args:
        size: the file's size in bytes. Arrays are views of the file where they can be;
            what must be copied may take as many bytes again.
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
        """Counts bytes that are about to be copied."""
        self._bytes -= size
        if self._bytes < 0:
            raise RefusedError("more data than the size of the file accounts for")


def checked_key(key: object) -> object:
    """Returns a key of a dict, or an element of a set, if its hash takes bounded time."""
    if type(key) not in _KEY_TYPES:
        raise RefusedError(f"{name_of(key)} as a key")
    # Larger integers can be chosen to collide, which takes quadratic time.
    if type(key) is int and key.bit_length() > _KEY_BITS:
        raise RefusedError("a large integer as a key")
    return key


@contextlib.contextmanager
def one_error(argument: str):
    """Turns whatever a hostile or damaged file makes Python raise into an InputError."""
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
    """The message without control characters and lone surrogates."""
    return ascii(str(error)[:300])[1:-1]
