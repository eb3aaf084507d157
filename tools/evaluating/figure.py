"""Figure of an evaluation: images side by side, a row for each true image."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image


def figure_png(rows: list[tuple[list[str], list[Path]]]) -> bytes:
    """Returns a PNG with a picture for each file.

    Args:
        rows: Titles and files of each row.
    """
    from matplotlib.figure import Figure

    columns = max(len(paths) for _, paths in rows)
    figure = Figure(figsize=(1.6 * columns, 1.75 * len(rows)), dpi=150, layout="tight")
    for i, (titles, paths) in enumerate(rows):
        for j, (title, path) in enumerate(zip(titles, paths, strict=True)):
            axes = figure.add_subplot(len(rows), columns, i * columns + j + 1)
            axes.set_axis_off()
            axes.set_title(title, fontsize=7)
            with Image.open(path) as image:
                axes.imshow(np.asarray(image), cmap="gray", vmin=0, vmax=255)
    file = io.BytesIO()
    figure.savefig(file, metadata={"Software": None})
    return file.getvalue()
