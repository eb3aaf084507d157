"""Going on with a run that was interrupted: what of it is finished, and its table of metrics.

An image is finished where its metrics.json is, which is written last, and says that it is complete.
TensorFlow is not imported here.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from brgm_tf import outputs
from brgm_tf.errors import InputError

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
    folder = Path(folder).expanduser()
    _check_flags(folder, flags)
    tables = sorted(folder.glob("metrics*.csv"))
    written = {row["image"]: row for table in tables for row in read_rows(table)}
    found = {}
    for name in names:
        row = _metrics_of(folder / name / outputs.METRICS_NAME, name)
        if row is not None:
            found[name] = written.get(name, row)
    return found


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table that may have been cut off while it was written; [] without one."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return []
    whole = text[: text.rfind("\n") + 1]
    return [row for row in csv.DictReader(io.StringIO(whole)) if None not in row.values()]


class MetricsTable:
    """metrics.csv of a run that is under way: every batch adds its rows.

    Args:
        folder: of the run.
        rows: what is in the table already.
        name: of the file.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        rows: Sequence[Mapping[str, object]] = (),
        *,
        name: str = "metrics.csv",
    ):
        self._path = Path(folder).expanduser() / name
        self._columns: list[str] = []
        self._rewrite(rows)

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Adds rows; the file is written anew only where they bring a new column.

        Raises:
            InputError: the file cannot be written.
        """
        if {name for row in rows for name in row} - set(self._columns):
            self._rewrite([*read_rows(self._path), *rows])
            return
        lines = outputs.csv_text([], ([row.get(name) for name in self._columns] for row in rows))
        try:
            with open(self._path, "ab") as file:
                file.write(lines)
        except OSError as error:
            raise outputs.unwritable(self._path, error) from None

    def _rewrite(self, rows: Sequence[Mapping[str, object]]) -> None:
        path = outputs.save_metrics_csv(self._path.parent, rows, name=self._path.name)
        self._columns = path.read_text("utf-8", "surrogateescape").splitlines()[0].split(",")


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
