"""Pictures inside of larger files: tar archives, TFRecords, and lists of paths.

Nothing is unpacked: a picture is read from its place when its turn comes. TensorFlow is not
imported here, but to read a record.
"""

from __future__ import annotations

import dataclasses
import io
import os
import re
import struct
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import reading
from brgm_tf.io.discovery import SUFFIXES as PICTURES
from brgm_tf.io.discovery import unsharded

LIST_SUFFIX = ".txt"
SUFFIXES = (".tar", ".tfrecord", ".tfrecords")
# As TensorFlow's own data sets name it.
FEATURE = "image/encoded"
# Length and its checksum before a record, a checksum behind it.
_RECORD_HEAD, _RECORD_TAIL = struct.Struct("<QI"), 4


@dataclasses.dataclass(frozen=True)
class Packed:
    """A picture in a file of many.

    Args:
        path: of that file.
        offset, size: of its bytes.
        name: that its results would like.
        is_record: whether the bytes are a tf.train.Example with the feature `FEATURE`.
    """

    path: Path
    offset: int
    size: int
    name: Path
    is_record: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.name}"

    def open(self, mode: str = "rb") -> io.BytesIO:
        """The picture's file, in memory.

        Raises:
            OSError: the file ends before.
            InputError: the record has no such feature.
        """
        with self.path.open(mode) as file:
            file.seek(self.offset)
            contents = file.read(self.size)
        if len(contents) < self.size:
            raise OSError("the file ends in the middle of it")
        return io.BytesIO(_picture_of(contents, name=str(self)) if self.is_record else contents)


def is_bundle(path: Path) -> bool:
    """Whether a file is one of these by its name; shards such as x.tfrecord-00000-of-00010 are."""
    return unsharded(path).endswith((*SUFFIXES, LIST_SUFFIX))


def pictures_of(path: Path, *, argument: str = "input") -> Sequence[Path | Packed]:
    """The pictures in a file.

    Of an archive those that have an image suffix; of a list the paths, one a line, relative to
    the folder of the list; of TFRecords every record.

    Args:
        path: the file.
        argument: name of the user's argument, for errors.

    Raises:
        InputError: the file is damaged, compressed, or holds nothing of the kind.
    """
    name = unsharded(path)
    if name.endswith(LIST_SUFFIX):
        read, expected, remedy = _listed, "a list of paths", "Write one path a line"
    elif name.endswith(".tar"):
        read, expected = _members, "a tar archive, not compressed,"
        remedy = "Decompress it, so that its pictures can be read where they are"
    else:
        read, expected = _records, "a file of TFRecords, not compressed,"
        remedy = f"Write tf.train.Example with the feature {FEATURE}"
    with reading(argument, expected, path=path, remedy=remedy):
        found = list(read(path))
    if not found:
        raise InputError(argument, "must hold at least one image", path=str(path))
    return found


def _listed(path: Path) -> Iterator[Path]:
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            yield path.parent / os.path.expanduser(line.strip())


def _members(path: Path) -> Iterator[Packed]:
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            name = Path(member.name)
            is_picture = name.suffix.lower() in PICTURES and not name.name.startswith(".")
            if member.isfile() and is_picture:
                yield Packed(path, member.offset_data, member.size, name)


def _records(path: Path) -> Iterator[Packed]:
    size, offset = path.stat().st_size, 0
    places = []
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            length, _ = _RECORD_HEAD.unpack(file.read(_RECORD_HEAD.size))
            places.append((offset + _RECORD_HEAD.size, length))
            offset += _RECORD_HEAD.size + length + _RECORD_TAIL
    if offset != size:
        raise OSError("it ends in the middle of a record")
    digits = max(2, len(str(len(places) - 1)))
    stem = path.name[: path.name.lower().index(".tfrecord")]
    shard = "".join(re.findall(r"-\d+(?=-of-)", path.name))
    for i, (start, length) in enumerate(places):
        name = Path(f"{stem}{shard}_{i:0{digits}}.tfrecord")
        yield Packed(path, start, length, name, is_record=True)


def _picture_of(record: bytes, *, name: str) -> bytes:
    import tensorflow as tf

    features = tf.train.Example.FromString(record).features.feature
    if FEATURE not in features or not features[FEATURE].bytes_list.value:
        raise InputError(
            "input",
            f"{name} must have the feature {FEATURE}, an encoded picture",
            features=", ".join(sorted(features)),
        )
    return features[FEATURE].bytes_list.value[0]
