"""Atomic writing of files, and checksums."""

from __future__ import annotations

import hashlib
import os
import secrets
import tarfile
import zipfile
import zlib
from pathlib import Path

# Exceptions that readers raise for a damaged file or archive.
READ_ERRORS = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def write(path: Path, contents: bytes) -> None:
    """Writes or replaces a file atomically: other processes see all of it or nothing.

    Args:
        path: Path of the file; its folder must exist.
        contents: Contents of the file.

    Raises:
        OSError: the file cannot be written; an existing file is kept.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "notes.txt")
        >>> write(path, b"whole")
        >>> path.read_text()
        'whole'
    """
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(contents)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(path: Path) -> Path:
    """Returns a new name in the folder of `path`.

    A temporary file must lie in the same file system because os.replace is atomic only there.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def leftovers(folder: Path, name: str = "*") -> list[Path]:
    """Returns the temporary files that killed processes left.

    No other process may write the file, or to the folder, at the same time.

    Args:
        folder: Path of the folder, which need not exist.
        name: Name of the file that was being written; '*' stands for any file.
    """
    return list(folder.glob(f".{name}.{'[0-9a-f]' * 8}.tmp"))


def sha256(path: Path) -> str:
    """Returns the checksum of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Waits until the contents of a file are on the disk, before the file is renamed.

    After a crash of the machine, a renamed file must not lack its contents.
    """
    with open(path, "rb") as file:
        os.fsync(file.fileno())
