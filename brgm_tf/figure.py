"""The figure of one restored image: its pictures in a row, with a caption.

Matplotlib is imported inside the functions that need it.
"""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from brgm_tf import images
from brgm_tf.results import ImageResult, drawable

# The figure's geometry in inches; with the resolution it is 1600 pixels wide.
_DOTS_PER_INCH = 200
_WIDTH, _MARGIN, _GAP = 8.0, 0.08, 0.06
_TITLE_HEIGHT, _LINE_HEIGHT = 0.21, 0.155
_TITLE_POINTS, _CAPTION_POINTS = 8.5, 7.5
_INK, _FADED_INK, _WARNING_INK = "#222222", "#777777", "#a34700"
_CHARACTERS_PER_LINE = 112
_LONGEST_NAME = 40
_CAPTION = (
    ("residual", "residual {:.2f} grey levels"),
    ("lpips", "LPIPS {:.4f}"),
    ("rmse", "RMSE {:.2f}"),
    ("psnr", "PSNR {:.2f} dB"),
)


def draw_figure(result: ImageResult):
    """Draws measurement, reconstruction, merged image, re-corruption and truth in a row.

    Images smaller than the reconstruction are enlarged by the nearest pixel. The caption
    gives the residual, the metrics that are known, and the warnings.

    Args:
        result: the image.

    Returns:
        A `matplotlib.figure.Figure`, 1600 pixels wide at its own resolution.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    panels = _panels(result)
    notes = _wrapped(result.all_warnings)
    height, width = np.shape(result.reconstruction)[:2]
    panel_width = (_WIDTH - 2 * _MARGIN - (len(panels) - 1) * _GAP) / len(panels)
    panel_height = panel_width * height / width
    bottom = _MARGIN + _LINE_HEIGHT * (1 + len(notes)) + 0.02
    total = bottom + panel_height + _TITLE_HEIGHT + _MARGIN / 2
    # A user's own style would make equal results differ.
    with style.context({}, after_reset=True):
        drawn = Figure(figsize=(_WIDTH, total), dpi=_DOTS_PER_INCH, facecolor="white")
        for index, (title, image) in enumerate(panels):
            left = _MARGIN + index * (panel_width + _GAP)
            box = (left / _WIDTH, bottom / total, panel_width / _WIDTH, panel_height / total)
            axes = drawn.add_axes(box)
            _draw_panel(axes, image, title=title, enlarged=len(image) < height)
        _draw_caption(drawn, result, notes=notes, top=bottom - 0.05, total=total)
    return drawn


def _panels(result: ImageResult) -> list[tuple[str, np.ndarray]]:
    shown = [
        (_with_size("Measurement", result.measurement, result), result.measurement),
        ("Reconstruction", result.reconstruction),
        ("Known pixels kept", result.merged),
        (_with_size("Re-corrupted", result.recorrupted, result), result.recorrupted),
        ("Truth", result.truth),
    ]
    return [(title, image) for title, image in shown if image is not None]


def _with_size(title: str, image: np.ndarray, result: ImageResult) -> str:
    height, width = np.shape(image)[:2]
    same = (height, width) == np.shape(result.reconstruction)[:2]
    return title if same else f"{title} ({width} x {height})"


def _draw_panel(axes, image: np.ndarray, *, title: str, enlarged: bool) -> None:
    levels = images.to_uint8(drawable(image))
    axes.imshow(
        levels[..., 0] if levels.shape[-1] == 1 else levels,
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="nearest" if enlarged else "auto",
    )
    axes.set_axis_off()
    axes.set_title(title, fontsize=_TITLE_POINTS, color=_INK, pad=3)


def _draw_caption(drawn, result: ImageResult, *, notes, top: float, total: float) -> None:
    def line(text, *, number=0, x=_MARGIN, **options):
        y = top - number * _LINE_HEIGHT
        drawn.text(
            x / _WIDTH,
            y / total,
            text,
            fontsize=_CAPTION_POINTS,
            va="top",
            # A dollar sign in a file name is no formula.
            parse_math=False,
            **options,
        )

    line(_metrics_line(result.metrics), color=_INK)
    line(_shortened(result.name), x=_WIDTH - _MARGIN, ha="right", color=_FADED_INK)
    for number, note in enumerate(notes, start=1):
        line(note, number=number, color=_WARNING_INK)


def _metrics_line(metrics: Mapping[str, float]) -> str:
    known = [
        form.format(metrics[name])
        for name, form in _CAPTION
        if metrics.get(name) is not None and not math.isnan(metrics[name])
    ]
    return "   \N{MIDDLE DOT}   ".join(known)


def _wrapped(lines: Iterable[str]) -> list[str]:
    wrapped = []
    for text in lines:
        wrapped += textwrap.wrap(text, _CHARACTERS_PER_LINE, subsequent_indent="  ")
    return wrapped


def _shortened(name: str) -> str:
    # Bytes of a file name that are no text cannot be drawn.
    name = name.encode("utf-8", "replace").decode("utf-8")
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."


def figure_png(result: ImageResult) -> bytes:
    """The figure as a PNG file's contents; equal results give equal bytes."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = io.BytesIO()
    # Drawing a name in a script that the font lacks warns; the figure is still of use.
    with style.context({}, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas = FigureCanvasAgg(draw_figure(result))
        canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()
