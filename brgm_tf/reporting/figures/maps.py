"""Maps in grey levels: panels that share one colour scale, with its bar.

Matplotlib is imported by the functions that use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from brgm_tf.reporting.figures import page as panels

# Perceptually uniform, and black for 0.
_COLOURS = "inferno"
_UNKNOWN_COLOUR = "#9a9a9a"
# A few outliers do not darken the maps; the arrow of the colour bar stands for them.
_LIMIT_QUANTILE = 0.995
# Width of the colour bar, and of the bar with its labels, in inches.
BAR_WIDTH, BAR_SPACE, _BAR_POINTS = 0.085, 0.5, 7


def draw_maps(page: Any, maps: Mapping[str, np.ndarray], *, axes: Sequence[Any], bar: Any) -> None:
    """Draws maps and their colour bar.

    Args:
        page: the figure.
        maps: [h, w] in grey levels by title; NaN is grey.
        axes: axes of each map.
        bar: axes of the colour bar.
    """
    limit = _limit(maps.values())
    for panel, (title, levels) in zip(axes, maps.items(), strict=True):
        drawn = panel.imshow(levels, cmap=_colours(), vmin=0, vmax=limit)
        panels.finish_panel(panel, title=title)
    beyond = any((levels > limit).any() for levels in maps.values())
    _draw_bar(page, drawn, axes=bar, beyond=beyond)


def _limit(maps: Iterable[np.ndarray]) -> float:
    """Returns the grey level of the brightest colour, one for all maps."""
    # Pixels of 0, which may be the majority, do not count.
    positive = [levels[(levels > 0) & np.isfinite(levels)] for levels in maps]
    return max((np.quantile(some, _LIMIT_QUANTILE) for some in positive if some.size), default=1.0)


def _colours() -> Any:
    import matplotlib

    return matplotlib.colormaps[_COLOURS].with_extremes(bad=_UNKNOWN_COLOUR)


def _draw_bar(page: Any, drawn: Any, *, axes: Any, beyond: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    bar = page.colorbar(
        drawn, cax=axes, extend="max" if beyond else "neither", ticks=MaxNLocator(nbins=5)
    )
    bar.outline.set_visible(False)
    axes.tick_params(labelsize=_BAR_POINTS, labelcolor=panels.INK, length=2, width=0.5, pad=1.5)
    axes.set_ylabel("grey levels", fontsize=_BAR_POINTS, color=panels.INK, labelpad=2)
