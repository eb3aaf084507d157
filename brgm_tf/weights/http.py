"""Files by address: fetched once, resumed after a break, verified and cached."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any

from absl import logging

from brgm_tf.core import atomic_files, cache
from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError

_ATTEMPTS = 5
_PAUSE = 1.0  # seconds before another attempt
_TIMEOUT = 60.0  # seconds without a byte
_BLOCK = 2**20
_MEGABYTE = 2**20


def cached_path(address: str) -> Path:
    """Returns the path in the cache for an address; the file or folder need not exist.

    Example:
        >>> cached_path("https://host/folder/net.pkl?download=1").name
        '7278aab6b051-net.pkl'
    """
    path = urllib.parse.unquote(urllib.parse.urlsplit(address).path)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", path.rstrip("/").rpartition("/")[2])[-60:] or "file"
    return cache.cache_folder() / f"{hashlib.sha1(address.encode()).hexdigest()[:12]}-{name}"


def fetch(
    url: str,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    argument: str = "generator",
) -> Path:
    """Returns the cached file of an address, with its checksum verified; fetches it if necessary.

    An interrupted download is resumed if the server supports ranges and still has the same file;
    otherwise it starts again. Several processes that fetch the same file wait for the first one.

    Args:
        url: Address, https:// or http://.
        sha256: Checksum of the file in hexadecimal digits; None to accept any file.
        progress: Function that is called with one line for each message; the default logs it.
        argument: Name of the argument (or flag) that gave the address.

    Raises:
        InputError: the file cannot be fetched, or has another checksum.
    """
    progress = progress or logging.warning
    path = cached_path(url)
    if _find_problem(path, sha256) is None:
        return path
    with cache.locked(path.name, progress=progress):
        # Another process may have fetched the file while this one waited.
        problem = _find_problem(path, sha256)
        if problem is None:
            return path
        if problem:
            progress(f"{problem}: fetching it again")
        partial = path.with_name(f".{path.name}.part")
        try:
            _download(url, partial, progress=progress)
        except (OSError, http.client.HTTPException) as error:
            raise _unavailable(url, str(error) or type(error).__name__, argument) from None
        actual = atomic_files.sha256(partial)
        if sha256 is not None and sha256 != actual:
            partial.unlink()
            raise checksum_error(url, expected=sha256, actual=actual, argument=argument)
        atomic_files.sync(partial)
        os.replace(partial, path)
        atomic_files.write(_checksum_file(path), f"{actual}  {path.name}\n".encode())
        _tag_file(partial).unlink(missing_ok=True)
    return path


def copy(address: str, *, progress: Progress | None = None, argument: str = "generator") -> Path:
    """Returns the cached copy of a file or folder that `tf.io.gfile` reads, as at gs://.

    Args:
        address: Address of the file or folder.
        progress: Function that is called with one line for each message; the default logs it.
        argument: Name of the argument (or flag) that gave the address.

    Raises:
        InputError: the address cannot be read.
    """
    import tensorflow as tf

    progress = progress or logging.warning
    path = cached_path(address)
    if path.exists():
        return path
    with cache.locked(path.name, progress=progress) as scratch:
        if not path.exists():
            progress(f"fetching {address}")
            try:
                _copy(tf.io.gfile, address.rstrip("/"), scratch / "copy")
                os.replace(scratch / "copy", path)
            except (tf.errors.OpError, OSError) as error:
                raise _unavailable(address, str(error), argument) from None
    return path


def checksum_error(location: str, *, expected: str, actual: str, argument: str) -> InputError:
    """Returns the error for a file with another checksum than the given one."""
    return InputError(
        argument,
        "must be the file with the given checksum",
        remedy="Compare both checksums with the one that the authors publish",
        **{argument: location, "given_sha256": expected, "actual_sha256": actual},
    )


def is_cached(address: str) -> bool:
    """Returns whether the file or folder of an address is in the cache, without reading it."""
    return cached_path(address).exists()


def _copy(gfile: Any, source: str, target: Path) -> None:
    if not gfile.isdir(source):
        with gfile.GFile(source, "rb") as read, open(target, "wb") as written:
            shutil.copyfileobj(read, written, _BLOCK)
        return
    target.mkdir()
    for name in gfile.listdir(source):
        name = name.rstrip("/")
        if name and name == os.path.basename(name) and name != "..":
            _copy(gfile, f"{source}/{name}", target / name)


def _find_problem(path: Path, sha256: str | None) -> str | None:
    """Returns None for an intact file, '' for a missing one, else a description of the problem."""
    try:
        recorded = _checksum_file(path).read_text().partition(" ")[0]
        actual = atomic_files.sha256(path)
    except OSError:
        return ""
    expected = sha256 or recorded
    return None if actual == expected else f"{path} has sha256 {actual}, expected {expected}"


def _download(url: str, partial: Path, *, progress: Progress) -> None:
    """Fetches into `partial`; each attempt resumes where the last one ended."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _resume(url, partial, progress=progress)
        except (ConnectionError, TimeoutError, http.client.IncompleteRead) as error:
            if attempt == _ATTEMPTS:
                raise
            progress(f"the connection broke ({error}): resuming")
            time.sleep(_PAUSE)
        except urllib.error.HTTPError as error:
            error.close()
            # The requested range does not exist: the partial file belongs to another file.
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            partial.unlink(missing_ok=True)
    return None


