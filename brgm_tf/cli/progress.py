"""The progress of a run on the terminal, and its stop by a signal."""

from __future__ import annotations

import signal
import sys
import threading
import time

from brgm_tf.core.progress import display
from brgm_tf.estimators.restoring.inference import Step
from brgm_tf.pipeline.batch_result import BatchResult


class RunProgress:
    """Shows all steps of all images; a first Ctrl-C stops after the current chunk of steps.

    As a context manager it handles SIGINT and SIGTERM.

    Args:
        num_images: number of images to restore.
        num_steps: number of steps of an image.

    Attributes:
        stopped: whether a signal has stopped the run.
    """

    def __init__(self, num_images: int, num_steps: int):
        self._num_steps = num_steps
        self._num_finished = 0
        self._steps: dict[str, int] = {}
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self.stopped = False
        self._display = display(num_images * num_steps, stream=sys.stderr)
        images = f"{num_images} image{'s' * (num_images > 1)}"
        self._display.update(0, doing=f"{images}: compiling")

    def __enter__(self) -> RunProgress:
        self._previous = {s: signal.signal(s, self.stop) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self.close()

    def __call__(self, step: Step) -> bool:
        """Counts the steps of a batch, from any thread; returns whether the run is stopped."""
        if step.note:
            self.say(step.note)
        with self._lock:
            self._steps |= dict.fromkeys(step.names, step.step)
            self._show(
                doing=", ".join(step.names[:2]) + ("..." if len(step.names) > 2 else ""),
                note=f"loss {sum(step.terms.values()):.4g}",
            )
        return self.stopped

    def finish(self, batch: BatchResult) -> None:
        """Counts the images of a batch, unless it was stopped."""
        names = [image.name for image in batch.images] + [name for name, _ in batch.failures]
        if batch.stopped:
            return
        with self._lock:
            self._num_finished += len(names)
            for name in names:
                self._steps.pop(name, None)
            rate = 3600 * self._num_finished / (time.monotonic() - self._start)
            self._show(doing=f"{self._num_finished} saved, {rate:.0f} an hour")

    def say(self, line: str) -> None:
        """Writes a line of text above the bar."""
        self._display.say(line)

    def close(self) -> None:
        """Ends the bar."""
        self._display.close()

    def stop(self, *_) -> None:
        """Stops the run after the current chunk of steps; a second call stops at once.

        Raises:
            KeyboardInterrupt: the run is stopped already.
        """
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True

    def _show(self, **options) -> None:
        done = self._num_finished * self._num_steps + sum(self._steps.values())
        self._display.update(done, **options)
