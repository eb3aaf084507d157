"""Handles of generators: one word each, and the local file or folder for a handle.

A handle is a path, an https:// or gs:// address, or the address of a model on TF-Hub. A suffix
'#sha256=...' has the file verified. `catalogue` lists the names.
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
    """Location of a generator.

    Args:
        kind: 'path' (or a name), 'http', 'gs' or 'tfhub'.
        location: Path or address.
        sha256: Checksum of the file; None to skip the check.
    """

    kind: str
    location: str
    sha256: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether a network may be needed."""
        return self.kind != "path"


def parse(text: str | os.PathLike, *, argument: str = "generator") -> Handle:
    """Parses a handle; nothing is fetched.

    Args:
        text: Text of the handle, or a path.
        argument: Name of the argument (or flag) that gave the handle.

    Raises:
        InputError: the checksum or the scheme cannot be used.

    Example:
        >>> parse("gs://bucket/model")
        Handle(kind='gs', location='gs://bucket/model', sha256=None)
    """
    text = os.fspath(text)
    location, mark, sha256 = text.rpartition(_MARK) if _MARK in text else (text, "", "")
    sha256 = sha256.lower()
    if mark and (len(sha256) != 64 or set(sha256) - set("0123456789abcdef")):
        raise InputError(
            argument, f"must have 64 hexadecimal digits after {_MARK}", **{argument: text}
        )
    scheme, separator, _ = location.partition("://")
    kind = _address_kind(scheme.lower(), location) if separator else "path"
    if kind is None or (scheme.lower() == "http" and not mark):
        raise InputError(
            argument,
            f"must be a name, a path, or an address with https:// or gs:// "
            f"(http:// with {_MARK}... only)",
            **{argument: text},
        )
    return Handle(kind, location, sha256 or None)


def _address_kind(scheme: str, location: str) -> str | None:
    if scheme not in ("https", "http"):
        return "gs" if scheme == "gs" else None
    host = urllib.parse.urlsplit(location).hostname or ""
    is_hub = any(host == name or host.endswith(f".{name}") for name in _HUBS)
    return "tfhub" if is_hub or tfhub_folder(location) else "http"


def tfhub_folder(location: str) -> Path | None:
    """Returns the folder of a model in TF-Hub's cache; None if the cache lacks the model.

    The folder is $TFHUB_CACHE_DIR/<sha1 of the handle>. TF-Hub's default cache is a shared
    temporary folder that every user can write to. It is left to TF-Hub.
    """
    cache = os.environ.get("TFHUB_CACHE_DIR")
    if not cache:
        return None
    folder = Path(cache, hashlib.sha1(location.encode()).hexdigest())
    return folder if folder.is_dir() else None


def local_path(
    handle: Handle, *, progress: Progress | None = None, argument: str = "generator"
) -> Path:
    """Returns the local file or folder of a handle; fetches and verifies it if necessary.

    Args:
        handle: Handle that `parse` returned.
        progress: Function that is called with one line for each message.
        argument: Name of the argument (or flag) that gave the handle.

    Raises:
        InputError: the file does not exist, cannot be fetched, or has another checksum.
    """
    if handle.kind == "http":
        return http.fetch(
            handle.location, sha256=handle.sha256, progress=progress, argument=argument
        )
    if handle.kind == "gs":
        path = http.copy(handle.location, progress=progress, argument=argument)
    elif handle.kind == "tfhub":
        path = tfhub_folder(handle.location) or _resolve_by_tfhub(handle.location, argument)
    else:
        path = Path(handle.location).expanduser()
        if not path.exists():
            raise InputError(argument, "must exist", **{argument: handle.location})
    if handle.sha256:
        _verify(path, handle.location, handle.sha256, argument=argument)
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
    except Exception as error:  # Its resolvers raise many kinds of exceptions.
        raise InputError(
            argument,
            f"could not be fetched by tensorflow_hub ({type(error).__name__}: {error})",
            remedy="Fetch the model by other means and give the path of its folder",
            **{argument: location},
        ) from None


def _verify(path: Path, location: str, sha256: str, *, argument: str) -> None:
    if path.is_dir():
        raise InputError(
            argument, f"must be a file because {_MARK}... is given", **{argument: location}
        )
    actual = atomic_files.sha256(path)
    if actual != sha256:
        raise http.checksum_error(location, expected=sha256, actual=actual, argument=argument)


def make_absolute(handle: str, *, names: Collection[str]) -> str:
    """Returns the handle with a relative path made absolute.

    Args:
        handle: Name, path or address.
        names: Handles that are names, which stay unchanged.

    Example:
        >>> make_absolute("xray-64", names=["xray-64"])
        'xray-64'
    """
    if handle in names or parse(handle).is_remote:
        return handle
    return os.path.abspath(os.path.expanduser(handle))
