"""Files: written whole or not at all, and their checksums."""

from __future__ import annotations

import hashlib
import os
import secrets
import tarfile
import zipfile
import zlib
from pathlib import Path

# What reading a damaged file or archive raises.
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
    """Writes a file, or replaces one: nobody sees a part of it, whatever happens meanwhile.

    Args:
        path: the file; its folder must exist.
        contents: all of it.

    Raises:
        OSError: it cannot be written; a file that was there is kept.
    """
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(contents)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(path: Path) -> Path:
    """A new name in the folder of `path`: os.replace is atomic only within a file system."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def leftovers(folder: Path, name: str = "*") -> list[Path]:
    """What processes that were killed while they wrote a file have left beside it.

    Only for a folder, or a file, that no other process writes at the same time.

    Args:
        folder: in which to look; it may not be there.
        name: of the file that was being written; '*': any.
    """
    return list(folder.glob(f".{name}.{'[0-9a-f]' * 8}.tmp"))


def sha256(path: Path) -> str:
    """The checksum of a file's contents, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Waits until the disk has a file's contents, before it is renamed into its place.

    A machine that goes down must not leave a renamed file without its contents.
    """
    with open(path, "rb") as file:
        os.fsync(file.fileno())
