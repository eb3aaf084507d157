"""Files mapped into memory, so that only the parts in use are read."""

from __future__ import annotations

import mmap
import os
import stat
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError

# Without O_NONBLOCK, opening a pipe would wait forever. O_BINARY exists on Windows only.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def view(data: bytes | memoryview | str | os.PathLike, *, argument: str) -> memoryview:
    """Returns a read-only view of bytes or of a file, without a copy.

    Args:
        data: Bytes, or the path of a file.
        argument: Name of the argument (or flag) that gave the file.

    Raises:
        InputError: the file does not exist, cannot be read, or is empty.

    Example:
        >>> bytes(view(b"abc", argument="generator")[:2])
        b'ab'
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return memoryview(data).cast("B").toreadonly()
    return _mapped(os.fspath(data), argument=argument)


class _File(mmap.mmap):
    """A file that this module has mapped, read-only."""


def _mapped(path: str, *, argument: str) -> memoryview:
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            _check_status(os.fstat(descriptor))
            return memoryview(_File(descriptor, 0, access=mmap.ACCESS_READ))
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        expected = f"must be a file that can be read ({reason})"
        raise InputError(argument, expected, **{argument: path}) from None


def _check_status(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a folder or a device")
    if not status.st_size:
        raise ValueError("it is empty")


def release(part: np.ndarray) -> None:
    """Lets the system take back the memory of a mapped file under the view `part`."""
    base: Any = part
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if not isinstance(base, _File) or not hasattr(base, "madvise"):
        return
    first = np.frombuffer(base, np.uint8).ctypes.data
    start = (part.ctypes.data - first) // mmap.PAGESIZE * mmap.PAGESIZE
    base.madvise(mmap.MADV_DONTNEED, start, part.ctypes.data + part.nbytes - first - start)
