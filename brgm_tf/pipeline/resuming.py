"""Resumes an interrupted run: its finished images, and the checkpoints of its stopped batches.

An image is finished if its metrics.json says that it is complete; that file is written last. The
files of its input must also have the path, the size and the version that metrics.json states. A
run that is stopped writes the checkpoints of its last batches. TensorFlow is not imported here.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import output_folder
from brgm_tf.io.inputs import InputSpec
from brgm_tf.io.origin import COLUMNS, is_same
from brgm_tf.pipeline.batch_result import BatchCheckpoint
from brgm_tf.reporting import writer
from brgm_tf.reporting.tables import read_rows

# Numbers in metrics.json that are no metrics.
_NO_METRICS = ("stddev_white",)
_SHOWN = 5  # names in a line


@dataclasses.dataclass(frozen=True)
class Finished:
    """The images of an earlier run that need not be restored again.

    Attributes:
        rows: rows of metrics.csv by name, in the order of the inputs.
        changed: names of finished images whose input or mask has changed since.
    """

    rows: dict[str, dict[str, object]] = dataclasses.field(default_factory=dict)
    changed: list[str] = dataclasses.field(default_factory=list)

    def lines(self, count: int) -> list[str]:
        """Returns lines of text for the user about a run of `count` images."""
        lines = [f"{len(self.rows)} of {count} images were finished before"]
        if self.changed:
            names = ", ".join(self.changed[:_SHOWN]) + "..." * (len(self.changed) > _SHOWN)
            lines.append(f"restored again, because the input has changed: {names}")
        return lines

    def add(self, spec: InputSpec, row: dict[str, object]) -> None:
        """Adds the row of an image, if the row is that of its present input."""
        if is_same(spec.origin, row):
            self.rows[spec.name] = row
        else:
            self.changed.append(spec.name)


def find_finished(folder: str | os.PathLike, specs: Sequence[InputSpec], *, flags: str) -> Finished:
    """Returns the finished images of a folder, whose inputs are those of their results.

    Args:
        folder: folder of the run, which may be empty or absent.
        specs: the inputs.
        flags: text of flags.cfg of the resuming run.

    Raises:
        InputError: the folder belongs to a run with other flags.
    """
    folder = output_folder.expanded(folder)
    _check_flags(folder, flags)
    tables = sorted(folder.glob("metrics*.csv"))
    written = {row["image"]: row for table in tables for row in read_rows(table)}
    finished = Finished()
    for spec in specs:
        row = _metrics_of(folder / spec.name / writer.METRICS_NAME, spec.name)
        if row is not None:
            # The table alone has the seconds, but it may be older than the files.
            tabled = written.get(spec.name, row)
            finished.add(spec, {**(tabled if is_same(row, tabled) else row)})
    return finished


def find_tabled(folder: str | os.PathLike, specs: Sequence[InputSpec], *, flags: str) -> Finished:
    """Returns the finished images as metrics.csv has them, without reading their files.

    Args:
        folder, specs, flags: see `find_finished`.

    Raises:
        InputError: the folder belongs to a run with other flags.
    """
    folder = output_folder.expanded(folder)
    _check_flags(folder, flags)
    written = {row["image"]: row for row in read_rows(folder / "metrics.csv")}
    finished = Finished()
    for spec in specs:
        if spec.name in written:
            finished.add(spec, {**written[spec.name]})
    return finished


def check_same_run(folder: str | os.PathLike, flags: str) -> None:
    """Checks that a folder has no flags.cfg of other flags.

    Args:
        folder: folder of the run.
        flags: text of flags.cfg of this run.

    Raises:
        InputError: the folder belongs to a run with other flags.
    """
    _check_flags(output_folder.expanded(folder), flags)


def _check_flags(folder: Path, flags: str) -> None:
    try:
        before = (folder / "flags.cfg").read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return
    differing = set(before.splitlines()) ^ set(flags.splitlines())
    if differing:
        # The state of a file is a comment, '# --generator: 1024 bytes of ...'.
        names = sorted({re.split("[=:]", line.removeprefix("# "))[0] for line in differing})
        raise InputError(
            "resume",
            "must have the flags of the run in its output_dir; these differ: " + ", ".join(names),
            remedy="Give another output_dir, or leave --resume out to start again",
            output_dir=str(folder),
        )


def _metrics_of(path: Path, name: str) -> dict[str, object] | None:
    """Returns the row of a finished image, without its seconds; None for an unfinished image."""
    try:
        contents = json.loads(path.read_bytes())
        is_complete = contents["complete"]
    # A file that cannot be read is written again.
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not is_complete:
        return None
    metrics = {
        key: value
        for key, value in contents.items()
        if (isinstance(value, float) and key not in _NO_METRICS) or key in COLUMNS
    }
    unknown = {key: None for key, value in contents.items() if value is None}
    return {"image": name, **metrics, **unknown}


def save_checkpoints(
    folder: str | os.PathLike, checkpoints: Sequence[BatchCheckpoint], *, name: str
) -> None:
    """Writes the checkpoints of stopped batches; without any, removes the file.

    Args:
        folder: folder of the run.
        checkpoints: the checkpoints.
        name: name of the file; see `Shard.state`.

    Raises:
        InputError: the file cannot be written.
    """
    path = output_folder.expanded(folder) / name
    arrays: dict[str, Any] = {}
    about = []
    for i, batch in enumerate(checkpoints):
        about.append([list(batch.keys), {key: len(parts) for key, parts in batch.state.items()}])
        for key, parts in batch.state.items():
            arrays |= {f"{i}/state/{key}/{j}": array for j, array in enumerate(parts)}
        arrays |= {f"{i}/history/{term}": values for term, values in batch.history.items()}
    try:
        if checkpoints:
            file = io.BytesIO()
            np.savez(file, about=np.array(json.dumps(about)), **arrays)
            atomic_files.write(path, file.getvalue())
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise output_folder.unwritable(path, error) from None


def load_checkpoints(
    folder: str | os.PathLike, *, name: str
) -> dict[tuple[str, ...], BatchCheckpoint]:
    """Returns the checkpoints of stopped batches by the keys of their images; {} without a file.

    Args:
        folder, name: see `save_checkpoints`.

    Raises:
        InputError: the file cannot be read.
    """
    path = output_folder.expanded(folder) / name
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            batches = [_checkpoint(arrays, i, *item) for i, item in enumerate(about)]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "resume",
            f"needs a readable {name} in output_dir ({error})",
            remedy="Remove the file to start that batch again",
            output_dir=str(folder),
        ) from None
    return {batch.keys: batch for batch in batches}


def _checkpoint(arrays, i: int, keys: Sequence[str], counts: Mapping[str, int]) -> BatchCheckpoint:
    state = {
        key: [arrays[f"{i}/state/{key}/{j}"] for j in range(count)] for key, count in counts.items()
    }
    start = f"{i}/history/"
    history = {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)}
    return BatchCheckpoint(tuple(keys), state, history)
