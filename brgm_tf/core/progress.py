"""How far a run is: a bar on a terminal; elsewhere, as in a log, a plain line now and then."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from typing import TextIO

SECONDS_BETWEEN_LINES = 30.0
_MARKS = 1000  # updates that are remembered


def display(total: int, *, stream: TextIO) -> Bar | Lines:
    """A `Bar` where `stream` is a terminal, else `Lines`.

    Args:
        total: steps of the whole run.
        stream: where to write.
    """
    return (Bar if stream.isatty() else Lines)(total, stream=stream)


class Bar:
    """A bar that is drawn anew in its place.

    Args:
        total: steps of the whole run.
        stream: a terminal.
    """

    def __init__(self, total: int, *, stream: TextIO):
        from tqdm import tqdm

        self._stream = stream
        self._bar = tqdm(total=total, unit="step", file=stream, dynamic_ncols=True)

    def update(self, done: int, *, doing: str, note: str = "") -> None:
        """Shows that `done` steps are done, what is being done, and a note."""
        self._bar.update(done - self._bar.n)  # which tells the pace of late steps from earlier ones
        self._bar.set_description(doing, refresh=False)
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.refresh()

    def say(self, line: str) -> None:
        """Writes a line above the bar."""
        self._bar.write(line, file=self._stream)

    def close(self) -> None:
        """Ends the bar's line."""
        self._bar.close()


class Lines:
    """A line whenever another tenth of the steps is done, or half a minute has passed.

    Args:
        total: steps of the whole run.
        stream: where to write.
        clock: seconds.
    """

    def __init__(self, total: int, *, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._total, self._stream, self._clock = total, stream, clock
        self._start = self._last = clock()
        self._tenths = -1
        self._marks = collections.deque([(self._start, 0)], maxlen=_MARKS)

    def update(self, done: int, *, doing: str, note: str = "") -> None:
        """Tells that `done` steps are done, what is being done, and a note, when it is time to."""
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
        """Seconds a step, of the later half of those that are done: the others had to compile."""
        *earlier, (now, done) = self._marks
        then, before = next((mark for mark in earlier if 2 * mark[1] >= done), earlier[-1])
        return (now - then) / (done - before)

    def say(self, line: str) -> None:
        """Writes a line."""
        self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing to end."""


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
