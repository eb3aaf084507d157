"""Table of a study: preferred fractions and strengths of each method."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence

from preference import bradley_terry
from preference.answers import Counts


@dataclasses.dataclass(frozen=True)
class Row:
    """Result of a method in a task.

    Args:
        task: Name of the task.
        method: Name of the method.
        raters: Number of raters.
        answers: Number of answers that compare the method.
        preferred: Fraction of these answers that prefer the method.
        preferred_low: Lower end of Wilson's 95 % interval.
        preferred_high: Upper end of Wilson's 95 % interval.
        log_strength: Bradley-Terry log-strength; the mean of all methods is 0.
        log_strength_low: Lower end of the 95 % interval.
        log_strength_high: Upper end of the 95 % interval.
    """

    task: str
    method: str
    raters: int
    answers: int
    preferred: float
    preferred_low: float
    preferred_high: float
    log_strength: float
    log_strength_low: float
    log_strength_high: float


def rows(counts: Sequence[Counts], *, pseudo_answers: float = 0.0) -> list[Row]:
    """Returns the result of each method, the strongest of a task first."""
    return [row for task in counts for row in _rows(task, pseudo_answers)]


def _rows(counts: Counts, pseudo_answers: float) -> list[Row]:
    fit = bradley_terry.fit(counts.wins, pseudo_answers=pseudo_answers)
    low, high = fit.interval()
    made = []
    for i, method in enumerate(counts.methods):
        wins = float(counts.wins[i].sum())
        answers = wins + float(counts.wins[:, i].sum())
        fraction = (wins / answers, *bradley_terry.wilson_interval(wins, answers))
        strength = (float(fit.log_strengths[i]), float(low[i]), float(high[i]))
        made.append(Row(counts.task, method, counts.raters, int(answers), *fraction, *strength))
    return sorted(made, key=lambda row: -row.log_strength)


def csv_of(table: Sequence[Row]) -> str:
    """Returns the table as CSV."""
    file = io.StringIO()
    writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Row)])
    writer.writeheader()
    writer.writerows(dataclasses.asdict(row) for row in table)
    return file.getvalue()


def markdown_of(table: Sequence[Row]) -> str:
    """Returns the table as Markdown."""
    lines = [
        "| task | method | preferred | 95 % interval | log-strength | 95 % interval | answers |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in table:
        preferred = f"{row.preferred:.1%} | {row.preferred_low:.1%} to {row.preferred_high:.1%}"
        ends = f"{row.log_strength_low:.2f} to {row.log_strength_high:.2f}"
        strength = f"{row.log_strength:.2f} | {ends}"
        lines.append(f"| {row.task} | {row.method} | {preferred} | {strength} | {row.answers} |")
    return "\n".join(lines) + "\n"
