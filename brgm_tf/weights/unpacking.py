"""Archives of one model (tar, tar.gz, zip) -> the folder or file of the model, unpacked once.

An archive may come from anybody. Only plain files and folders below the target are written: no
links, no devices, and no paths that lead out of it. The number of bytes is limited to a few times
the size of the archive.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from absl import logging

from brgm_tf.core import atomic_files, cache
from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import detect, source
from brgm_tf.weights.formats.archive import Window
from brgm_tf.weights.formats.limits import RefusedError

_GZIP = b"\x1f\x8b"
_USTAR = slice(257, 262)
_CHUNK = 2**20
_MAX_ENTRIES = 10_000
# Weights hardly shrink when they are compressed; graphs shrink by a factor of ten.
_MAX_RATIO = 20
_SPARE_BYTES = 64 * 2**20
_ERRORS = (*atomic_files.READ_ERRORS, RefusedError, RuntimeError, zlib.error)

# Names and contents of an archive; None stands for a folder.
_Entries = Iterator[tuple[str, IO[bytes] | None]]


def unpack_model(
    path: Path, *, progress: Progress | None = None, argument: str = "generator"
) -> Path:
    """Returns the model in an archive, unpacked into the cache; returns other paths unchanged.

    Args:
        path: Path of a file or folder.
        progress: Function that is called with one line for each message; the default logs it.
        argument: Name of the argument (or flag) that gave the path.

    Returns:
        Folder with a SavedModel or a preset, or the only file of the archive.

    Raises:
        InputError: the archive is damaged, or does not hold exactly one model.
    """
    read_entries = _reader(path, argument=argument)
    if read_entries is None:
        return path
    progress = progress or logging.warning
    target = cache.cache_folder() / f"{atomic_files.sha256(path)[:16]}-unpacked"
    if not target.is_dir():
        with cache.locked(target.name, progress=progress) as scratch:
            # Another process may have unpacked the archive while this one waited.
            if not target.is_dir():
                progress(f"unpacking {path.name}")
                _unpack(read_entries, path, scratch / "files", argument=argument)
                os.replace(scratch / "files", target)
    return _only_model(target, path, argument=argument)


def _reader(path: Path, *, argument: str) -> Callable[[Path, int], _Entries] | None:
    """Returns the function that reads an archive's entries; None for other files."""
    if path.is_dir():
        return None
    head = bytes(source.view(path, argument=argument)[:512])
    if head.startswith(_GZIP) or head[_USTAR] == b"ustar":
        return _tar_entries
    return _zip_entries if detect.kind(path, argument=argument) == "zip" else None


def _unpack(
    read_entries: Callable[[Path, int], _Entries], path: Path, target: Path, *, argument: str
) -> None:
    left = _MAX_RATIO * path.stat().st_size + _SPARE_BYTES
    target.mkdir()
    try:
        for count, (name, file) in enumerate(read_entries(path, left)):
            if count >= _MAX_ENTRIES:
                raise RefusedError(f"more than {_MAX_ENTRIES} entries")
            entry_path = target / _check_name(name)
            if file is None:
                entry_path.mkdir(parents=True, exist_ok=True)
                continue
            entry_path.parent.mkdir(parents=True, exist_ok=True)
            with open(entry_path, "xb") as written:
                while chunk := file.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise RefusedError("far more bytes than the archive itself has")
                    written.write(chunk)
    except _ERRORS as error:
        reason = f"it holds {error}" if isinstance(error, RefusedError) else str(error)
        raise _refusal(path, f"({ascii(reason[:200])[1:-1]})", argument) from None


def _check_name(name: str) -> str:
    """Returns a relative path that stays below its folder."""
    name = name.rstrip("/")
    parts = name.split("/")
    if ".." in parts or name.startswith("/") or re.search(r"[\\:\x00-\x1f]", name):
        raise RefusedError(f"a path that leads out of it, {name[:80]!r}")
    if len(parts) > 20 or any(len(part.encode()) > 255 for part in parts):
        raise RefusedError("a path that is too long")
    return name


def _tar_entries(path: Path, left: int) -> _Entries:
    with open(path, "rb") as raw:
        is_zipped = raw.read(2) == _GZIP
        raw.seek(0)
        stream: Any = gzip.GzipFile(fileobj=raw) if is_zipped else raw
        # Headers take some bytes in addition to the files.
        limited: Any = _ForwardStream(stream, left + _SPARE_BYTES)
        with tarfile.open(fileobj=limited, mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    yield member.name, None
                elif member.isreg() and not member.issparse():
                    yield member.name, archive.extractfile(member)
                else:
                    raise RefusedError(f"a link or a device, {member.name[:80]!r}")
                # tarfile remembers every member.
                archive.members.clear()  # type: ignore[attr-defined]


def _zip_entries(path: Path, left: int) -> _Entries:
    window: Any = Window(source.view(path, argument="generator"))
    with zipfile.ZipFile(window) as archive:
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise RefusedError(f"a link or a device, {entry.filename[:80]!r}")
            if entry.is_dir():
                yield entry.filename, None
                continue
            with archive.open(entry) as file:
                yield entry.filename, file


class _ForwardStream:
    """A stream that is read forwards in small parts, up to a limit.

    tarfile alone would read a header of any size that the archive claims.

    Args:
        stream: Stream of the unpacked archive.
        limit: Largest number of bytes.
    """

    def __init__(self, stream: IO[bytes], limit: int):
        self._stream, self._limit, self._position = stream, limit, 0

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._position:
            raise RefusedError("entries that overlap")
        while self._position < position and self.read(min(_CHUNK, position - self._position)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        if size > _CHUNK:
            raise RefusedError("a header of many bytes")
        data = self._stream.read(size)
        self._position += len(data)
        if self._position > self._limit:
            raise RefusedError("far more bytes than the archive itself has")
        return data


def _only_model(folder: Path, path: Path, *, argument: str) -> Path:
    """Returns the one folder with a SavedModel or a preset, else the one file."""
    below = sorted(folder.rglob("*"))
    models = [
        each
        for each in (folder, *below)
        if each.is_dir() and detect.kind(each, argument=argument) != "unknown"
    ]
    models = models or [each for each in below if each.is_file()]
    if len(models) != 1:
        raise _refusal(path, f"and holds {len(models)} of them", argument)
    return models[0]


def _refusal(path: Path, words: str, argument: str) -> InputError:
    return InputError(
        argument,
        f"must be a whole archive of one SavedModel, preset or checkpoint {words}",
        remedy="Unpack it by other means and give the path of the model",
        **{argument: str(path)},
    )
