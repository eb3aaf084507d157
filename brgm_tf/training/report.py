"""Reports of a training: table, figure, grids of samples."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from brgm_tf.io.images import save_image

COLUMNS = (
    "step",
    "kimg",
    "seconds",
    "loss_d",
    "loss_g",
    "r1",
    "path_penalty",
    "path_length",
    "strength",
    "sign",
    "learning_rate",
    "frechet_vgg16",
)


def read_rows(path: Path, *, up_to_step: int) -> list[dict[str, str]]:
    """Reads the rows of a table up to a step; later rows belong to lost work."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # A killed run may leave an incomplete line.
    return [row for row in rows if _is_whole(row) and int(row["step"]) <= up_to_step]


def write_rows(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Writes a table atomically."""
    partial = path.with_suffix(".partial")
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)


def format_row(values: dict) -> dict[str, str]:
    """Returns the numbers of a row as text; NaN becomes an empty cell."""
    return {name: _text(values.get(name, float("nan"))) for name in COLUMNS}


def grid(images: np.ndarray, *, columns: int) -> np.ndarray:
    """Joins images [N, H, W, C] row by row; N is a multiple of the columns."""
    count, height, width, channels = images.shape
    rows = images.reshape(count // columns, columns, height, width, channels)
    return rows.swapaxes(1, 2).reshape(-1, columns * width, channels)


def save_grid(path: Path, images: np.ndarray, *, columns: int) -> None:
    """Writes images [N, H, W, C] in [-1, 1] as one PNG."""
    save_image(path, np.clip(grid(images, columns=columns), -1, 1))


def save_figure(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Draws the scalars of the table over thousands of images."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = (
        ("Losses", ("loss_d", "loss_g")),
        ("Squared gradient (R1)", ("r1",)),
        ("Path length", ("path_length",)),
        ("Augmentation", ("strength", "sign")),
        ("VGG16 Fréchet distance", ("frechet_vgg16",)),
    )
    figure = Figure(figsize=(4 * len(panels), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (title, names) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axis.set_title(title)
        axis.set_xlabel("thousand images")
        for name in names:
            points = [(float(row["kimg"]), float(row[name])) for row in rows if row[name]]
            if points:
                axis.plot(*zip(*points, strict=True), label=name, marker="." * (len(points) < 20))
        if len(axis.lines) > 1:
            axis.legend()
    partial = path.with_suffix(".partial")
    figure.savefig(partial, format="png", dpi=100)
    os.replace(partial, path)


def duration(seconds: float) -> str:
    """Returns a text such as '1 d 02 h', '2 h 05 min' or '3 min 07 s'.

    Example:
        >>> duration(7500)
        '2 h 05 min'
    """
    seconds = round(seconds)
    for size, unit, small, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // small:02d} {small_unit}"
    return f"{seconds // 60} min {seconds % 60:02d} s"


def _is_whole(row) -> bool:
    return list(row) == list(COLUMNS) and None not in row.values()


def _text(value) -> str:
    return "" if np.isnan(value) else f"{value:.9g}"
