"""Text files of users: UTF-8 with or without a byte-order mark, UTF-16, and older encodings."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

# UTF-32 comes first, because its mark begins with the mark of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_lines(path: str | os.PathLike) -> list[str]:
    """Returns the lines of a text file, stripped, without empty lines.

    Windows writes UTF-16 and byte-order marks. A byte that is not UTF-8 becomes a surrogate, as in
    the file names that Python lists, so that a path of these bytes is found.

    Args:
        path: Path of the file.

    Raises:
        OSError: the file cannot be read.
        UnicodeError: the file contradicts its byte-order mark.
    """
    # Other separators that `splitlines` knows may stand in file names.
    lines = decode(Path(path).read_bytes()).replace("\r", "\n").split("\n")
    return [line.strip() for line in lines if line.strip()]


def decode(data: bytes) -> str:
    """Returns the text of bytes in an encoding that is recognised.

    Example:
        >>> decode("é".encode("utf-16"))
        'é'
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    if b"\0" in data:
        high_bytes_first = data[::2].count(0) > data[1::2].count(0)
        return data.decode("utf-16-be" if high_bytes_first else "utf-16-le")
    return data.decode("utf-8", "surrogateescape")
