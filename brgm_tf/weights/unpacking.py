"""Archives of one model (tar, tar.gz, zip) -> its folder or file, unpacked once.

An archive may come from anybody. Only plain files and folders below the target are written:
no links, no devices, no paths that climb; and no more bytes than a few times the archive's.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

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
_MOST_ENTRIES = 10_000
# Weights hardly shrink when they are compressed; graphs do by a factor of ten.
_LARGEST_RATIO = 20
_SPARE_BYTES = 64 * 2**20
_ERRORS = (*atomic_files.READ_ERRORS, RefusedError, RuntimeError, zlib.error)


def model_in(path: Path, *, progress: Progress | None = None, argument: str = "generator") -> Path:
    """Returns the model in an archive, unpacked into the cache; other paths as they are.

    Args:
        path: of a file or folder.
        progress: called with a line for each thing worth telling; the default logs it.
        argument: name of the argument (or flag) that it was given by.

    Returns:
        The folder in it with a SavedModel or a preset, or its only file.

    Raises:
        InputError: the archive is damaged, or holds other things than one model.
    """
    entries = _reader(path, argument=argument)
    if entries is None:
        return path
    progress = progress or logging.warning
    target = cache.cache_folder() / f"{atomic_files.sha256(path)[:16]}-unpacked"
    if not target.is_dir():
        with cache.locked(target.name, progress=progress) as scratch:
            # Another process may have unpacked it while this one waited.
            if not target.is_dir():
                progress(f"unpacking {path.name}")
                _unpack(entries, path, scratch / "files", argument=argument)
                os.replace(scratch / "files", target)
    return _only_model(target, path, argument=argument)


def _reader(path: Path, *, argument: str):
    """The function that gives an archive's entries; None for what is no archive."""
    if path.is_dir():
        return None
    head = bytes(source.view(path, argument=argument)[:512])
    if head.startswith(_GZIP) or head[_USTAR] == b"ustar":
        return _tar_entries
    return _zip_entries if detect.kind(path, argument=argument) == "zip" else None


def _unpack(entries, path: Path, target: Path, *, argument: str) -> None:
    left = _LARGEST_RATIO * path.stat().st_size + _SPARE_BYTES
    target.mkdir()
    try:
        for count, (name, file) in enumerate(entries(path, left)):
            if count >= _MOST_ENTRIES:
                raise RefusedError(f"more than {_MOST_ENTRIES} entries")
            place = target / _checked_name(name)
            if file is None:
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as written:
                while chunk := file.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise RefusedError("far more bytes than the archive itself has")
                    written.write(chunk)
    except _ERRORS as error:
        reason = f"it holds {error}" if isinstance(error, RefusedError) else str(error)
        raise _refusal(path, f"({ascii(reason[:200])[1:-1]})", argument) from None


def _checked_name(name: str) -> str:
    """A relative path that stays where it is."""
    name = name.rstrip("/")
    parts = name.split("/")
    if ".." in parts or name.startswith("/") or re.search(r"[\\:\x00-\x1f]", name):
        raise RefusedError(f"a path that leads out of it, {name[:80]!r}")
    if len(parts) > 20 or any(len(part.encode()) > 255 for part in parts):
        raise RefusedError("a path that is too long")
    return name


def _tar_entries(path: Path, left: int) -> Iterator[tuple[str, IO[bytes] | None]]:
    with open(path, "rb") as raw:
        is_zipped = raw.read(2) == _GZIP
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if is_zipped else raw
        # Headers take some bytes beside the files.
        with tarfile.open(fileobj=_Forward(stream, left + _SPARE_BYTES), mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    yield member.name, None
                elif member.isreg() and not member.issparse():
                    yield member.name, archive.extractfile(member)
                else:
                    raise RefusedError(f"a link or a device, {member.name[:80]!r}")
                # tarfile keeps what it has seen.
                archive.members.clear()


def _zip_entries(path: Path, left: int) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(Window(source.view(path, argument="generator"))) as archive:
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise RefusedError(f"a link or a device, {entry.filename[:80]!r}")
            if entry.is_dir():
                yield entry.filename, None
                continue
            with archive.open(entry) as file:
                yield entry.filename, file


class _Forward:
    """A stream that is read forwards, a little at a time, up to a limit.

    tarfile would read a header of any size that is claimed for it.
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
    """The one folder with a SavedModel or a preset, or else the one file."""
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
