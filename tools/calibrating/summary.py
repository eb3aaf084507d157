"""Summary of the judged images: means, fitted corrections, histograms of ranks."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np

from brgm_tf.evaluation.calibration import chi_square_p, fitted_correction
from brgm_tf.reporting import posterior_summary
from calibrating.judging import CORRECTIONS, column

BINS = 8
_OF_CHAINS = ("r_hat", "effective_samples")  # diagnostics of `hmc`
_MEANS = (*posterior_summary.INTERVALS, "coverage_90_noise", "samples_residual", *_OF_CHAINS)

Rows = Sequence[Mapping[str, object]]


def by_name(rows: Rows) -> dict[str, Rows]:
    """Returns the rows of each 'truth estimator'."""
    groups: dict[str, list] = {}
    for row in rows:
        groups.setdefault(f"{row['truth']} {row['estimator']}", []).append(row)
    return groups


def summary(rows: Rows) -> dict[str, float]:
    """Returns the means of the figures, their standard errors, and the p-value of the ranks.

    Args:
        rows: Rows of one name.
    """
    figures = {
        "num_images": len(rows),
        "chi_square_p": round(chi_square_p(_values(rows, "rank"), bins=BINS), 4),
    }
    for key in (key for key in _MEANS if rows[0].get(key, "") != ""):
        values = _values(rows, key)
        figures[key] = round(float(values.mean()), 4)
        figures[f"{key}_error"] = round(float(values.std(ddof=1) / len(values) ** 0.5), 4)
    for correction in CORRECTIONS:
        figures |= _fitted(rows, correction)
    return figures


def ranks_png(rows: Rows) -> bytes:
    """Returns a PNG with a histogram for each name, and a 95 % band of uniform ranks."""
    from matplotlib.figure import Figure

    names = by_name(rows)
    figure = Figure(figsize=(3.2 * len(names), 2.6), dpi=150, layout="tight")
    for i, (name, group) in enumerate(names.items()):
        axes = figure.add_subplot(1, len(names), i + 1)
        expected = len(group) / BINS
        half_width = 1.96 * (expected * (1 - 1 / BINS)) ** 0.5
        axes.axhspan(expected - half_width, expected + half_width, color="#dddddd", zorder=0)
        ranks = _values(group, "rank")
        axes.hist(ranks, bins=BINS, range=(0, 1), color="#3b6ea5", edgecolor="white")
        axes.set_ylim(bottom=0)
        axes.set_title(f"{name}, {len(group)} images", fontsize=8)
        axes.set_xlabel("rank of the truth among the samples", fontsize=7)
        axes.tick_params(labelsize=7)
    file = io.BytesIO()
    figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


def _values(rows: Rows, key: str) -> np.ndarray:
    return np.array([float(row[key]) for row in rows])


def _fitted(rows: Rows, correction: str) -> dict[str, float]:
    """Returns the correction that gives odd images 90 %, and the coverage of even images."""
    values = CORRECTIONS[correction]

    def covered(remainder: int) -> list[float]:
        half = [row for row in rows if int(row["image"]) % 2 == remainder]
        return [_values(half, column(correction, value)).mean() for value in values]

    value, scored = fitted_correction(covered(1), covered(0), values=values, fraction=0.9)
    return {correction: round(value, 3), f"{correction}_coverage_90": round(scored, 4)}
