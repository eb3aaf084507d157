"""Locks that end with the process that holds them."""

from __future__ import annotations

import os

import filelock

# Errors of a file system without locks, such as some network file systems. `filelock.Timeout`,
# for a lock of another process, is an OSError as well: catch it first.
NO_LOCKS = (OSError, NotImplementedError)


def file_lock(path: str | os.PathLike, *, blocking: bool = True) -> filelock.BaseFileLock:
    """Returns a lock of the operating system on a file.

    A soft lock of `filelock`, which is a file alone, would outlive a dead process.

    Args:
        path: Path of the file, which is created.
        blocking: Whether to wait for a process that holds the lock. Otherwise `filelock.Timeout` is
            raised.
    """
    return filelock.FileLock(path, blocking=blocking, fallback_to_soft=False)
