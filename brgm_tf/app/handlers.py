"""Answers to what a visitor does: values for components, without the components themselves."""

from __future__ import annotations

import dataclasses
import html
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from brgm_tf.app import canvas, chains, uploads, views
from brgm_tf.app.examples import DEFAULT, FIRST
from brgm_tf.app.finishing import Finished, finish
from brgm_tf.app.jobs import Job, Update
from brgm_tf.app.messages import Refusal, refusal_of
from brgm_tf.app.owner import Owner
from brgm_tf.app.sessions import Session, Sessions
from brgm_tf.app.settings import Settings, config_of
from brgm_tf.app.worker_process import Worker
from brgm_tf.io import inputs, medical
from brgm_tf.io.discovery import EXAMPLE_PREFIX
from brgm_tf.io.medical import Slicing

_WARM = "warm-up"  # key of a session that no request has


@dataclasses.dataclass(frozen=True)
class Request:
    """A checked request of a restoration.

    Attributes:
        job: the job of the worker.
        notes: lines of text for the visitor.
    """

    job: Job
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Uploaded:
    """An uploaded picture on the page.

    Attributes:
        canvas: value of the editor.
        is_medical: whether the file is NIfTI or DICOM.
        num_slices: number of slices of a NIfTI volume; 1 for other files.
        middle: index of the middle slice.
    """

    canvas: Any
    is_medical: bool
    num_slices: int = 1
    middle: int = 0


