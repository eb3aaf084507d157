"""Output folder of a run: creation, checks and writing, with errors that name its flag."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError

ARGUMENT = "output_dir"


def check_writable(folder: str | os.PathLike, *, argument: str = ARGUMENT) -> Path:
    """Creates a folder with its parents, and checks that files can be written to it.

    Args:
        folder: Path of the folder; '~' is the user's home.
        argument: Name of the user's argument, for errors.

    Returns:
        Path of the folder.

    Raises:
        InputError: the folder cannot be created or written to, or is a file.

    Example:
        >>> import tempfile
        >>> check_writable(Path(tempfile.mkdtemp(), "results")).name
        'results'
    """
    path = expanded(folder)
    try:
        if not os.fspath(folder):
            raise ValueError("the name is empty")
        path.mkdir(parents=True, exist_ok=True)
        probe = atomic_files.temporary_beside(path / "probe")
        probe.touch()
        probe.unlink()
    # ValueError: the name has a null character, or is empty.
    except (OSError, ValueError) as error:
        raise unwritable(folder, error, argument=argument) from None
    return path


def expanded(folder: str | os.PathLike) -> Path:
    """Returns the path with '~' replaced by the user's home."""
    return Path(os.path.expanduser(folder))


def write(path: Path, contents: bytes) -> Path:
    """Writes a file atomically and returns its path.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        atomic_files.write(path, contents)
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def encoded(text: str) -> bytes:
    """Encodes text as UTF-8; bytes of file names that are not text are restored unchanged."""
    return text.encode("utf-8", "surrogateescape")


def remove(path: Path) -> None:
    """Removes a file if it exists.

    Raises:
        InputError: the file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from None


def tidy(folder: Path, names: Iterable[str]) -> None:
    """Removes temporary files that an interrupted run left in a folder.

    Args:
        folder: Path of the run's folder.
        names: Names of the files that were being written, which no other process may write;
            'probe' stands for the file of `check_writable`.

    Raises:
        InputError: a file cannot be removed.
    """
    for name in names:
        for path in atomic_files.leftovers(folder, name):
            remove(path)


def unwritable(
    path: str | os.PathLike, error: Exception, *, argument: str = ARGUMENT
) -> InputError:
    """Returns the error for a file or folder that cannot be written."""
    return InputError(
        argument,
        "must be a folder that can be written to",
        remedy="Give another folder",
        path=os.fspath(path),
        reason=str(error),
    )
