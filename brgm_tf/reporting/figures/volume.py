"""The figure of a volume: three orthogonal planes through its middle, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.reporting.figures.page import (
    GAP,
    MARGIN,
    TITLE_HEIGHT,
    Caption,
    add_axes,
    draw_caption,
    finish_panel,
    new_page,
    panel_width,
)
from brgm_tf.reporting.results import metrics_line

if TYPE_CHECKING:
    from brgm_tf.reporting.volume_results import VolumeResult

_LARGEST_PANEL = 2.2  # inches
_PLANES = ("slice", "plane of rows", "plane of columns")


def draw_volume(result: VolumeResult) -> Any:
    """Returns a `matplotlib.figure.Figure` with a row before, after and, if known, of the truth.

    Args:
        result: The volume. Its first slice is at the bottom of the two other planes.
    """
    rows = [("measurement", result.before), ("reconstruction", result.reconstruction)]
    if result.merged is not None:
        rows.append(("merged", result.merged))
    if result.truth is not None:
        rows.append(("truth", np.nan_to_num(result.truth, nan=-1.0)))
    caption = Caption(result.name, (metrics_line(result.metrics),), result.warnings)
    width = panel_width(count=len(_PLANES))
    sections = [_sections(volume, result) for _, volume in rows]
    longest = max(height / across for section in sections for _, height, across in section)
    height = min(width * longest, _LARGEST_PANEL)
    row_height = TITLE_HEIGHT + height + GAP
    page = new_page(height=caption.height + len(rows) * row_height + MARGIN)
    for number, ((title, _), section) in enumerate(zip(rows, sections, strict=True)):
        bottom = caption.height + (len(rows) - 1 - number) * row_height + GAP
        for column, (picture, millimetres_down, millimetres_across) in enumerate(section):
            left = MARGIN + column * (width + GAP)
            axes = add_axes(page, left=left, bottom=bottom, width=width, height=height)
            extent = (0.0, millimetres_across, 0.0, millimetres_down)
            axes.imshow(picture, cmap="gray", vmin=-1, vmax=1, extent=extent)
            finish_panel(axes, title=f"{title}, {_PLANES[column]}")
    draw_caption(page, caption)
    return page


def _sections(volume: np.ndarray, result: VolumeResult) -> list[tuple[np.ndarray, float, float]]:
    """Returns three planes through the middle of the restored slices, with their millimetres."""
    through, down, right = result.spacing
    count, height, width = volume.shape
    middle = result.restored[len(result.restored) // 2] if result.restored else count // 2
    middle = min(middle, count - 1)
    return [
        (volume[middle], height * down, width * right),
        (volume[::-1, height // 2], count * through, width * right),
        (volume[::-1, :, width // 2], count * through, height * down),
    ]
