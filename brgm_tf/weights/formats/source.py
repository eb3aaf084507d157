"""Files -> memory that is mapped, not read, so that only what is used is fetched."""

from __future__ import annotations

import mmap
import os
import stat

import numpy as np

from brgm_tf.core.errors import InputError

# Without O_NONBLOCK a pipe would be waited for without an end; Windows has O_BINARY.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def view(data: bytes | memoryview | str | os.PathLike, *, argument: str) -> memoryview:
    """The bytes of a file, or of bytes that are given, without a copy; read-only.

    Args:
        data: bytes, or the path of a file.
        argument: name of the argument (or flag) that the file was given by.

    Raises:
        InputError: there is no such file, or it cannot be read, or it is empty.
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return memoryview(data).cast("B").toreadonly()
    return _mapped(os.fspath(data), argument=argument)


class _File(mmap.mmap):
    """A file that was mapped here, and can be read only."""


def _mapped(path: str, *, argument: str) -> memoryview:
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            reason = _unfit(os.fstat(descriptor))
            mapped = None if reason else _File(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    if reason:
        expected = f"must be a file that can be read ({reason})"
        raise InputError(argument, expected, **{argument: path})
    return memoryview(mapped)


def _unfit(status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return "it is a folder or a device"
    return None if status.st_size else "it is empty"


def release(part: np.ndarray) -> None:
    """Lets the system take back the memory of a mapped file that `part` is a view of."""
    base = part
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if not isinstance(base, _File) or not hasattr(base, "madvise"):
        return
    first = np.frombuffer(base, np.uint8).ctypes.data
    start = (part.ctypes.data - first) // mmap.PAGESIZE * mmap.PAGESIZE
    base.madvise(mmap.MADV_DONTNEED, start, part.ctypes.data + part.nbytes - first - start)