def _resume(url: str, partial: Path, *, progress: Progress) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    tag = _tag_file(partial)
    request = _request(url, start=start, tag=tag)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if response.headers.get_content_type() == "text/html":
            raise OSError("it is a web page and not a file")
        is_partial = response.status == http.client.PARTIAL_CONTENT
        if not is_partial:
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            partial.unlink()
            raise ConnectionError("the server sent another part")
        tag.unlink(missing_ok=True)
        if version := _version(response.headers):
            tag.write_text(version, "latin-1")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        size = f" ({total / _MEGABYTE:.1f} MB)" if total else ""
        progress(f"{'resuming' if start else 'fetching'} {url}{size}")
        with open(partial, "ab" if is_partial else "wb") as file:
            done = _save(response, file, start=start, total=total, progress=progress)
    if total is not None and done != total:
        raise ConnectionError(f"{done} of {total} bytes came")


def _request(url: str, *, start: int, tag: Path) -> urllib.request.Request:
    headers = {"User-Agent": "brgm_tf", "Accept-Encoding": "identity"}
    if start and tag.exists():
        # Because of If-Range, a server with a newer file sends all of it.
        headers |= {"Range": f"bytes={start}-", "If-Range": tag.read_text("latin-1")}
    return urllib.request.Request(url, headers=headers)


def _save(
    response: IO[bytes], file: IO[bytes], *, start: int, total: int | None, progress: Progress
) -> int:
    """Writes the response, reports every tenth, and returns the size of the file."""
    done, tenths = start, 10 * start // total if total else 0
    began = time.monotonic()
    while block := response.read(_BLOCK):
        file.write(block)
        done += len(block)
        if total and 10 * done // total > tenths:
            tenths = 10 * done // total
            speed = (done - start) / _MEGABYTE / max(time.monotonic() - began, 1e-3)
            progress(f"{10 * tenths:3d}% of {total / _MEGABYTE:.1f} MB, {speed:.1f} MB/s")
    return done


def _version(headers) -> str | None:
    """Returns the server's identifier of this version of the file; None if it gives none."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _checksum_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _tag_file(partial: Path) -> Path:
    return partial.with_suffix(".tag")


def _unavailable(address: str, reason: str, argument: str) -> InputError:
    return InputError(
        argument,
        f"could not be fetched ({reason})",
        remedy="Fetch it by other means and give the path of the file",
        **{argument: address},
    )
