"""The page's side of the worker: starts the process, sends jobs, and replaces the process."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import brgm_tf
from brgm_tf.app.jobs import Job, Outcome, Update
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.worker import REPLACE

COMMAND = (sys.executable, "-m", "brgm_tf.app.worker")
_WAIT_SECONDS = 0.1  # between two looks at the event that stops a job
_END_SECONDS = 5.0
_LOST = "lost"  # message of a job whose process has ended
_LOG = logging.getLogger(__name__)


class Worker(Protocol):
    """Does jobs."""

    def run(self, job: Job, *, stop: threading.Event) -> Iterator[Update | Outcome]:
        """Yields the updates of a job, and then its outcome."""

    def close(self) -> None:
        """Ends the worker."""


class WorkerProcess:
    """A process that does jobs one after another; a new one takes its place when it has ended.

    Args:
        limits: limits of the owner.
        command: command of the process, which reads jobs and writes messages as `worker` does.
    """

    def __init__(self, limits: Limits, *, command: Sequence[str] = COMMAND):
        self._limits, self._command = limits, tuple(command)
        self._lock = threading.Lock()
        self._count, self._is_closed = 0, False
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def run(self, job: Job, *, stop: threading.Event) -> Iterator[Update | Outcome]:
        """Yields the updates of a job, and then its outcome.

        If the iterator is closed, the job stops after the current chunk of steps.

        Args:
            job: the job.
            stop: event that stops the job after the current chunk of steps.

        Raises:
            Refusal: the job cannot be done, or the process has ended.
        """
        while True:
            number, process = self._send(job, stop)
            try:
                if not process.is_ready:
                    yield Update(note="starting TensorFlow", num_steps=job.config.total_steps)
                for message in process.messages(number):
                    if isinstance(message, Refusal):
                        raise message
                    if isinstance(message, str):  # REPLACE or _LOST
                        break
                    yield message
                    if isinstance(message, Outcome):
                        return
            finally:
                process.forget(number)
            self._replace(process)
            if message != REPLACE and not process.is_replaced:
                raise Refusal("run", self._reason(process))

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._is_closed = True
            self._process.end()

    def _send(self, job: Job, stop: threading.Event) -> tuple[int, _Process]:
        with self._lock:
            if self._is_closed:
                raise Refusal("run", "The page ends.")
            self._count += 1
            self._process.send(self._count, job, stop=stop)
            return self._count, self._process

    def _start(self) -> _Process:
        return _Process(self._command, self._limits, on_end=self._replace_ended)

    def _replace(self, process: _Process) -> None:
        """Starts a process in the place of another one, unless this has been done."""
        with self._lock:
            if process is not self._process or self._is_closed:
                return
            process.is_replaced = process.poll() is None
            process.end()
            self._process = self._start()

    def _replace_ended(self, process: _Process) -> None:
        """Replaces a process that has ended by itself, so that the next job finds a ready one."""
        with self._lock:
            is_needed = process is self._process and not self._is_closed
        if is_needed and process.is_ready:
            _LOG.error("the worker has ended with code %s; a new one starts", process.poll())
            self._replace(process)

    def _reason(self, process: _Process) -> str:
        code = process.poll()
        cause = f"signal {-code}; maybe memory ran out" if code and code < 0 else f"code {code}"
        return f"The process that restores has ended ({cause}). A new one starts: try again."


class _Process:
    """A started worker, and the messages of its jobs.

    Attributes:
        is_ready: whether the worker has imported TensorFlow.
        is_replaced: whether the page has ended the worker.
    """

    def __init__(self, command: Sequence[str], limits: Limits, *, on_end: Any):
        # A terminal would get the progress bars of downloads instead of the visitor.
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment()
        )
        self.is_ready = self.is_replaced = self._has_ended = False
        self._on_end = on_end
        self._queues: dict[int, queue.SimpleQueue] = {}
        self._lock = threading.Lock()
        self._write(limits)
        for task in (self._listen, self._pass_on):
            threading.Thread(target=task, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def poll(self) -> int | None:
        """Returns the exit code; None while the process runs."""
        return self._popen.poll()

    def send(self, number: int, job: Job, *, stop: threading.Event) -> None:
        """Sends a job, and its stop once the event is set."""
        with self._lock:
            self._queues[number] = queue.SimpleQueue()
            if self._has_ended:
                self._queues[number].put(_LOST)
        self._write((number, job))
        threading.Thread(target=self._watch, args=(number, stop), daemon=True).start()

    def messages(self, number: int) -> Iterator[Any]:
        """Yields the messages of a job without an end."""
        box = self._queues[number]
        while True:
            yield box.get()

    def _watch(self, number: int, stop: threading.Event) -> None:
        while number in self._queues:
            if stop.wait(_WAIT_SECONDS):
                self._write((number, None))
                return

    def forget(self, number: int) -> None:
        """Stops a job if it still runs, and drops its further messages."""
        self._write((number, None))
        with self._lock:
            del self._queues[number]

    def end(self) -> None:
        """Ends the process."""
        with contextlib.suppress(OSError):
            self._popen.stdin.close()  # type: ignore[union-attr]
        self._popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_END_SECONDS)

    def _write(self, message: Any) -> None:
        # A process that has ended reads nothing; `_listen` notices its end.
        with self._lock, contextlib.suppress(OSError, ValueError):
            pickle.dump(message, self._popen.stdin, pickle.HIGHEST_PROTOCOL)  # type: ignore[arg-type]
            self._popen.stdin.flush()  # type: ignore[union-attr]

    def _pass_on(self) -> None:
        """Writes the log of the worker to the log of the page."""
        stream: Any = self._popen.stderr
        with stream, contextlib.suppress(OSError, ValueError):
            for line in stream:
                sys.stderr.write(line.decode("utf-8", "replace"))

    def _listen(self) -> None:
        # A process that is killed may leave a part of a message.
        stream: Any = self._popen.stdout
        with stream, contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                number, message = pickle.load(stream)
                if number == 0:
                    self.is_ready = True
                box = self._queues.get(number)
                if box is not None:
                    box.put(message)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_END_SECONDS)
        with self._lock:
            self._has_ended = True
            for box in self._queues.values():
                box.put(_LOST)
        self._on_end(self)


def _environment() -> dict[str, str]:
    """Returns the environment of a worker, which imports the same package as the page."""
    home = str(Path(brgm_tf.__file__).parents[1])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
