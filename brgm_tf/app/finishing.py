"""Everything that the page shows of a finished restoration: metrics, archive, repetition."""

from __future__ import annotations

import dataclasses
import html
from pathlib import Path

from brgm_tf.app import live, replay, views
from brgm_tf.app.jobs import RESULTS, Job, Outcome
from brgm_tf.app.messages import Refusal
from brgm_tf.app.owner import Owner


@dataclasses.dataclass(frozen=True)
class Finished:
    """Everything that the page shows of a finished restoration.

    Attributes:
        views: paths of the pictures.
        metrics: HTML of the tables of metrics, with the warnings.
        archive: path of the archive.
        flagfile: text of the flagfile.
        script: Python lines.
    """

    views: views.Views
    metrics: str
    archive: Path
    flagfile: str
    script: str


def finish(outcome: Outcome, job: Job, *, owner: Owner, notes: tuple[str, ...]) -> Finished:
    """Writes the archive of a job; returns everything that the page shows.

    Args:
        outcome: the outcome of the job.
        job: the job, which has a folder.
        owner: what the owner allows.
        notes: lines of text for the visitor.

    Raises:
        Refusal: the page was closed in the meantime.
    """
    if outcome.views is None or job.folder is None:
        raise Refusal("run", "The files of this page were deleted. Load the page again.")
    sources = [path for path in (job.picture, job.mask) if isinstance(path, Path)]
    picture, mask = _name_of(job.picture), None if job.mask is None else _name_of(job.mask)
    flagfile = owner.public(replay.flags_of(job.config, picture=picture, mask=mask))
    script = owner.public(replay.script_of(job.config, picture=picture, mask=mask))
    archive = replay.write_archive(
        job.folder / "brgm_tf.zip",
        results=job.folder / RESULTS,
        sources=sources,
        texts={replay.FLAGFILE: flagfile, replay.SCRIPT: script},
    )
    return Finished(outcome.views, _metrics(outcome, notes), archive, flagfile, script)


def _name_of(path: Path | str) -> str:
    return path.name if isinstance(path, Path) else path


def _metrics(outcome: Outcome, notes: tuple[str, ...]) -> str:
    """Returns the HTML of the metrics of each image, and of the warnings below them."""
    lines = [*notes, *outcome.warnings]
    if not outcome.is_complete:
        lines.insert(0, "Stopped: this is the restoration so far.")
    tables: list[str] = []
    for name, metrics in outcome.metrics.items():
        title = "Metrics" if len(outcome.metrics) == 1 else f"Metrics of {name}"
        title += "" if tables else f" ({outcome.seconds:.0f} s)"
        tables.append(live.table(views.metric_rows(metrics), title=title))
    shown = "".join(f"<p class='note'>{html.escape(line)}</p>" for line in lines)
    return "".join(tables) + shown
