"""Going on with a run that was interrupted: what of it is finished, and where its batches were.

An image is finished where its metrics.json is, which is written last, and says that it is complete.
A run that was stopped leaves the state of its last batches behind, from which they go on.
TensorFlow is not imported here.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import output_folder
from brgm_tf.reporting import writer
from brgm_tf.reporting.results import BatchCheckpoint
from brgm_tf.reporting.tables import read_rows

# Of metrics.json, what is no figure of merit.
_NO_METRICS = ("stddev_white",)


def finished_rows(
    folder: str | os.PathLike, names: Sequence[str], *, flags: str
) -> dict[str, dict[str, object]]:
    """The rows of metrics.csv of the images that are finished, by name, in the order of `names`.

    Args:
        folder: of the run; it may be empty, or not there.
        names: of the images.
        flags: the text of flags.cfg of the run that goes on.

    Raises:
        InputError: the folder is of a run with other flags.
    """
    folder = output_folder.expanded(folder)
    _check_flags(folder, flags)
    tables = sorted(folder.glob("metrics*.csv"))
    written = {row["image"]: row for table in tables for row in read_rows(table)}
    found = {}
    for name in names:
        row = _metrics_of(folder / name / writer.METRICS_NAME, name)
        if row is not None:
            found[name] = written.get(name, row)
    return found


def tabled_rows(
    folder: str | os.PathLike, names: Sequence[str], *, flags: str
) -> dict[str, dict[str, object]]:
    """As `finished_rows`, of what metrics.csv has, without a look at each image's files.

    Args:
        folder, names, flags: as of `finished_rows`.

    Raises:
        InputError: the folder is of a run with other flags.
    """
    folder = output_folder.expanded(folder)
    _check_flags(folder, flags)
    written = {row["image"]: row for row in read_rows(folder / "metrics.csv")}
    return {name: written[name] for name in names if name in written}


def _check_flags(folder: Path, flags: str) -> None:
    try:
        before = (folder / "flags.cfg").read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return
    differing = set(before.splitlines()) ^ set(flags.splitlines())
    if differing:
        names = sorted({line.split("=")[0] for line in differing})
        raise InputError(
            "resume",
            "must have the flags that its output_dir was begun with; other ones: "
            + ", ".join(names),
            remedy="Give another output_dir, or leave --resume out to begin anew",
            output_dir=str(folder),
        )


def _metrics_of(path: Path, name: str) -> dict[str, object] | None:
    """The row of an image that is finished, without the seconds it took; None of another."""
    try:
        contents = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not contents["complete"]:
        return None
    metrics = {
        key: value
        for key, value in contents.items()
        if isinstance(value, float) and key not in _NO_METRICS
    }
    unknown = {key: None for key, value in contents.items() if value is None}
    return {"image": name, **metrics, **unknown}


def save_checkpoints(
    folder: str | os.PathLike, checkpoint: Sequence[BatchCheckpoint], *, name: str
) -> None:
    """Writes where batches were stopped; without any, removes what an earlier run has written.

    Args:
        folder: of the run.
        checkpoint: the batches.
        name: of the file, as of `Shard.state`.

    Raises:
        InputError: the file cannot be written.
    """
    path = output_folder.expanded(folder) / name
    arrays, about = {}, []
    for i, batch in enumerate(checkpoint):
        about.append([list(batch.names), {key: len(found) for key, found in batch.state.items()}])
        for key, found in batch.state.items():
            arrays |= {f"{i}/state/{key}/{j}": array for j, array in enumerate(found)}
        arrays |= {f"{i}/history/{term}": values for term, values in batch.history.items()}
    try:
        if checkpoint:
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
    """Where batches were stopped, by the names of their images; {} without such a file.

    Args:
        folder, name: as of `save_checkpoints`.

    Raises:
        InputError: it cannot be read.
    """
    path = output_folder.expanded(folder) / name
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            batches = [_kept(arrays, i, *item) for i, item in enumerate(about)]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "resume",
            f"needs a readable {name} in output_dir ({error})",
            remedy="Remove the file to have that batch begin anew",
            output_dir=str(folder),
        ) from None
    return {batch.names: batch for batch in batches}


def _kept(arrays, i: int, names: Sequence[str], counts: Mapping[str, int]) -> BatchCheckpoint:
    state = {
        key: [arrays[f"{i}/state/{key}/{j}"] for j in range(count)] for key, count in counts.items()
    }
    start = f"{i}/history/"
    history = {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)}
    return BatchCheckpoint(tuple(names), state, history)
