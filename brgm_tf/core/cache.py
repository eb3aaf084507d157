"""The cache folder: its location, its locks, and arrays that are kept in it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping

import filelock
import numpy as np
from absl import logging

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.core.file_locks import NO_LOCKS, file_lock

Progress = Callable[[str], object]


def cache_folder() -> pathlib.Path:
    """Returns the cache folder, which need not exist.

    It is $BRGM_TF_CACHE, else $XDG_CACHE_HOME/brgm_tf, else ~/.cache/brgm_tf.

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict(os.environ, BRGM_TF_CACHE="/data/brgm"):
        ...     str(cache_folder())
        '/data/brgm'
    """
    if given := os.environ.get("BRGM_TF_CACHE"):
        return pathlib.Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG specification says that a relative path is ignored.
    if not base or not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base, "brgm_tf")


@contextlib.contextmanager
def locked(name: str, *, progress: Progress) -> Iterator[pathlib.Path]:
    """Locks `name` against other processes and threads, and yields a scratch folder.

    The operating system releases the lock when a process dies. The next process removes the
    scratch folder of a dead one. On a file system without locks, the caller relies on atomic
    renaming alone.

    Args:
        name: Name of the entry of the cache that is being made.
        progress: Function that is called with one line if another process holds the lock.

    Raises:
        InputError: the cache folder cannot be written.
    """
    cache, prefix = _make_cache(), f".{name}.part-"
    # A soft lock would outlive a dead process.
    lock = file_lock(cache / f".{name}.lock")
    waiting = f"waiting for another process that fetches {name}"
    try:
        if _acquire(lock, on_wait=lambda: progress(waiting)):
            for stale in cache.glob(f"{prefix}*"):
                shutil.rmtree(stale, ignore_errors=True)
        scratch = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=cache))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    finally:
        lock.release()


def _acquire(lock: filelock.BaseFileLock, *, on_wait: Callable[[], object]) -> bool:
    """Waits for a lock; returns False if the file system has none."""
    try:
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            on_wait()
            lock.acquire()
    except NO_LOCKS:
        return False
    return True


def _make_cache() -> pathlib.Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "Permission denied")
    except OSError as error:
        raise InputError(
            "BRGM_TF_CACHE",
            f"must be a folder that can be written ({error.strerror})",
            remedy="Set this environment variable to a folder with write permission",
            BRGM_TF_CACHE=str(folder),
        ) from None
    return folder


def load_arrays(path: pathlib.Path) -> dict[str, np.ndarray] | None:
    """Returns the arrays of an .npz file, or None if the file is missing or damaged."""
    try:
        # np.load does not close a damaged file that it has opened itself.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        return None
    except atomic_files.READ_ERRORS as error:
        logging.warning("%s is damaged and is made again (%s)", path, error)
        return None


def keep_arrays(
    path: pathlib.Path, arrays: Mapping[str, np.ndarray], scratch: pathlib.Path
) -> None:
    """Saves arrays as an .npz file atomically; logs a warning if it cannot be written.

    Args:
        path: Path of the file.
        arrays: Arrays by name, without object types.
        scratch: Folder for the unfinished file, in the same file system.
    """
    try:
        _save_arrays(scratch / "arrays.npz", arrays)
        os.replace(scratch / "arrays.npz", path)
    except OSError as error:
        logging.warning("%s could not be saved (%s)", path, error)


def _save_arrays(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an uncompressed .npz file."""
    # np.savez takes arrays as keywords, and an array may be named like one of its parameters.
    with open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for key, value in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
    atomic_files.sync(path)
