"""Flagfiles of any encoding, in place of absl's reader, which takes a byte-order mark for text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from absl import flags

from brgm_tf.core import texts

_NAMES = ("--flagfile", "-flagfile")
_COMMENTS = ("#", "//")


def expand(
    arguments: Iterable[str], *, change: Callable[[str], str] = str, opened: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yields arguments, with each --flagfile replaced by the lines of its file.

    Args:
        arguments: Arguments of the process, without its name, or lines of a flagfile.
        change: Function that is applied to every argument first; it may raise flags.Error.
        opened: Paths of the flagfiles that are being read.

    Raises:
        flags.Error: a flagfile is not named, cannot be read, or names itself.
    """
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":  # The rest are no flags.
            yield argument
            yield from rest
            return
        if argument in _NAMES:
            path = next(rest, None)
            if path is None:
                raise flags.Error("`flagfile` must be followed by a path")
            argument = f"--flagfile={path}"
        argument = change(argument)
        name, _, path = argument.partition("=")
        if name not in _NAMES:
            yield argument
        elif path:
            yield from expand(_lines(path, opened), change=change, opened=(*opened, path))


def _lines(path: str, opened: tuple[str, ...]) -> list[str]:
    if path in opened:
        raise flags.Error(f"`flagfile` {path} must not name itself")
    try:
        lines = texts.read_lines(Path(path.strip()).expanduser())
    except (OSError, UnicodeError) as error:
        raise flags.Error(f"`flagfile` {path} must be a text file: {error}") from None
    return [line for line in lines if not line.startswith(_COMMENTS)]
