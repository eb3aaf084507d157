"""Tables of a run, metrics.csv and others: written as a whole, or row by row."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from brgm_tf.io import origin, output_folder

if TYPE_CHECKING:
    from brgm_tf.reporting.results import ImageResult

# The first columns of metrics.csv; other metrics follow them, sorted by name.
COLUMNS = ("image", "psnr", "ssim", "mae", "rmse", "lpips", "seconds", "residual")


def metrics_row(result: ImageResult) -> dict[str, object]:
    """Returns the row of an image in metrics.csv: its name, seconds, metrics and origin."""
    return {"image": result.name, "seconds": result.seconds, **result.metrics, **result.origin}


def save_metrics_csv(
    folder: str | os.PathLike, rows: Sequence[Mapping[str, object]], *, name: str = "metrics.csv"
) -> Path:
    """Writes metrics.csv, one row per image.

    The columns are image, psnr, ssim, mae, rmse, lpips, seconds, residual, then all other
    columns of the rows, sorted by name, and last the origin of the image. An unknown value
    (absent, None or NaN) is an empty cell; the PSNR of equal images is inf.

    Args:
        folder: folder of the run.
        rows: for each image a mapping from column to value; see `metrics_row`.
        name: name of the file.

    Returns:
        The path of the file.

    Raises:
        InputError: the file cannot be written.
    """
    present = {name for row in rows for name in row}
    others = sorted(present - {*COLUMNS, *origin.COLUMNS})
    header = [*COLUMNS, *others, *(name for name in origin.COLUMNS if name in present)]
    cells = ([row.get(name) for name in header] for row in rows)
    return save_table(output_folder.expanded(folder) / name, header, cells)


def save_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Writes a table; see `csv_text`. Returns the path of the file.

    Raises:
        InputError: the file cannot be written.
    """
    return output_folder.write(path, csv_text(header, rows))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Returns the complete rows of a table, which may be cut off; [] without a table."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return []
    whole = text[: text.rfind("\n") + 1]
    return [row for row in csv.DictReader(io.StringIO(whole)) if None not in row.values()]


class MetricsTable:
    """metrics.csv of a running command: every batch adds its rows.

    Args:
        folder: folder of the run.
        rows: rows that the table starts with.
        name: name of the file.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        rows: Sequence[Mapping[str, object]] = (),
        *,
        name: str = "metrics.csv",
    ):
        self._path = output_folder.expanded(folder) / name
        self._columns: list[str] = []
        self._rewrite(rows)

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Adds rows; the whole file is written again only if they bring a new column.

        Raises:
            InputError: the file cannot be written.
        """
        if {name for row in rows for name in row} - set(self._columns):
            self._rewrite([*read_rows(self._path), *rows])
            return
        lines = csv_text([], ([row.get(name) for name in self._columns] for row in rows))
        try:
            with open(self._path, "ab") as file:
                file.write(lines)
        except OSError as error:
            raise output_folder.unwritable(self._path, error) from None

    def arrange(self, names: Sequence[str]) -> None:
        """Puts the rows in the order of `names`."""
        order = {name: i for i, name in enumerate(names)}
        self._rewrite(sorted(read_rows(self._path), key=lambda row: order[str(row["image"])]))

    def _rewrite(self, rows: Sequence[Mapping[str, object]]) -> None:
        path = save_metrics_csv(self._path.parent, rows, name=self._path.name)
        self._columns = path.read_text("utf-8", "surrogateescape").splitlines()[0].split(",")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Returns a table as CSV; None and NaN are empty cells, and numbers have all their digits.

    Args:
        header: names of the columns; an empty header writes no line.
        rows: cells in the order of the columns.

    Example:
        >>> csv_text(["image", "rmse"], [["face", 1.5], ["tree", None]])
        b'image,rmse\\nface,1.5\\ntree,\\n'
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return output_folder.encoded(file.getvalue())


def _cell(value: object) -> object:
    if isinstance(value, (str, int)):
        return value
    number = math.nan if value is None else float(cast(float, value))
    # CSV writes a Python float with all digits that are needed to read it back exactly.
    return "" if math.isnan(number) else number
