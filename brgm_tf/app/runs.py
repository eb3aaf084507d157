"""One restoration in the worker: from a job to its outcome, with updates on the way."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

from brgm_tf.app import views
from brgm_tf.app.jobs import RESULTS, Job, Outcome, Update
from brgm_tf.app.messages import Refusal, refusal_of
from brgm_tf.app.programs import Programs
from brgm_tf.core.errors import NotFiniteError
from brgm_tf.estimators.restoring.inference import Step
from brgm_tf.io import inputs
from brgm_tf.io.origin import Origin
from brgm_tf.pipeline.photographs import restored_photographs
from brgm_tf.pipeline.preparation import Preparation, prepare
from brgm_tf.pipeline.previews import Preview
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.reporting.results import ImageResult, Restoration
from brgm_tf.reporting.saving import save_restoration

_VIEWS = "views"  # folder of the pictures in the folder of a job


class Run:
    """A restoration of one image, or of the faces of one photograph.

    Args:
        job: the job.
        programs: compiled programs.
        stop: event that stops the run after the current chunk of steps.
        send: called with each update.
    """

    def __init__(
        self,
        job: Job,
        programs: Programs,
        *,
        stop: threading.Event,
        send: Callable[[Update], object],
    ):
        self._job, self._programs, self._stop, self._send = job, programs, stop, send
        self._config = job.config
        self._last = Update(num_steps=job.config.total_steps)
        self._done = 0  # steps of earlier faces
        self._first_step: tuple[int, float] | None = None

    def __call__(self) -> Outcome:
        """Restores, and writes the results; returns the outcome.

        Raises:
            Refusal: the input or an option cannot be used, or the run has failed.
        """
        try:
            return self._restore()
        # Every problem becomes a message.
        except Exception as error:
            raise _refusal(error) from error

    def _restore(self) -> Outcome:
        plan = self._plan()
        resolution = plan.requirements.resolution
        is_ready = self._programs.has(self._config, resolution=resolution)
        self._say("" if is_ready else "loading the generator")
        restorer = self._programs.restorer(
            self._config, resolution=resolution, notify=lambda line: self._say(str(line))
        )
        compiling = "compiling; the next restoration like this is faster"
        num_steps = self._config.total_steps
        self._last = dataclasses.replace(self._last, num_steps=num_steps * len(plan.specs))
        results: list[ImageResult] = []
        for i, spec in enumerate(plan.specs):
            self._done = i * num_steps
            self._last = dataclasses.replace(self._last, losses=())
            item = inputs.load(spec, expected=plan.requirements)
            self._say("starting" if is_ready or results else compiling)
            results.append(self._restore_one(restorer, item))
            if self._stop.is_set():
                break
        return self._finish(plan, tuple(results))

    def _restore_one(self, restorer: Restorer, item: inputs.LoadedInput) -> ImageResult:
        batch = restorer.restore([item], progress=self._count, show=self._show)
        return batch.images[0]

    def _plan(self) -> Preparation:
        notes: list[str] = []
        is_photograph = self._config.align != "none"
        self._say("looking for faces" if is_photograph else "reading the picture")
        plan = prepare(
            str(self._job.picture), config=self._config, masks=self._masks(), notify=notes.append
        )
        if len(plan.photographs if is_photograph else plan.specs) != 1:
            raise Refusal("input", "The file must hold one picture, or one slice must be chosen.")
        return plan

    def _masks(self) -> str | None:
        needs = "missing" in self._config.traits.data_names
        if needs and self._job.mask is None:
            raise Refusal("masks", "Paint the missing pixels, or upload a mask.")
        return str(self._job.mask) if needs else None

    def _finish(self, plan: Preparation, results: tuple[ImageResult, ...]) -> Outcome:
        warnings = tuple(dict.fromkeys(line for one in results for line in one.all_warnings))
        is_complete = len(results) == len(plan.specs) and all(one.complete for one in results)
        shown = None
        if self._job.folder is not None and self._job.folder.is_dir():
            shown = self._save(plan, results, self._job.folder)
        return Outcome(
            shown,
            {one.name: one.metrics for one in results},
            warnings,
            sum(one.seconds for one in results),
            is_complete,
        )

    def _save(
        self, plan: Preparation, results: tuple[ImageResult, ...], folder: Path
    ) -> views.Views:
        """Writes the results and the pictures of the page."""
        photographs = restored_photographs(plan.photographs, results, self._config.corruption)
        public = tuple(dataclasses.replace(one, origin=_public(one.origin)) for one in results)
        restoration = Restoration(public, config=self._config, photographs=photographs)
        save_restoration(folder / RESULTS, restoration)
        shown = folder / _VIEWS
        shown.mkdir()
        if photographs:
            figures = tuple(folder / RESULTS / one.name / "figure.png" for one in public)
            whole = views.save_photograph_views(photographs[0], shown)
            return dataclasses.replace(whole, faces=figures)
        return views.save_views(public[0], shown)

    def _say(self, note: str) -> None:
        self._last = dataclasses.replace(self._last, note=note)
        self._send(self._last)

    def _show(self, preview: Preview) -> bool:
        self._last = dataclasses.replace(
            self._last, note="", measurement=preview.measurement[0], image=preview.images[0]
        )
        return self._stop.is_set()

    def _count(self, step: Step) -> bool:
        """Adds the step to the last update, which has its picture already."""
        now, done = time.monotonic(), self._done + step.step
        left = None
        if self._first_step is None:
            self._first_step = done, now
        elif done > self._first_step[0]:
            first, start = self._first_step
            left = (now - start) / (done - first) * (self._last.num_steps - done)
        self._last = dataclasses.replace(
            self._last,
            note=step.note,
            step=done,
            losses=(*self._last.losses, sum(step.terms.values())),
            seconds_left=left,
        )
        self._send(self._last)
        return self._stop.is_set()


def _public(origin: Origin) -> Origin:
    """Returns the facts about an input without the paths of the server."""
    return {name: value for name, value in origin.items() if name not in ("input", "mask")}


def _refusal(error: Exception) -> Refusal:
    import tensorflow as tf

    if isinstance(error, NotFiniteError):
        return Refusal("", "The restoration diverged. Try other settings or another picture.")
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return Refusal("", "Memory ran out. Choose a smaller generator or fewer samples.")
    return refusal_of(error)
