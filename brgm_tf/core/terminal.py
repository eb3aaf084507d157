"""Text for the user on standard output and standard error, which never stops the program.

A reader may close its pipe, a disk may be full, a terminal may be gone, and an encoding may lack
a character of a file name. The text is then lost or escaped, and the program continues.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any


class SafeStream:
    r"""A text stream whose `write` and `flush` raise no error.

    Characters that the encoding lacks are written as escapes. After an error the stream writes to
    the null device, so that Python's flush at the end of the process succeeds.

    Args:
        stream: Text stream; None if the process has none.

    Example:
        >>> stream = SafeStream(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        >>> stream.write("caf\u00e9")
        4
        >>> stream.flush()
        >>> stream.buffer.getvalue()
        b'caf\\xe9'
    """

    def __init__(self, stream: Any):
        self._stream = stream.stream if isinstance(stream, SafeStream) else stream

    @property
    def stream(self) -> Any:
        """The stream itself; None if the process has none."""
        return self._stream

    def write(self, text: str) -> int:
        """Writes text, or loses it; returns the length of the text."""
        if self._stream is not None:
            with self._discarding():
                try:
                    self._stream.write(text)
                except UnicodeEncodeError as error:
                    escaped = text.encode(error.encoding, "backslashreplace")
                    self._stream.write(escaped.decode(error.encoding))
        return len(text)

    def flush(self) -> None:
        """Writes the buffered text, or loses it."""
        if self._stream is not None:
            with self._discarding():
                self._stream.flush()

    def isatty(self) -> bool:
        """Returns whether the stream is a terminal."""
        try:
            return self._stream is not None and self._stream.isatty()
        except (OSError, ValueError):
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _discarding(self):
        """Discards this text and all later text if the stream fails.

        ValueError: the stream is closed.
        """
        try:
            yield
        except (OSError, ValueError):
            # A descriptor is exchanged, because the buffer may hold text that cannot be written.
            with contextlib.suppress(OSError, ValueError, io.UnsupportedOperation):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())
                os.close(null)


def protect() -> None:
    """Protects the process against closed and broken standard streams.

    A closed descriptor 0, 1 or 2 is opened on the null device. Otherwise the next file that the
    process opens would have that number, and libraries would write their messages into the file.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
    sys.stdout, sys.stderr = SafeStream(sys.stdout), SafeStream(sys.stderr)
