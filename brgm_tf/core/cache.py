"""The cache's folder: its place, its locks, checks of its files, arrays kept in it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO

import numpy as np
from absl import logging

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError

try:
    import fcntl
except ImportError:  # Not a POSIX system: what is renamed into place is whole all the same.
    fcntl = None


Progress = Callable[[str], object]


def cache_folder() -> pathlib.Path:
    """Returns the cache's folder, which need not exist.

    It is $BRGM_TF_CACHE, else $XDG_CACHE_HOME/brgm_tf, else ~/.cache/brgm_tf.
    """
    if given := os.environ.get("BRGM_TF_CACHE"):
        return pathlib.Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG specification has a relative path ignored.
    if not base or not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base, "brgm_tf")


@contextlib.contextmanager
def locked(name: str, *, progress: Progress) -> Iterator[pathlib.Path]:
    """Keeps others from working on `name`, and gives a scratch folder for that time.

    The lock goes with the process that holds it, so none is left behind by one that dies.
    What such a process left in its scratch folder is cleared away by the next one.
    """
    cache, prefix = _make_cache(), f".{name}.part-"
    with open(cache / f".{name}.lock", "ab") as file:
        if _lock(file, lambda: progress(f"waiting for another process that fetches {name}")):
            for stale in cache.glob(f"{prefix}*"):
                shutil.rmtree(stale, ignore_errors=True)
        scratch = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=cache))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _lock(file: IO[bytes], busy: Callable[[], object]) -> bool:
    """Waits for the lock of `file`; False where there are none, and renames must do."""
    if fcntl is None:
        return False
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # Some network file systems have no locks.
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
            remedy="Set this environment variable to one",
            BRGM_TF_CACHE=str(folder),
        ) from None
    return folder


def load_arrays(path: pathlib.Path) -> dict[str, np.ndarray] | None:
    """Returns the arrays of an .npz file, or None if it is missing or damaged."""
    try:
        # np.load leaves a damaged file open that it has opened itself.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        return None
    except atomic_files.READ_ERRORS as error:
        logging.warning("%s is damaged and made again (%s)", path, error)
        return None


def keep_arrays(
    path: pathlib.Path, arrays: Mapping[str, np.ndarray], scratch: pathlib.Path
) -> None:
    """Puts the arrays into place as an .npz file; that it cannot be is a warning only."""
    try:
        _save_arrays(scratch / "arrays.npz", arrays)
        os.replace(scratch / "arrays.npz", path)
    except OSError as error:
        logging.warning("%s could not be kept (%s)", path, error)


def _save_arrays(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an uncompressed .npz file."""
    # np.savez takes keywords, and some array's name would be one of its own.
    with open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for key, value in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
    atomic_files.sync(path)
