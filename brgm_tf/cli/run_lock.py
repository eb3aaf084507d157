"""The lock of an output folder: only the shards of one run write to it at the same time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import filelock

from brgm_tf.core.errors import InputError
from brgm_tf.core.file_locks import NO_LOCKS, file_lock
from brgm_tf.pipeline import resuming
from brgm_tf.pipeline.sharding import Shard

_NAME = re.compile(r"\.run-(\d+)-of-(\d+)\.lock")


@contextlib.contextmanager
def locked(folder: Path, *, shard: Shard, flags: str) -> Iterator[None]:
    """Locks an output folder against other runs while the context is open.

    The operating system releases the lock of a process that ends in any way. On a file system
    without locks, runs are not distinguished.

    Args:
        folder: folder of the run.
        shard: shard of this process; the other shards of the same flags may write as well.
        flags: text of flags.cfg of this run.

    Raises:
        InputError: another run writes to the folder.
    """
    path = folder / f".run-{shard.index:05}-of-{shard.count:05}.lock"
    lock = file_lock(path, blocking=False)
    try:
        lock.acquire()
        if not path.exists():  # An ending run has removed the file that was opened here.
            lock.release()
            lock.acquire()
    except filelock.Timeout:
        raise _in_use(folder) from None
    except NO_LOCKS:
        yield
        return
    try:
        _check_others(folder, path, shard=shard, flags=flags)
        yield
    finally:
        # The file goes first, so that nobody can lock a file that is about to be removed.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def _check_others(folder: Path, path: Path, *, shard: Shard, flags: str) -> None:
    """Checks that no other process locks the folder, except shards of the same run."""
    for other in folder.glob(".run-*.lock"):
        match = _NAME.fullmatch(other.name)
        if match is None or other == path or not _is_held(other):
            continue
        if int(match[2]) != shard.count:
            raise _in_use(folder)
        try:
            resuming.check_same_run(folder, flags)
        except InputError:
            raise _in_use(folder) from None


def _is_held(path: Path) -> bool:
    """Returns whether a process holds a lock; removes the file of a dead process."""
    lock = file_lock(path, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except NO_LOCKS:
        return False
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    lock.release()
    return False


def _in_use(folder: Path) -> InputError:
    return InputError(
        "output_dir",
        "must not be in use by another run",
        remedy="Wait for that run, give another folder, or divide one run by --shard",
        output_dir=str(folder),
    )
