"""The progress of a run on the terminal, and its stop by a signal."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence

from brgm_tf.core.progress import display
from brgm_tf.estimators.restoring.inference import Step
from brgm_tf.pipeline.batch_result import BatchResult
from brgm_tf.reporting.failures import Failure


def heeded_signals() -> list[signal.Signals]:
    """Returns the signals that stop a run."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    # A closed terminal sends SIGHUP, which Windows lacks. `nohup` lets the process ignore SIGHUP.
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        numbers.append(hangup)
    return numbers


class RunProgress:
    """Shows all steps of all images; a first Ctrl-C stops after the current chunk of steps.

    As a context manager it handles SIGINT, SIGTERM and SIGHUP, unless the process ignores SIGHUP
    as with `nohup`.

    Args:
        num_images: number of images to restore.
        num_steps: number of steps of an image.

    Attributes:
        stopped: whether a signal has stopped the run.
    """

    def __init__(self, num_images: int, num_steps: int):
        self._num_steps = num_steps
        self._num_saved = self._num_failed = 0
        self._steps: dict[str, int] = {}
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self.stopped = False
        self._display = display(num_images * num_steps, stream=sys.stderr)
        images = f"{num_images} image{'s' * (num_images > 1)}"
        self._display.update(0, doing=f"{images}: compiling")

    def __enter__(self) -> RunProgress:
        self._previous = {number: signal.signal(number, self.stop) for number in heeded_signals()}
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

    def finish(self, batch: BatchResult, *, failures: Sequence[Failure]) -> None:
        """Counts the images of a batch, unless it was stopped.

        Args:
            batch: the batch.
            failures: its images that could not be restored or saved.
        """
        if batch.stopped:
            return
        failed = {failure.name for failure in failures}
        saved = {image.name for image in batch.images} - failed
        with self._lock:
            self._num_saved += len(saved)
            self._num_failed += len(failed)
            for name in saved | failed:
                self._steps.pop(name, None)
            rate = 3600 * self._num_saved / (time.monotonic() - self._start)
            counts = [f"{self._num_saved} saved"]
            counts += [f"{self._num_failed} failed"] if self._num_failed else []
            self._show(doing=", ".join([*counts, f"{rate:.0f} an hour"]))

    def say(self, line: str) -> None:
        """Writes a line of text above the bar."""
        self._display.say(line)

    def close(self) -> None:
        """Ends the bar."""
        self._display.close()

    def stop(self, number: int = signal.SIGTERM, *_) -> None:
        """Stops the run after the current chunk of steps; a second Ctrl-C stops at once.

        Other signals may come twice, because a shell and the system both report a closed terminal.

        Raises:
            KeyboardInterrupt: Ctrl-C has stopped the run already.
        """
        if self.stopped and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stopped = True

    def _show(self, **options) -> None:
        done = (self._num_saved + self._num_failed) * self._num_steps + sum(self._steps.values())
        self._display.update(done, **options)
