"""Tables of an evaluation: CSV files, and Markdown with means and standard errors."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from brgm_tf.core import atomic_files

KEYS = ("task", "method", "image")
# Columns of the Markdown tables, for whole images and for images with a hole.
_WHOLE = ("lpips", "rmse", "psnr", "ssim")
_HOLE = ("merged_lpips", "hole_rmse", "lpips", "rmse", "psnr", "ssim")
_DIGITS = {"lpips": 3, "merged_lpips": 3, "ssim": 3}


def summary(rows: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Returns the number of images, and the mean and standard error of each figure.

    Args:
        rows: Rows of one task and method.
    """
    figures = {"images": len(rows)}
    for name in rows[0].keys() - set(KEYS):
        values = np.array([float(row[name]) for row in rows])
        figures[name] = values.mean()
        error = values.std(ddof=1) / len(values) ** 0.5 if rows[1:] else np.nan
        figures[error_of(name)] = error
    return figures


def error_of(name: str) -> str:
    """Returns the name of the standard error of a figure."""
    return f"{name}_error"


def markdown(task: str, summaries: Mapping[str, Mapping[str, float]]) -> str:
    """Returns the table of a task.

    Args:
        task: Corruption of the task.
        summaries: The `summary` of each method.
    """
    first = next(iter(summaries.values()))
    columns = _HOLE if "hole_rmse" in first else _WHOLE
    lines = [
        f"`{task}`, {first['images']} images, mean (standard error)",
        "",
        "| method | " + " | ".join(columns) + " |",
        "| --- |" + " --- |" * len(columns),
    ]
    for method, figures in summaries.items():
        cells = " | ".join(_cell(name, figures) for name in columns)
        lines.append(f"| {method} | {cells} |")
    return "\n".join(lines) + "\n"


def read_csv(path: Path) -> list[dict[str, str]]:
    """Reads the rows of a file, without empty cells; a missing file has none."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        # A task leaves the cells of other tasks' figures empty.
        return [{k: v for k, v in row.items() if v != ""} for row in csv.DictReader(file)]


def write_csv(path: Path, keys: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Writes rows atomically, with the keys first and the other columns in alphabetic order."""
    rows = list(rows)
    names = sorted({name for row in rows for name in row} - set(keys))
    file = io.StringIO()
    writer = csv.DictWriter(file, [*keys, *names], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_files.write(path, file.getvalue().encode("utf-8"))


def _cell(name: str, figures: Mapping[str, float]) -> str:
    digits = _DIGITS.get(name, 2)
    return f"{figures[name]:.{digits}f} ({figures[error_of(name)]:.{digits}f})"
