"""The origin of an image: the files that its result depends on, and their state.

A result belongs to its input only while the files have the state that the result records. A file
is told by its path, size and modification time; a picture inside an archive by its checksum,
because an archive changes when another picture is added.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brgm_tf.io.archives import ArchiveMember

COLUMNS = tuple(
    f"{part}{column}" for part in ("input", "mask") for column in ("", "_bytes", "_version")
)
Origin = Mapping[str, str | int]


def origin_of(source: Any, mask: Any = None) -> dict[str, str | int]:
    """Returns the files of an image by the names in `COLUMNS`.

    Args:
        source: Source of the image.
        mask: Mask of the image; only a file counts.

    Returns:
        'input', the absolute path; 'input_bytes', the size; 'input_version', the time of the last
        modification, or the checksum of a picture in an archive; the same for 'mask'. Arrays have
        no entries, and a file that cannot be read has only its path.

    Example:
        >>> from brgm_tf.io.discovery import find_images
        >>> from brgm_tf.io.pictures import PictureFile
        >>> origin = origin_of(PictureFile(find_images("example:astronaut_32")[0]))
        >>> list(origin), os.path.basename(origin["input"])
        (['input', 'input_bytes', 'input_version'], 'astronaut_32.png')
    """
    origin = _described("input", source if isinstance(source, ArchiveMember) else path_of(source))
    return origin | _described("mask", mask if isinstance(mask, Path) else None)


def path_of(source: Any) -> Path | None:
    """Returns the path of the file of a source; None for an image in memory."""
    path = getattr(source, "path", None)
    return path if isinstance(path, Path) else None


def state_of(path: Path) -> str:
    """Returns the size and the time of the last modification of a file, or of a folder's files.

    Args:
        path: Path of the file or folder.

    Returns:
        Text such as '1024 bytes of 2026-01-31T12:00:00.000000000Z'; '' if it cannot be read.
    """
    try:
        files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
        states = [_state_of_file(file) for file in files]
    except OSError:
        return ""
    if not states:
        return ""
    return f"{sum(size for size, _ in states)} bytes of {max(version for _, version in states)}"


def is_same(origin: Mapping[str, object], recorded: Mapping[str, object]) -> bool:
    """Returns whether a recorded origin, which may come from a table, is that of an input.

    Example:
        >>> is_same({"input": "a.png", "input_bytes": 3}, {"input": "a.png", "input_bytes": "3"})
        True
    """
    states = [[str(one.get(name) or "") for name in COLUMNS] for one in (origin, recorded)]
    return states[0] == states[1]


def _described(part: str, file: Path | ArchiveMember | None) -> dict[str, str | int]:
    if file is None:
        return {}
    is_member = isinstance(file, ArchiveMember)
    try:
        size, version = _state_of_member(file) if is_member else _state_of_file(file)
    except (OSError, ValueError):
        state: dict[str, str | int] = {}
    else:
        state = {f"{part}_bytes": size, f"{part}_version": version}
    path = os.path.abspath(file.path if isinstance(file, ArchiveMember) else file)
    return {part: f"{path}: {file.name}" if is_member else path} | state


def _state_of_file(path: Any) -> tuple[int, str]:
    state = os.stat(path)
    seconds, nanoseconds = divmod(state.st_mtime_ns, 10**9)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return state.st_size, f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


def _state_of_member(member: Any) -> tuple[int, str]:
    return member.size, "sha256:" + hashlib.sha256(member.read()).hexdigest()[:32]
