"""One restoration: a thread that restores, and the stream of updates that the page shows."""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from brgm_tf.app.messages import Refusal, refusal_of
from brgm_tf.app.programs import Programs
from brgm_tf.core.errors import NotFiniteError
from brgm_tf.estimators.restoring.inference import Step
from brgm_tf.io import inputs
from brgm_tf.pipeline.batch_result import BatchResult
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.preparation import Preparation, prepare
from brgm_tf.pipeline.previews import Preview
from brgm_tf.reporting.results import ImageResult

_WAIT_SECONDS = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Update:
    """What the page shows in the middle of a run.

    Attributes:
        note: line of text, such as 'compiling'; '' during the steps.
        step: number of finished steps.
        num_steps: number of all steps.
        losses: total loss at each update.
        seconds_left: estimated rest of the run; None before there is an estimate.
        measurement: float32 [h, w, C] in [-1, 1], or None.
        image: float32 [H, W, C] in [-1, 1], or None.
        result: result of the image; None before the end.
    """

    note: str = ""
    step: int = 0
    num_steps: int = 0
    losses: tuple[float, ...] = ()
    seconds_left: float | None = None
    measurement: np.ndarray | None = None
    image: np.ndarray | None = None
    result: ImageResult | None = None


class Run:
    """A restoration of one image.

    Args:
        config: configuration with names of weights.
        picture: path of the input.
        mask: path of its mask, or None.
        programs: compiled programs.
        stop: event that stops the run after the current chunk of steps.
    """

    def __init__(
        self,
        config: Config,
        picture: Path | str,
        *,
        mask: Path | str | None,
        programs: Programs,
        stop: threading.Event,
    ):
        self._config, self._picture, self._mask = config, picture, mask
        self._programs, self._stop = programs, stop
        self._updates: queue.SimpleQueue[Update | Refusal] = queue.SimpleQueue()
        self._last = Update(num_steps=config.total_steps)
        self._first_step: tuple[int, float] | None = None

    def updates(self) -> Iterator[Update]:
        """Yields updates until the last one, which has the result.

        If the iterator is closed, the run stops after the current chunk of steps.

        Raises:
            Refusal: the input or an option cannot be used, or the run has failed.
        """
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            while True:
                try:
                    update = self._updates.get(timeout=_WAIT_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(update, Refusal):
                    raise update
                yield update
                if update.result is not None:
                    return
        finally:
            self._stop.set()
            thread.join()

    def _work(self) -> None:
        try:
            result = self._restore()
            self._updates.put(dataclasses.replace(self._last, result=result))
        # Every problem becomes a message; it is raised where the visitor waits.
        except Exception as error:
            self._updates.put(_refusal(error))

    def _restore(self) -> ImageResult:
        plan = self._plan()
        [spec] = plan.specs
        resolution = plan.requirements.resolution
        is_ready = self._programs.has(self._config, resolution=resolution)
        self._say("" if is_ready else "loading the generator")
        restorer = self._programs.restorer(
            self._config, resolution=resolution, notify=lambda line: self._say(str(line))
        )
        item = inputs.load(spec, expected=plan.requirements)
        self._say("starting" if is_ready else "compiling; the next restoration like this is faster")
        batch: BatchResult = restorer.restore([item], progress=self._count, show=self._show)
        return batch.images[0]

    def _plan(self) -> Preparation:
        notes: list[str] = []
        plan = prepare(
            str(self._picture), config=self._config, masks=self._masks(), notify=notes.append
        )
        if len(plan.specs) != 1:
            raise Refusal("input", "The file must hold one picture, or one slice must be chosen.")
        return plan

    def _masks(self) -> str | None:
        needs = "missing" in self._config.traits.data_names
        if needs and self._mask is None:
            raise Refusal("masks", "Paint the missing pixels, or upload a mask.")
        return str(self._mask) if needs else None

    def _say(self, note: str) -> None:
        self._last = dataclasses.replace(self._last, note=note)
        self._updates.put(self._last)

    def _show(self, preview: Preview) -> bool:
        self._last = dataclasses.replace(
            self._last, note="", measurement=preview.measurement[0], image=preview.images[0]
        )
        return self._stop.is_set()

    def _count(self, step: Step) -> bool:
        """Adds the step to the last update, which has its picture already."""
        now = time.monotonic()
        left = None
        if self._first_step is None:
            self._first_step = step.step, now
        elif step.step > self._first_step[0]:
            first, start = self._first_step
            left = (now - start) / (step.step - first) * (step.num_steps - step.step)
        self._last = dataclasses.replace(
            self._last,
            note=step.note,
            step=step.step,
            losses=(*self._last.losses, sum(step.terms.values())),
            seconds_left=left,
        )
        self._updates.put(self._last)
        return self._stop.is_set()


def _refusal(error: Exception) -> Refusal:
    import tensorflow as tf

    if isinstance(error, NotFiniteError):
        return Refusal("", "The restoration diverged. Try other settings or another picture.")
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return Refusal("", "Memory ran out. Choose a smaller generator or fewer samples.")
    return refusal_of(error)
