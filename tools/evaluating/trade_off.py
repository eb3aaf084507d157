"""Figure of the perception-distortion trade-off: LPIPS against RMSE of the methods of each task.

Reference: Blau, Michaeli, The perception-distortion tradeoff (arXiv 1711.06077).
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from evaluating import tables

# Figures of merit of images with a hole and of whole images: the name and the label.
_HOLE = (("hole_rmse", "RMSE in the hole (grey levels)"), ("merged_lpips", "LPIPS, merged"))
_WHOLE = (("rmse", "RMSE (grey levels)"), ("lpips", "LPIPS"))


def trade_off_png(summaries: Mapping[str, Mapping[str, Mapping[str, float]]]) -> bytes:
    """Returns a PNG with a panel for each task: a point with standard errors for each method.

    Args:
        summaries: `tables.summary` by task and method.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * len(summaries), 4.5), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(summaries), squeeze=False)[0]
    for axes, (task, methods) in zip(panels, summaries.items(), strict=True):
        has_hole = "hole_rmse" in next(iter(methods.values()))
        (x, x_label), (y, y_label) = _HOLE if has_hole else _WHOLE
        for method, figures in methods.items():
            errors = {
                "xerr": figures[tables.error_of(x)],
                "yerr": figures[tables.error_of(y)],
            }
            (line, *_) = axes.errorbar(figures[x], figures[y], **errors, fmt="o", ms=4, lw=0.6)
            axes.annotate(
                method, (figures[x], figures[y]), xytext=(4, 4), textcoords="offset points",
                fontsize=6, color=line.get_color(),
            )  # fmt: skip
        axes.set(title=task, xlabel=x_label, ylabel=y_label)
        axes.title.set_fontsize(9)
    file = io.BytesIO()
    figure.savefig(file, metadata={"Software": None})
    return file.getvalue()
