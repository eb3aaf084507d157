"""Zip archives written by PyTorch, whose entries are stored without compression.

Nothing is unpacked: an entry is a view of the archive. Names are looked up in the directory of the
archive and are never used as paths of files.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from typing import Any

from brgm_tf.weights.formats.limits import RefusedError

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
# In memory, the directory takes about ten times its bytes.
_MAX_DIRECTORY = 2**21
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1


class Archive:
    """Entries of an archive by name.

    Args:
        data: Bytes of the archive.
    """

    def __init__(self, data: memoryview):
        self._data = data
        window: Any = Window(data)
        with zipfile.ZipFile(window) as directory:
            entries = directory.infolist()
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) < len(entries):
            raise ValueError("two entries have one name")

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def read(self, name: str) -> memoryview:
        """Returns the bytes of an entry, without a copy.

        Raises:
            ValueError: the archive is damaged or lacks the entry.
            RefusedError: the entry is compressed or encrypted.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise ValueError(f"there is no entry {name[:200]!r}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
            raise RefusedError(f"the entry {name[:200]!r}, compressed or encrypted")
        if entry.header_offset < 0:
            raise ValueError(f"the entry {name[:200]!r} is before the file")
        header = self._data[entry.header_offset :][: _LOCAL_HEADER.size]
        signature, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        start = entry.header_offset + _LOCAL_HEADER.size + name_size + extra_size
        end = start + entry.file_size
        if signature != SIGNATURES[0] or entry.file_size != entry.compress_size:
            raise ValueError(f"the entry {name[:200]!r} is not where the directory says")
        if end > len(self._data):
            raise ValueError(f"the entry {name[:200]!r} reaches beyond the file")
        return self._data[start:end]


class Window:
    """A file in memory from which `zipfile` reads the directory in small parts.

    Args:
        data: Bytes of the file.
    """

    def __init__(self, data: memoryview):
        self._data = data
        self._position = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, len(self._data))[whence]
        if self._position < 0:
            raise OSError("a position before the start")
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        part = self._data[self._position :]
        part = part if size < 0 else part[:size]
        if len(part) > _MAX_DIRECTORY:
            raise RefusedError("an archive with too large a directory")
        self._position += len(part)
        return bytes(part)
