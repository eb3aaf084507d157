"""Table of the speed of each release, to which tools/benchmark.py appends its rows."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError

COLUMNS = (
    "version",
    "date",
    "machine",
    "generator",
    "corruption",
    "images in one program",
    "precision",
    "seconds for one image and step",
    "fraction of the matrix peak",
    "memory in GB",
    "compilation in s",
)
_HEADER = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}\n"


def append(path: Path, report: Mapping[str, Any], *, version: str, date: datetime.date) -> None:
    """Appends a row for each case of a report to the table at the end of a Markdown file.

    Args:
        path: Markdown file that ends with the table.
        report: Report of `benchmarking.report.report_of`.
        version: Version of brgm_tf.
        date: Day of the measurement.

    Raises:
        InputError: the file does not end with a table of these columns.
    """
    text = check(path)
    rows = [_row(case, report, [version, date.isoformat()]) for case in report["steps"]]
    atomic_files.write(path, (text + "".join(rows)).encode("utf-8"))


def check(path: Path) -> str:
    """Returns the text of a file to which `append` can append.

    Raises:
        InputError: the file does not end with a table of these columns.
    """
    text = path.read_text("utf-8") if path.is_file() else ""
    table = text[text.rfind(_HEADER) :]
    if _HEADER not in text or not all(line.startswith("|") for line in table.splitlines()):
        raise InputError(
            "record",
            "must be a Markdown file that ends with a table of the columns of the history",
            remedy="give docs/speed_history.md",
            record=str(path),
        )
    return text


def _row(case: Mapping[str, Any], report: Mapping[str, Any], first: list[str]) -> str:
    machine = report["machine"]
    devices = machine["accelerators"] or [f"{machine['cores']} cores of {machine['processor']}"]
    values = [
        *first,
        f"{', '.join(devices)}; TensorFlow {machine['tensorflow']}",
        case["generator"],
        f"`{report['corruption']}`",
        str(case["batch_size"]),
        case["precision"],
        f"{case['seconds_per_image_step']:.3f}",
        f"{case['share_of_peak']:.0%}",
        f"{case['peak_memory_gb']:.1f}",
        f"{case['compile_seconds']:.0f}",
    ]
    return f"| {' | '.join(value.replace('|', '/') for value in values)} |\n"
