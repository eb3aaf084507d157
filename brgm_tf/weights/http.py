"""Files by their addresses: fetched once, gone on with after a break, checked and cached."""

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

from absl import logging

from brgm_tf.core import atomic_files, cache
from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError

_ATTEMPTS = 5
_PAUSE = 1.0  # seconds before another attempt
_TIMEOUT = 60.0  # seconds without a byte
_BLOCK = 2**20
_MEGABYTE = 2**20


def place(address: str) -> Path:
    """Where the file or folder of an address is cached, which need not exist."""
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
    """Returns the cached file of an address, its checksum verified; fetches it the first time.

    A download that broke off is gone on with where the server can do that and still has
    the same file; else it starts anew. Processes that fetch the same file wait for the first.

    Args:
        url: https:// or http://.
        sha256: of the file, in hexadecimal digits; None to take what comes.
        progress: called with one line for each thing worth telling; the default logs it.
        argument: name of the argument (or flag) that the address was given by.

    Raises:
        InputError: it cannot be fetched, or is another file.
    """
    progress = progress or logging.warning
    path = place(url)
    if _fault(path, sha256) is None:
        return path
    with cache.locked(path.name, progress=progress):
        # Another process may have fetched it while this one waited.
        fault = _fault(path, sha256)
        if fault is None:
            return path
        if fault:
            progress(f"{fault}: fetching it again")
        partial = path.with_name(f".{path.name}.part")
        try:
            _download(url, partial, progress=progress)
        except (OSError, http.client.HTTPException) as error:
            raise _unavailable(url, str(error) or type(error).__name__, argument) from None
        found = atomic_files.sha256(partial)
        if sha256 not in (None, found):
            partial.unlink()
            raise wrong_checksum(url, wanted=sha256, found=found, argument=argument)
        atomic_files.sync(partial)
        os.replace(partial, path)
        atomic_files.write(_checksum_file(path), f"{found}  {path.name}\n".encode())
        _tag_file(partial).unlink(missing_ok=True)
    return path


def copy(address: str, *, progress: Progress | None = None, argument: str = "generator") -> Path:
    """Returns the cached copy of a file or folder that `tf.io.gfile` reads, as gs:// addresses.

    Args:
        address: of the file or folder.
        progress, argument: as for `fetch`.

    Raises:
        InputError: it cannot be read.
    """
    import tensorflow as tf

    progress = progress or logging.warning
    path = place(address)
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


def wrong_checksum(location: str, *, wanted: str, found: str, argument: str) -> InputError:
    """The error for a file that is not the one that was asked for."""
    return InputError(
        argument,
        "must be the file of the checksum that was given",
        remedy="Compare both with what its authors publish",
        **{argument: location, "given_sha256": wanted, "found_sha256": found},
    )


def is_cached(address: str) -> bool:
    """Whether the file or folder of an address is in the cache, without reading it."""
    return place(address).exists()


def _copy(gfile, source: str, target: Path) -> None:
    if not gfile.isdir(source):
        with gfile.GFile(source, "rb") as read, open(target, "wb") as written:
            shutil.copyfileobj(read, written, _BLOCK)
        return
    target.mkdir()
    for name in gfile.listdir(source):
        name = name.rstrip("/")
        if name and name == os.path.basename(name) and name != "..":
            _copy(gfile, f"{source}/{name}", target / name)


def _fault(path: Path, sha256: str | None) -> str | None:
    """None for a whole file, '' for a missing one, else what is wrong with it."""
    try:
        recorded = _checksum_file(path).read_text().partition(" ")[0]
        found = atomic_files.sha256(path)
    except OSError:
        return ""
    wanted = sha256 or recorded
    return None if found == wanted else f"{path} has sha256 {found}, expected {wanted}"


def _download(url: str, partial: Path, *, progress: Progress) -> None:
    """Fetches into `partial`, in a few attempts that go on where the last one ended."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _go_on(url, partial, progress=progress)
        except (ConnectionError, TimeoutError, http.client.IncompleteRead) as error:
            if attempt == _ATTEMPTS:
                raise
            progress(f"the connection broke ({error}): going on")
            time.sleep(_PAUSE)
        except urllib.error.HTTPError as error:
            error.close()
            # The rest that is asked for does not exist: what is here is of another file.
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            partial.unlink(missing_ok=True)
    return None


def _go_on(url: str, partial: Path, *, progress: Progress) -> None:
    headers = {"User-Agent": "brgm_tf", "Accept-Encoding": "identity"}
    start = partial.stat().st_size if partial.exists() else 0
    tag = _tag_file(partial)
    if start and tag.exists():
        # With If-Range a server that has a newer file sends all of that.
        headers |= {"Range": f"bytes={start}-", "If-Range": tag.read_text("latin-1")}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        if answer.headers.get_content_type() == "text/html":
            raise OSError("it is a web page and not a file")
        ranged = answer.status == http.client.PARTIAL_CONTENT
        if not ranged:
            start = 0
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            partial.unlink()
            raise ConnectionError("the server sent another part")
        tag.unlink(missing_ok=True)
        if version := _version(answer.headers):
            tag.write_text(version, "latin-1")
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        size = f" ({total / _MEGABYTE:.1f} MB)" if total else ""
        progress(f"{'going on with' if start else 'fetching'} {url}{size}")
        with open(partial, "ab" if ranged else "wb") as file:
            done = _save(answer, file, start=start, total=total, progress=progress)
    if total is not None and done != total:
        raise ConnectionError(f"{done} of {total} bytes came")


def _save(answer, file, *, start: int, total: int | None, progress: Progress) -> int:
    """Writes what comes, tells about every tenth of it, and returns the file's size."""
    done, told = start, 10 * start // total if total else 0
    began = time.monotonic()
    while block := answer.read(_BLOCK):
        file.write(block)
        done += len(block)
        if total and 10 * done // total > told:
            told = 10 * done // total
            speed = (done - start) / _MEGABYTE / max(time.monotonic() - began, 1e-3)
            progress(f"{10 * told:3d}% of {total / _MEGABYTE:.1f} MB, {speed:.1f} MB/s")
    return done


def _version(headers) -> str | None:
    """What identifies a version of the file on its server, byte by byte; None if nothing."""
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
