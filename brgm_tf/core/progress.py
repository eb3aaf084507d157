"""Progress of a run: a bar on a terminal, and plain lines elsewhere, such as in a log."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from typing import TextIO

from brgm_tf.core.terminal import SafeStream

SECONDS_BETWEEN_LINES = 30.0
_MAX_MARKS = 1000  # updates that are remembered


def display(total: int, *, stream: TextIO | None) -> Bar | Lines:
    """Returns a `Bar` if `stream` is a terminal, and `Lines` otherwise.

    A stream that fails loses the display but does not stop the run.

    Args:
        total: Number of steps of the whole run.
        stream: Text stream to write to; None if the process has none.
    """
    safe = SafeStream(stream)
    return (Bar if safe.isatty() else Lines)(total, stream=safe)


class Bar:
    """A progress bar on a terminal.

    Args:
        total: Number of steps of the whole run.
        stream: Terminal to write to.
    """

    def __init__(self, total: int, *, stream: TextIO | SafeStream):
        from tqdm import tqdm

        self._stream = stream
        self._bar = tqdm(total=total, unit="step", file=stream, dynamic_ncols=True)

    def update(self, done: int, *, doing: str, note: str = "") -> None:
        """Shows the number of finished steps, the current activity, and a note."""
        self._bar.update(done - self._bar.n)  # tqdm estimates the pace from late updates
        self._bar.set_description(doing, refresh=False)
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.refresh()

    def say(self, line: str) -> None:
        """Writes a line above the bar."""
        self._bar.write(line, file=self._stream)

    def close(self) -> None:
        """Ends the line of the bar."""
        self._bar.close()


class Lines:
    """A line for each tenth of the steps, and for each half minute.

    Args:
        total: Number of steps of the whole run.
        stream: Text stream to write to.
        clock: Function that returns seconds.

    Example:
        >>> import sys
        >>> lines = Lines(100, stream=sys.stdout, clock=iter([0.0, 30.0]).__next__)
        >>> lines.update(50, doing="image 1 of 2", note="loss 0.1")
         50% image 1 of 2, loss 0.1, 0:30 passed, 0:30 left
    """

    def __init__(
        self,
        total: int,
        *,
        stream: TextIO | SafeStream,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total, self._stream, self._clock = total, stream, clock
        self._start = self._last = clock()
        self._tenths = -1
        self._marks = collections.deque([(self._start, 0)], maxlen=_MAX_MARKS)

    def update(self, done: int, *, doing: str, note: str = "") -> None:
        """Writes a line with the finished steps, the current activity and a note, if it is due."""
        now, tenths = self._clock(), 10 * done // self._total
        if done > self._marks[-1][1]:
            self._marks.append((now, done))
        if tenths <= self._tenths and now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last, self._tenths = now, tenths
        passed = _minutes(now - self._start)
        parts = [f"{done / self._total:4.0%} {doing}", note, f"{passed} passed"]
        if done:
            parts.append(f"{_minutes(self._pace() * (self._total - done))} left")
        self.say(", ".join(filter(None, parts)))

    def _pace(self) -> float:
        """Returns the seconds per step in the later half of the run: early steps compile."""
        *earlier, (now, done) = self._marks
        then, before = next((mark for mark in earlier if 2 * mark[1] >= done), earlier[-1])
        return (now - then) / (done - before)

    def say(self, line: str) -> None:
        """Writes a line."""
        self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Does nothing: lines need no end."""


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
