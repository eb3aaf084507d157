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

from brgm_tf.app import chains, live, replay, uploads, views
from brgm_tf.app.examples import DEFAULT, FIRST
from brgm_tf.app.messages import Refusal, refusal_of
from brgm_tf.app.owner import Owner
from brgm_tf.app.programs import Programs
from brgm_tf.app.runs import Run, Update
from brgm_tf.app.sessions import Session, Sessions
from brgm_tf.app.settings import Settings, config_of
from brgm_tf.io import inputs, medical
from brgm_tf.io.discovery import EXAMPLE_PREFIX
from brgm_tf.io.medical import Slicing
from brgm_tf.pipeline.config import Config
from brgm_tf.reporting.results import ImageResult, Restoration
from brgm_tf.reporting.saving import save_restoration

_WARM = "warm-up"  # key of a session that no request has


@dataclasses.dataclass(frozen=True)
class Request:
    """A checked request of a restoration.

    Attributes:
        config: configuration.
        picture: path of the input, or 'example:NAME'.
        mask: path of its mask, or None.
        notes: lines of text for the visitor.
    """

    config: Config
    picture: Path | str
    mask: Path | str | None
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Finished:
    """Everything that the page shows of a finished restoration.

    Attributes:
        views: paths of the pictures.
        metrics: HTML of the table of metrics, with the warnings.
        archive: path of the archive.
        flagfile: text of the flagfile.
        script: Python lines.
        has_samples: whether there are posterior samples.
    """

    views: views.Views
    metrics: str
    archive: Path
    flagfile: str
    script: str
    has_samples: bool


