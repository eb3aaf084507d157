"""The folder of a run: made, proved, and written to, with errors that name its flag."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError

ARGUMENT = "output_dir"


def check_writable(folder: str | os.PathLike, *, argument: str = ARGUMENT) -> Path:
    """Creates a folder, with its parents, and proves that files can be written to it.

    Args:
        folder: the folder; '~' is the user's home.
        argument: name of the user's argument, for errors.

    Returns:
        The folder.

    Raises:
        InputError: it cannot be created or written to, or is a file.
    """
    path = expanded(folder)
    try:
        if not os.fspath(folder):
            raise ValueError("the name is empty")
        path.mkdir(parents=True, exist_ok=True)
        probe = atomic_files.temporary_beside(path / "probe")
        probe.touch()
        probe.unlink()
    # ValueError: a name with a null character, or an empty one.
    except (OSError, ValueError) as error:
        raise unwritable(folder, error, argument=argument) from None
    return path


def expanded(folder: str | os.PathLike) -> Path:
    """The folder; '~' is the user's home."""
    return Path(os.path.expanduser(folder))


def write(path: Path, contents: bytes) -> Path:
    """Writes a file whole or not at all; returns it.

    Raises:
        InputError: it cannot be written.
    """
    try:
        atomic_files.write(path, contents)
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def encoded(text: str) -> bytes:
    """Text for a file; file names in it that hold bytes which are no text come out as they were."""
    return text.encode("utf-8", "surrogateescape")


def remove(path: Path) -> None:
    """Removes a file, if it is there.

    Raises:
        InputError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from None


def tidy(folder: Path, names: Iterable[str]) -> None:
    """Removes what an earlier run, killed in the middle of it, left of files with these names.

    Args:
        folder: of the run.
        names: of files that no other process writes; and 'probe', of `check_writable`.

    Raises:
        InputError: a file cannot be removed.
    """
    for name in names:
        for path in atomic_files.leftovers(folder, name):
            remove(path)


def unwritable(path, error: Exception, *, argument: str = ARGUMENT) -> InputError:
    """The error of a file or folder of the run that cannot be written."""
    return InputError(
        argument,
        "must be a folder that can be written to",
        remedy="Give another folder",
        path=os.fspath(path),
        reason=str(error),
    )
