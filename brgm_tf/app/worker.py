"""The worker, a process of the page that restores: `python -m brgm_tf.app.worker`.

TensorFlow does not free compiled programs, so the page replaces the process once it is too large.
The page writes pickles to stdin: the limits, then jobs (NUMBER, Job) and stops (NUMBER, None). The
worker answers on stdout with (NUMBER, message): updates, and at the end an `Outcome` or a
`Refusal`. Instead of a job, `REPLACE` asks for a new worker. The number 0 means that the worker is
ready.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from brgm_tf.app.jobs import Job, Outcome, Update
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal, refusal_of

READY, REPLACE = "ready", "replace"
Send = Callable[[Update], object]
# (job, stop, send) -> the outcome, or REPLACE.
Restore = Callable[[Job, threading.Event, Send], Outcome | str]


class Channel:
    """The two pipes between the worker and the page.

    Args:
        receive: stream of pickles from the page.
        answer: stream of pickles to the page.
    """

    def __init__(self, receive: BinaryIO, answer: BinaryIO):
        self._receive, self._answer = receive, answer
        self._stops: dict[int, threading.Event] = {}
        self._jobs: queue.SimpleQueue[tuple[int, Job, threading.Event]] = queue.SimpleQueue()

    def first(self) -> Any:
        """Returns the first message of the page."""
        return pickle.load(self._receive)

    def listen(self) -> None:
        """Reads jobs and stops in a thread, and ends the process once the page has ended."""
        threading.Thread(target=self._listen, daemon=True).start()

    def serve(self, restore: Restore) -> None:
        """Does the jobs one after another, until the process ends."""
        self._say(0, READY)
        while True:
            number, job, stop = self._jobs.get()
            try:
                result: Any = restore(job, stop, functools.partial(self._say, number))
            except Exception as error:
                result = refusal_of(error)
            self._say(number, result)
            del self._stops[number]

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                number, job = pickle.load(self._receive)
                if job is not None:
                    self._stops[number] = threading.Event()
                    self._jobs.put((number, job, self._stops[number]))
                elif number in self._stops:
                    self._stops[number].set()
        os._exit(0)

    def _say(self, number: int, message: Update | Outcome | Refusal | str) -> None:
        pickle.dump((number, message), self._answer, pickle.HIGHEST_PROTOCOL)
        self._answer.flush()


def main() -> None:
    """Serves jobs until stdin ends."""
    # A Ctrl-C in the terminal reaches the page, which then ends the worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(*take_streams())
    limits: Limits = channel.first()
    channel.listen()
    channel.serve(make_restore(limits))


def take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Returns stdin and stdout as binary streams; printed text goes to stderr from now on."""
    streams = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return streams


def make_restore(limits: Limits) -> Restore:
    """Imports TensorFlow; returns the function that does a job.

    Args:
        limits: limits of the owner.
    """
    from PIL import Image

    from brgm_tf.cli import memory, process

    # Every decoder of the process refuses larger pictures.
    Image.MAX_IMAGE_PIXELS = int(limits.megapixels * 1e6)
    process.import_to_restore(batch_size=1)
    from brgm_tf.app.programs import Programs
    from brgm_tf.app.runs import Run

    programs = Programs(limits.programs)
    most = limits.worker_gigabytes * 1e9

    def restore(job: Job, stop: threading.Event, send: Send) -> Outcome | str:
        # Kept programs run in this worker even if it is too large, because they add no memory.
        is_large = len(programs) and resident() > most
        if is_large and not programs.keeps(job.config):
            gc.collect()
            memory.release()
            if resident() > most:
                return REPLACE
        return Run(job, programs, stop=stop, send=send)()

    return restore


def resident() -> int:
    """Returns the resident memory of this process in bytes; its largest value on macOS."""
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        return int(statistics.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
