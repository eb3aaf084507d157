"""Figure of a study: bars of the preferred fraction, and strengths with their intervals."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from brgm_tf.reporting.figures import page
from preference.tables import Row

_COLOURS = ("#3b6ea5", "#c8643c", "#e0b15c", "#6a9a5b", "#8a6fa8", "#7a7a7a", "#4fa3a5", "#b0567b")


def png_of(rows: Sequence[Row]) -> bytes:
    """Returns the figure as a PNG."""
    from matplotlib.figure import Figure

    methods = list(dict.fromkeys(row.method for row in rows))
    tasks = list(dict.fromkeys(row.task for row in rows))
    with page.plain_style():
        width = 4.0 + 1.1 * len(tasks) + 0.3 * len(rows)
        figure = Figure(figsize=(width, 3.4), dpi=160, layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw(left, rows, tasks=tasks, methods=methods, measure="preferred", bars=True)
        left.axhline(0.5, color="#555555", lw=0.8, ls=":")
        left.set(ylim=(0, 1), ylabel="fraction of answers")
        _draw(right, rows, tasks=tasks, methods=methods, measure="log_strength", bars=False)
        right.axhline(0, color="#555555", lw=0.8, ls=":")
        right.set_ylabel("Bradley-Terry log-strength")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=len(methods), frameon=False
        )
        file = io.BytesIO()
        figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


def _draw(
    axes: Any,
    rows: Sequence[Row],
    *,
    tasks: Sequence[str],
    methods: Sequence[str],
    measure: str,
    bars: bool,
) -> None:
    """Draws a value of each method in groups of tasks, with its interval."""
    step = 0.8 / len(methods)
    for number, method in enumerate(methods):
        chosen = [row for row in rows if row.method == method]
        x = [tasks.index(row.task) + (number - (len(methods) - 1) / 2) * step for row in chosen]
        y = [getattr(row, measure) for row in chosen]
        low = [value - getattr(row, f"{measure}_low") for value, row in zip(y, chosen, strict=True)]
        high = [
            getattr(row, f"{measure}_high") - value for value, row in zip(y, chosen, strict=True)
        ]
        colour = _COLOURS[number % len(_COLOURS)]
        if bars:
            axes.bar(x, y, 0.9 * step, color=colour, label=method)
            axes.errorbar(x, y, (low, high), fmt="none", ecolor="#222222", capsize=3, lw=1)
        else:
            axes.errorbar(x, y, (low, high), fmt="o", color=colour, capsize=3, lw=1.5)
    axes.set_xticks(range(len(tasks)), tasks)
    axes.set_xlim(-0.6, len(tasks) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
