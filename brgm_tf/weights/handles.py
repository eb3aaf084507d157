"""Handles: where a generator is, in one word, and the local file or folder that it stands for.

A handle is a path, an https:// or gs:// address, or the address of a model on TF-Hub, with
'#sha256=...' behind it to have a file checked. `catalogue` has the names.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import urllib.parse
from collections.abc import Collection
from pathlib import Path

from brgm_tf.core import atomic_files
from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError
from brgm_tf.weights import http

_MARK = "#sha256="
_HUBS = ("tfhub.dev", "kaggle.com")


@dataclasses.dataclass(frozen=True)
class Handle:
    """Where a generator is.

    Args:
        kind: 'path' (or a name), 'http', 'gs' or 'tfhub'.
        location: the path or address.
        sha256: of the file, or None.
    """

    kind: str
    location: str
    sha256: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether a network may be needed."""
        return self.kind != "path"


def parse(text: str | os.PathLike, *, argument: str = "generator") -> Handle:
    """Reads a handle, without looking for what it stands for.

    Raises:
        InputError: its checksum or scheme cannot be used.
    """
    text = os.fspath(text)
    location, mark, sha256 = text.rpartition(_MARK) if _MARK in text else (text, "", "")
    sha256 = sha256.lower()
    if mark and (len(sha256) != 64 or set(sha256) - set("0123456789abcdef")):
        raise InputError(
            argument, f"must have 64 hexadecimal digits after {_MARK}", **{argument: text}
        )
    scheme, separator, _ = location.partition("://")
    kind = _kind(scheme.lower(), location) if separator else "path"
    if kind is None or (scheme.lower() == "http" and not mark):
        raise InputError(
            argument,
            f"must be a name, a path, or an address with https:// or gs:// "
            f"(http:// with {_MARK}... only)",
            **{argument: text},
        )
    return Handle(kind, location, sha256 or None)


def _kind(scheme: str, location: str) -> str | None:
    if scheme not in ("https", "http"):
        return "gs" if scheme == "gs" else None
    host = urllib.parse.urlsplit(location).hostname or ""
    is_hub = any(host == name or host.endswith(f".{name}") for name in _HUBS)
    return "tfhub" if is_hub or tfhub_folder(location) else "http"


def tfhub_folder(location: str) -> Path | None:
    """Where TF-Hub's own cache has a model; None where it does not.

    It is $TFHUB_CACHE_DIR/<sha1 of the handle>. TF-Hub's default, a shared temporary folder
    that anybody may write to, is left to TF-Hub.
    """
    cache = os.environ.get("TFHUB_CACHE_DIR")
    if not cache:
        return None
    folder = Path(cache, hashlib.sha1(location.encode()).hexdigest())
    return folder if folder.is_dir() else None


def local_path(
    handle: Handle, *, progress: Progress | None = None, argument: str = "generator"
) -> Path:
    """Returns the file or folder of a handle, fetched if need be and checked.

    Args:
        handle: as `parse` returns it.
        progress: called with one line for each thing worth telling.
        argument: name of the argument (or flag) that the handle was given by.

    Raises:
        InputError: there is none, it cannot be fetched, or its checksum is another one.
    """
    told = {"progress": progress, "argument": argument}
    if handle.kind == "http":
        return http.fetch(handle.location, sha256=handle.sha256, **told)
    if handle.kind == "gs":
        path = http.copy(handle.location, **told)
    elif handle.kind == "tfhub":
        path = tfhub_folder(handle.location) or _resolve_by_tfhub(handle.location, argument)
    else:
        path = Path(handle.location).expanduser()
        if not path.exists():
            raise InputError(argument, "must be there", **{argument: handle.location})
    if handle.sha256:
        _check(path, handle, argument=argument)
    return path


def _resolve_by_tfhub(location: str, argument: str) -> Path:
    try:
        import tensorflow_hub
    except ImportError as error:
        raise InputError(
            argument,
            f"needs tensorflow_hub, which cannot be imported ({error})",
            remedy="Install brgm_tf[hub], or set TFHUB_CACHE_DIR to a cache that has the model",
            **{argument: location},
        ) from None
    try:
        return Path(tensorflow_hub.resolve(location))
    except Exception as error:  # What its resolvers raise is of many kinds.
        raise InputError(
            argument,
            f"could not be fetched by tensorflow_hub ({type(error).__name__}: {error})",
            remedy="Fetch the model by other means and give the path of its folder",
            **{argument: location},
        ) from None


def _check(path: Path, handle: Handle, *, argument: str) -> None:
    if path.is_dir():
        raise InputError(
            argument, f"must be a file where {_MARK}... is given", **{argument: handle.location}
        )
    found = atomic_files.sha256(path)
    if found != handle.sha256:
        raise http.wrong_checksum(
            handle.location, wanted=handle.sha256, found=found, argument=argument
        )


def absolute(handle: str, *, names: Collection[str]) -> str:
    """Returns the handle with a relative path made absolute.

    Args:
        handle: a name, a path or an address.
        names: handles that are names, and stay as they are.
    """
    if handle in names or parse(handle).is_remote:
        return handle
    return os.path.abspath(os.path.expanduser(handle))
