"""Figure of a benchmark: parts of a step, and schedules over time."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from brgm_tf.reporting.figures import page

_COLOURS = ("#3b6ea5", "#7fb2d6", "#e0b15c", "#c8643c", "#9a9a9a")
_PEER = "#333333"
_MEASURES = {"objective": "objective (brgm_torch)", "lpips": "LPIPS", "rmse": "RMSE, grey levels"}


def png_of(report: Mapping) -> bytes:
    """Returns the figure as a PNG."""
    from matplotlib.figure import Figure

    schedules = report.get("schedules", [])
    rows, height = report["steps"], 1.2 + 0.42 * len(report["steps"])
    with page.plain_style():
        figure = Figure(
            figsize=(9.6, height + 3.2 * bool(schedules)), dpi=150, layout="constrained"
        )
        parts = [height, 3.2] if schedules else [height]
        upper, *lower = np.atleast_1d(figure.subfigures(len(parts), 1, height_ratios=parts))
        _draw_parts(upper.subplots(), rows)
        if schedules:
            all_axes = lower[0].subplots(1, len(_MEASURES))
            for axes, name in zip(all_axes, _MEASURES, strict=True):
                _draw_schedules(axes, schedules, name)
            handles, labels = all_axes[0].get_legend_handles_labels()
            lower[0].legend(
                handles, labels, fontsize=7, frameon=False, ncols=2, loc="outside lower center"
            )
        file = io.BytesIO()
        figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


def _draw_parts(axes, rows) -> None:
    """Draws a bar for each case, with the parts of a step, and the peer as a line."""
    labels = []
    for y, row in enumerate(rows):
        for (name, begin, end), colour in zip(_spans(row), _COLOURS, strict=True):
            label = name if y == 0 else None
            axes.barh(y, end - begin, left=begin, color=colour, height=0.62, label=label)
        if "peer" in row:
            end = row["peer"]["seconds_per_step"]["median"] / row["batch_size"]
            label = "the peer" if y == 0 else None
            axes.plot([end, end], [y - 0.36, y + 0.36], color=_PEER, lw=2, label=label)
        name = row["generator"].rsplit("/", 1)[-1]
        labels.append(
            f"{name}, batch {row['batch_size']}\n{row['precision']}, "
            f"{row['share_of_peak']:.0%} of the peak"
        )
    axes.set_yticks(range(len(rows)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("seconds per image and step", fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.legend(fontsize=7, frameon=False, ncols=6, loc="lower left", bbox_to_anchor=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)


def _spans(row) -> list[tuple[str, float, float]]:
    """Returns name, begin and end of each part of an image's step, in seconds.

    Parts are differences of programs. A negative difference gets no width, and other parts
    lose as much, so that the bar ends at the time of the step.
    """
    names, seconds = zip(*row["parts"].items(), strict=True)
    ends = np.cumsum(seconds) / row["batch_size"]
    ends = np.clip(np.maximum.accumulate(ends), 0.0, ends[-1])
    return list(zip(names, [0.0, *ends], ends, strict=False))


def _draw_schedules(axes, schedules, measure: str) -> None:
    """Draws a measure over time, and the last value of the first schedule, the baseline."""
    for schedule in schedules:
        axes.plot(schedule["seconds"], schedule[measure], lw=1.3, label=schedule["name"])
    axes.axhline(schedules[0][measure][-1], color="#999999", lw=0.8, ls="--")
    axes.set_xscale("log")
    if measure == "objective":
        axes.set_yscale("log")
    axes.set_title(_MEASURES[measure], fontsize=8, loc="left")
    axes.set_xlabel("seconds, without compilation", fontsize=7)
    axes.tick_params(labelsize=7, which="both")
    axes.spines[["top", "right"]].set_visible(False)