class Handlers:
    """Answers to what visitors do.

    Args:
        owner: what the owner allows.
        sessions: the sessions.
        programs: the compiled programs.
    """

    def __init__(self, owner: Owner, sessions: Sessions, programs: Programs):
        self.owner, self.sessions, self.programs = owner, sessions, programs

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
        if name is None or not self.programs.are_cached(
            self.owner.examples[name].flags.get("generator", "")
        ):
            return
        session = self.sessions.get(_WARM)
        stop = threading.Event()
        stop.set()  # after the first steps
        try:
            values = self.choose_example(name, _WARM)
            names = ("generator", "input_kind", "rows", "estimator", "num_steps")
            settings = Settings(**{field: values[field] for field in names})
            mask = self.owner.examples[name].flags.get("masks")
            config = config_of(settings, self.owner)
            run = Run(config, session.input or "", mask=mask, programs=self.programs, stop=stop)
            for _ in run.updates():
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
        return {
            "generator": self.owner.public(flags["generator"]),
            "input_kind": flags.get("input_kind", "measurement"),
            "rows": rows,
            "estimator": flags.get("estimator", "map"),
            "num_steps": min(steps, self.owner.limits.steps),
            "editor": self._canvas(session, Slicing(), mask=flags.get("masks")),
        }

    def upload(self, path: str, slicing: Slicing, key: str | None) -> tuple[Any, bool]:
        """Takes an uploaded picture; returns the canvas, and whether the file is medical.

        Raises:
            Refusal: the file cannot be used.
        """
        session = self.sessions.get(key)
        try:
            session.input = uploads.take_upload(path, session, limits=self.owner.limits)
            is_medical = medical.is_medical(session.input)
            return self._canvas(session, slicing), is_medical
        except Exception as error:
            session.input = None
            raise refusal_of(error, field="input") from None

    def choose_slice(self, slicing: Slicing, key: str | None) -> Any:
        """Returns the canvas of another slice of the uploaded volume.

        Raises:
            Refusal: the volume has no such slice.
        """
        try:
            return self._canvas(self.sessions.get(key), slicing)
        except Exception as error:
            raise refusal_of(error, field="input") from None

    def upload_mask(self, path: str, slicing: Slicing, key: str | None) -> Any:
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
            return self._canvas(session, slicing, mask=str(target))
        except Exception as error:
            raise refusal_of(error, field="masks") from None

    def facts(self, name: str) -> tuple[str, bool]:
        """Returns the HTML of the facts about a generator, and whether it has classes."""
        facts = self.owner.facts_of(name)
        lines = (f"{facts.size}, {facts.state}. {facts.help}", facts.licence)
        text = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
        return text, bool(self.owner.row_of(name).num_classes)

    def request(self, settings: Settings, canvas: Any, key: str | None) -> Request:
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
            missing = uploads.painted_mask(canvas)
            if missing is not None:
                rows = chains.with_mask(settings.rows, self.owner.corruptions)
                if len(rows) > len(settings.rows):
                    notes.append("The painted pixels count as missing, so mask() was added.")
                settings = dataclasses.replace(settings, rows=rows)
            config = config_of(settings, self.owner)
        except Exception as error:
            raise refusal_of(error) from None
        session.mask = None
        if missing is not None:
            session.mask = uploads.save_mask(missing, session.new_folder("mask"))
        session.stop.clear()
        session.is_running = True
        return Request(config, session.input, session.mask, tuple(notes))

    def run(self, request: Request, key: str | None) -> Iterator[Update | Finished]:
        """Yields the updates of a restoration, and then everything that the page shows.

        Raises:
            Refusal: the restoration has failed.
        """
        session = self.sessions.get(key)
        try:
            if session.stop.is_set():
                raise Refusal("run", "Stopped before it began.")
            run = Run(
                request.config,
                request.picture,
                mask=request.mask,
                programs=self.programs,
                stop=session.stop,
            )
            for update in run.updates():
                yield update
                if update.result is not None:
                    yield self._finish(update.result, request, session)
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

    def _finish(self, result: ImageResult, request: Request, session: Session) -> Finished:
        folder = session.new_folder("run")
        config = request.config
        # The paths of the server stay on the server.
        origin = {k: v for k, v in result.origin.items() if k not in ("input", "mask")}
        result = dataclasses.replace(result, origin=origin)
        results = save_restoration(folder / "results", Restoration((result,), config=config))
        sources = [path for path in (request.picture, request.mask) if isinstance(path, Path)]
        picture = _name_of(request.picture)
        mask = None if request.mask is None else _name_of(request.mask)
        public = self.owner.public
        flagfile = public(replay.flags_of(config, picture=picture, mask=mask))
        script = public(replay.script_of(config, picture=picture, mask=mask))
        archive = replay.write_archive(
            folder / "brgm_tf.zip",
            results=results,
            sources=sources,
            texts={replay.FLAGFILE: flagfile, replay.SCRIPT: script},
        )
        shown = folder / "views"
        shown.mkdir()
        return Finished(
            views.save_views(result, shown),
            _metrics(result, request.notes),
            archive,
            flagfile,
            script,
            result.samples is not None,
        )

    def _canvas(self, session: Session, slicing: Slicing, *, mask: str | None = None) -> Any:
        """Returns the value of the editor: the picture, and a mask as its strokes."""
        if session.input is None:
            return None
        specs = inputs.plan(str(session.input), slicing=slicing)
        if len(specs) != 1:
            raise Refusal("input", "Choose one slice.")
        folder = session.new_folder("canvas")
        picture = folder / "picture.png"
        Image.fromarray(uploads.painted_picture(specs[0], channels=3)).save(picture)
        layers = [] if mask is None else [uploads.save_strokes(mask, folder)]
        return {"background": str(picture), "layers": layers, "composite": None}


def _picture_of(handle: str) -> Path | str:
    """Returns a handle of an example, or the path of the owner's file."""
    return handle if handle.startswith(EXAMPLE_PREFIX) else Path(handle).expanduser().absolute()


def _name_of(path: Path | str) -> str:
    return path.name if isinstance(path, Path) else path


def _metrics(result: ImageResult, notes: tuple[str, ...]) -> str:
    """Returns the HTML of the metrics, and of the warnings below them."""
    lines = [*notes, *result.all_warnings]
    if not result.complete:
        lines.insert(0, "Stopped: this is the restoration so far.")
    shown = "".join(f"<p class='note'>{html.escape(line)}</p>" for line in lines)
    title = f"Metrics ({result.seconds:.0f} s)"
    return live.table(views.metric_rows(result.metrics), title=title) + shown