class Handlers:
    """Answers to what visitors do.

    Args:
        owner: what the owner allows.
        sessions: the sessions.
        worker: does the jobs.
    """

    def __init__(self, owner: Owner, sessions: Sessions, worker: Worker):
        self.owner, self.sessions, self.worker = owner, sessions, worker

    @property
    def first_example(self) -> str | None:
        """Name of the example that the page opens with."""
        names = list(self.owner.examples)
        is_chosen = FIRST not in names and DEFAULT in names
        return DEFAULT if is_chosen else next(iter(names), None)

    def warm(self) -> None:
        """Compiles the program of the first example, unless its weights must be fetched.

        The first visitor then sees a picture sooner.
        """
        name = self.first_example
        if name is None:
            return
        stop = threading.Event()
        stop.set()  # after the first steps
        try:
            values = self.choose_example(name, _WARM)
            if not self.owner.are_cached(values["generator"]):
                return
            names = ("generator", "input_kind", "rows", "estimator", "num_steps", "align")
            settings = Settings(**{field: values[field] for field in names})
            picture = self.sessions.get(_WARM).input or ""
            mask = self.owner.examples[name].flags.get("masks")
            job = Job(config_of(settings, self.owner), picture, mask, folder=None)
            for _ in self.worker.run(job, stop=stop):
                pass
        except Refusal as refusal:
            logging.getLogger(__name__).warning("the warm-up failed: %s", refusal.text)
        finally:
            self.sessions.close(_WARM)

    def choose_example(self, name: str, key: str | None) -> dict[str, Any]:
        """Returns the values of the components for an example, by their names.

        Raises:
            Refusal: the page has no such example.
        """
        if name not in self.owner.examples:
            raise Refusal("input", "This page has no such example.")
        flags = self.owner.examples[name].flags
        session = self.sessions.get(key)
        session.input = _picture_of(flags["input"])
        rows = chains.rows_of(flags.get("corruption", "none"), self.owner.corruptions)
        steps = int(flags.get("num_steps", 350))
        align = flags.get("align", "none") != "none"
        return {
            "generator": self.owner.public(flags["generator"]),
            "input_kind": flags.get("input_kind", "measurement"),
            "rows": rows,
            "estimator": flags.get("estimator", "map"),
            "num_steps": min(steps, self.owner.limits.steps),
            "align": align,
            "editor": self._canvas(session, Slicing(), align=align, mask=flags.get("masks")),
        }

    def upload(
        self, path: str, plane: str, window: str, align: bool, *, key: str | None
    ) -> Uploaded:
        """Takes an uploaded picture.

        Args:
            path: path of the file.
            plane: plane of the slices of a volume.
            window: window of the grey levels of medical files.
            align: whether the picture is a photograph with faces.
            key: key of the session.

        Raises:
            Refusal: the file cannot be used.
        """
        session = self.sessions.get(key)
        try:
            session.input = uploads.take_upload(path, session, limits=self.owner.limits)
            if medical.is_medical(session.input):
                return self.choose_plane(plane, window, align, key=key)
            return Uploaded(self._canvas(session, Slicing(), align=align), is_medical=False)
        except Exception as error:
            session.input = None
            raise refusal_of(error, field="input") from None

    def choose_plane(self, plane: str, window: str, align: bool, *, key: str | None) -> Uploaded:
        """Returns the middle slice of the uploaded volume in another plane.

        Raises:
            Refusal: the volume cannot be read.
        """
        session = self.sessions.get(key)
        try:
            count, middle = uploads.slices_of(session.input, plane)
            canvas = self._canvas(session, Slicing(plane, str(middle), window), align=align)
        except Exception as error:
            raise refusal_of(error, field="input") from None
        return Uploaded(canvas, True, count, middle)

    def draw(self, slicing: Slicing, align: bool, key: str | None) -> Any:
        """Returns the canvas of another slice of the uploaded volume, or of a whole photograph.

        Raises:
            Refusal: the volume has no such slice.
        """
        try:
            return self._canvas(self.sessions.get(key), slicing, align=align)
        except Exception as error:
            raise refusal_of(error, field="input") from None

    def upload_mask(self, path: str, slicing: Slicing, align: bool, key: str | None) -> Any:
        """Returns the canvas with an uploaded mask as its strokes.

        Raises:
            Refusal: the mask cannot be used.
        """
        session = self.sessions.get(key)
        folder = session.new_folder("upload")
        try:
            if not path.lower().endswith(".png"):
                raise Refusal("masks", "The mask must be a PNG file.")
            target = Path(path).replace(folder / "mask.png")
            uploads.check_size(target, limits=self.owner.limits)
            return self._canvas(session, slicing, align=align, mask=str(target))
        except Exception as error:
            raise refusal_of(error, field="masks") from None

    def facts(self, name: str) -> tuple[str, bool, bool]:
        """Returns the HTML of the facts about a generator, and whether it has classes and faces."""
        facts = self.owner.facts_of(name)
        lines = (f"{facts.size}; {facts.help}", self.owner.state_of(name), facts.licence)
        text = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
        return text, bool(self.owner.row_of(name).num_classes), self.owner.has_faces(name)

    def facts_of_handle(self, handle: object) -> str:
        """Returns the HTML of the facts about an offered generator by its handle."""
        names = [name for name, other in self.owner.generators.items() if other == handle]
        return self.facts(names[0])[0] if names else ""

    def request(self, settings: Settings, editor: Any, key: str | None) -> Request:
        """Returns the checked request of a visitor.

        Raises:
            Refusal: a value cannot be used.
        """
        session = self.sessions.get(key)
        if session.input is None:
            raise Refusal("input", "Choose an example, or upload a picture.")
        if session.is_running:
            raise Refusal("run", "A restoration of this page runs or waits already.")
        if self.sessions.count_running() > self.owner.limits.waiting:
            raise Refusal("run", "Too many restorations wait. Try again later.")
        notes = []
        try:
            missing = canvas.painted_mask(editor)
            if missing is not None:
                rows = chains.with_mask(settings.rows, self.owner.corruptions)
                if len(rows) > len(settings.rows):
                    notes.append("The painted pixels count as missing, so mask() was added.")
                settings = dataclasses.replace(settings, rows=rows)
            if uploads.slices_of(session.input, settings.plane)[0] == 1:
                settings = dataclasses.replace(settings, slices=None)
            config = config_of(settings, self.owner)
            if missing is not None and settings.align and session.photograph is not None:
                missing = canvas.photograph_mask(missing, session.photograph)
        except Exception as error:
            raise refusal_of(error) from None
        mask = None
        if missing is not None:
            mask = canvas.save_mask(missing, session.new_folder("mask"))
        session.stop.clear()
        session.is_running = True
        return Request(Job(config, session.input, mask, session.new_folder("run")), tuple(notes))

    def run(self, request: Request, key: str | None) -> Iterator[Update | Finished]:
        """Yields the updates of a restoration, and then everything that the page shows.

        Raises:
            Refusal: the restoration has failed.
        """
        session = self.sessions.get(key)
        try:
            if session.stop.is_set():
                raise Refusal("run", "Stopped before it began.")
            for message in self.worker.run(request.job, stop=session.stop):
                if isinstance(message, Update):
                    yield message
                else:
                    yield finish(message, request.job, owner=self.owner, notes=request.notes)
        finally:
            session.is_running = False
            self.sessions.touch(session)

    def pixel_at(self, x: float, y: float, *, side: int | None, key: str | None) -> tuple[int, int]:
        """Returns the column and the row of the image's pixel at a point of a shown picture.

        Args:
            x, y: point in pixels of the picture, from its upper left corner.
            side: pixels of the picture along a side; None for a picture of `views.enlarged`.
            key: key of the session.
        """
        path = self._intervals(key)
        if path is None:
            return 0, 0
        resolution = views.resolution_of(path)
        factor = resolution / (side or max(views.SIDE, resolution))
        column, row = (min(max(int(part * factor), 0), resolution - 1) for part in (x, y))
        return column, row

    def interval(self, column: float, row: float, key: str | None) -> str:
        """Returns the 90 % interval of a pixel of the last result, as HTML."""
        path = self._intervals(key)
        if path is None:
            return ""
        text = views.interval_text(path, column=int(column), row=int(row))
        return f"<p class='note' role='status'>{html.escape(text)}</p>"

    def _intervals(self, key: str | None) -> Path | None:
        """Returns the file of the intervals of a session's last result; None without samples."""
        folder = self.sessions.get(key).folder
        return next(folder.glob("run-*/results/*/uncertainty.npz"), None)

    def _canvas(
        self, session: Session, slicing: Slicing, *, align: bool, mask: str | None = None
    ) -> Any:
        """Returns the value of the editor: the picture, and a mask as its strokes."""
        if session.input is None:
            return None
        specs = inputs.plan(str(session.input), slicing=slicing)
        if len(specs) != 1:
            raise Refusal("input", "Choose one slice.")
        session.photograph = None
        if align:
            levels, session.photograph = canvas.painted_photograph(specs[0])
        else:
            levels = canvas.painted_picture(specs[0], channels=3)
        folder = session.new_folder("canvas")
        picture = folder / "picture.png"
        Image.fromarray(levels).save(picture)
        layers = []
        if mask is not None:
            layers.append(canvas.save_strokes(mask, folder, size=session.photograph))
        return {"background": str(picture), "layers": layers, "composite": None}


def _picture_of(handle: str) -> Path | str:
    """Returns a handle of an example, or the path of the owner's file."""
    return handle if handle.startswith(EXAMPLE_PREFIX) else Path(handle).expanduser().absolute()
