"""Pictures inside larger files: tar archives, TFRecords, and lists of paths.

Nothing is unpacked: each picture is read from the archive when it is needed. TensorFlow is
imported only to parse a record.
"""

from __future__ import annotations

import dataclasses
import io
import os
import re
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from brgm_tf.core import texts
from brgm_tf.core.errors import InputError
from brgm_tf.io import images
from brgm_tf.io.arrays import reading
from brgm_tf.io.discovery import SUFFIXES as PICTURES
from brgm_tf.io.discovery import strip_shard
from brgm_tf.io.sources import Content, Header

LIST_SUFFIX = ".txt"
SUFFIXES = (".tar", ".tfrecord", ".tfrecords")
# The name that TensorFlow's data sets use.
FEATURE = "image/encoded"
# A record follows its length and the checksum of the length; its own checksum comes last.
_RECORD_HEAD, _RECORD_TAIL = struct.Struct("<QI"), 4


@dataclasses.dataclass(frozen=True)
class ArchiveMember:
    """A picture inside an archive.

    Args:
        path: Path of the archive.
        offset: Position of the picture's first byte.
        size: Number of bytes.
        name: Path that names the results.
        is_record: Whether the bytes are a tf.train.Example with the feature `FEATURE`.
    """

    path: Path
    offset: int
    size: int
    name: Path
    is_record: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.name}"

    def open(self, mode: str = "rb") -> io.BytesIO:
        """Returns the encoded picture as a file in memory.

        Raises:
            OSError: the archive ends before the picture does.
            InputError: the record lacks the feature.
        """
        contents = self.read(mode)
        if self.is_record:
            contents = _parse_record(contents, name=str(self))
        return io.BytesIO(contents)

    def read(self, mode: str = "rb") -> bytes:
        """Returns the bytes of the member.

        Raises:
            OSError: the archive ends before the member does.
        """
        with self.path.open(mode) as file:
            file.seek(self.offset)
            contents = file.read(self.size)
        if len(contents) < self.size:
            raise OSError("the file ends in the middle of it")
        return contents

    def header(self) -> Header:
        """Returns the displayed size."""
        width, height = images.image_size(self)
        return Header(height, width)

    def load(self, *, channels: int) -> Content:
        """Decodes the picture."""
        return images.load_content(self, channels=channels)


def is_archive(path: Path) -> bool:
    """Returns whether a file is an archive, a shard of an archive, or a list, by its name.

    Example:
        >>> is_archive(Path("faces.tfrecord-00000-of-00010"))
        True
    """
    return strip_shard(path).endswith((*SUFFIXES, LIST_SUFFIX))


def list_pictures(path: Path, *, argument: str = "input") -> list[Path | ArchiveMember]:
    """Returns the pictures in an archive or list.

    A tar archive gives its members with an image suffix, and TFRecords give every record. A list
    gives its paths, one a line, relative to the folder of the list. Lines that begin with '#' are
    comments unless a file has this name.

    Args:
        path: Path of the file.
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file is damaged or compressed, or holds no picture.
    """
    name = strip_shard(path)
    read: Callable[[Path], Iterator[Path] | Iterator[ArchiveMember]]
    if name.endswith(LIST_SUFFIX):
        read, expected, remedy = _read_list, "a list of paths", "Write one path a line"
    elif name.endswith(".tar"):
        read, expected = _read_members, "a tar archive, not compressed,"
        remedy = "Decompress it, so that its pictures can be read where they are"
    else:
        read, expected = _read_records, "a file of TFRecords, not compressed,"
        remedy = f"Write tf.train.Example with the feature {FEATURE}"
    with reading(argument, expected, path=path, remedy=remedy):
        pictures: list[Path | ArchiveMember] = [*read(path)]
    if not pictures:
        raise InputError(argument, "must hold at least one image", path=str(path))
    return pictures


def _read_list(path: Path) -> Iterator[Path]:
    for line in texts.read_lines(path):
        entry = path.parent / os.path.expanduser(line)
        if line.startswith("#") and not entry.exists():
            continue
        # The shell creates the list before `ls > list.txt` reads the folder.
        if entry != path:
            yield entry if entry.exists() else _in_windows_encoding(path, line) or entry


def _in_windows_encoding(path: Path, line: str) -> Path | None:
    """Returns the path whose line is encoded as Windows-1252; None if there is no such file."""
    text = line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    entry = path.parent / os.path.expanduser(text)
    return entry if entry.exists() else None


def _read_members(path: Path) -> Iterator[ArchiveMember]:
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            name = Path(member.name)
            is_picture = name.suffix.lower() in PICTURES and not name.name.startswith(".")
            if member.isfile() and is_picture:
                yield ArchiveMember(path, member.offset_data, member.size, name)


def _read_records(path: Path) -> Iterator[ArchiveMember]:
    size, offset = path.stat().st_size, 0
    extents = []
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            length, _ = _RECORD_HEAD.unpack(file.read(_RECORD_HEAD.size))
            extents.append((offset + _RECORD_HEAD.size, length))
            offset += _RECORD_HEAD.size + length + _RECORD_TAIL
    if offset != size:
        raise OSError("it ends in the middle of a record")
    digits = max(2, len(str(len(extents) - 1)))
    stem = path.name[: path.name.lower().index(".tfrecord")]
    shard = "".join(re.findall(r"-\d+(?=-of-)", path.name))
    for i, (start, length) in enumerate(extents):
        name = Path(f"{stem}{shard}_{i:0{digits}}.tfrecord")
        yield ArchiveMember(path, start, length, name, is_record=True)


def _parse_record(record: bytes, *, name: str) -> bytes:
    import tensorflow as tf

    features = tf.train.Example.FromString(record).features.feature
    if FEATURE not in features or not features[FEATURE].bytes_list.value:
        raise InputError(
            "input",
            f"{name} must have the feature {FEATURE}, an encoded picture",
            features=", ".join(sorted(features)),
        )
    return features[FEATURE].bytes_list.value[0]
