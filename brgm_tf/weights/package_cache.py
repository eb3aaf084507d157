"""Folders of the cache that hold the files of packages, and checks of these files."""

from __future__ import annotations

import pathlib

from brgm_tf.core import atomic_files
from brgm_tf.core.cache import cache_folder
from brgm_tf.weights.package_table import Package


def folder_of(name: str, package: Package) -> pathlib.Path:
    """Returns the folder of the weights `name`, which need not exist."""
    # The checksum in the name gives a changed row a new folder.
    return cache_folder() / f"{name}-{package.sha256[:12]}"


def find_problem(folder: pathlib.Path, package: Package, *, hashes: bool = True) -> str | None:
    """Returns None for a complete folder, '' for a missing one, else a description of the problem.

    Args:
        folder: Path of the folder.
        package: Row of the table with sizes and checksums.
        hashes: Whether checksums are compared; sizes always are.
    """
    if not folder.is_dir():
        return ""
    for path, member in package.members.items():
        file = folder / path
        try:
            size = file.stat().st_size
            sha256 = atomic_files.sha256(file) if hashes and size == member.size else member.sha256
        except OSError as error:
            return f"{file} cannot be read ({error.strerror})"
        if size != member.size:
            return f"{file} has {size} bytes, expected {member.size}"
        if sha256 != member.sha256:
            return f"{file} has sha256 {sha256}, expected {member.sha256}"
    return None
