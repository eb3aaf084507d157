"""Parts of all figures: a page of fixed width, images in a row, and a caption.

Lengths are in inches, from the left and bottom edge of the page. Matplotlib is imported by the
functions that use it.
"""

from __future__ import annotations

import dataclasses
import io
import math
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.io import images
from brgm_tf.reporting.pixels import drawable

if TYPE_CHECKING:
    from brgm_tf.reporting.results import ImageResult

# A page is 1600 pixels wide at this resolution.
_DOTS_PER_INCH = 200
WIDTH, MARGIN, GAP = 8.0, 0.08, 0.06
TITLE_HEIGHT, _LINE_HEIGHT = 0.21, 0.155
TITLE_POINTS, CAPTION_POINTS = 8.5, 7.5
INK, _FADED_INK, _WARNING_INK = "#222222", "#777777", "#a34700"
_CHARACTERS_PER_LINE = 112
# Metrics consist of digits, small letters and spaces, which are narrow.
_FIGURES_PER_LINE = 150
_LONGEST_NAME = 40
_SEPARATOR = "   \N{MIDDLE DOT}   "


def plain_style() -> Any:
    """Returns a context with Matplotlib's defaults, so that equal results give equal figures."""
    from matplotlib import style

    return style.context({}, after_reset=True)


def new_page(*, height: float) -> Any:
    """Returns an empty `matplotlib.figure.Figure`, 1600 pixels wide at its resolution."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), dpi=_DOTS_PER_INCH, facecolor="white")


def panel_width(*, count: int, width: float = WIDTH - 2 * MARGIN) -> float:
    """Returns the width of each of `count` panels that fill a row, with gaps between them."""
    return (width - (count - 1) * GAP) / count


def add_axes(page: Any, *, left: float, bottom: float, width: float, height: float) -> Any:
    """Adds axes at a position in inches; returns them."""
    total = page.get_figheight()
    return page.add_axes((left / WIDTH, bottom / total, width / WIDTH, height / total))


def add_text(
    page: Any, text: str, *, x: float, y: float, points: float = CAPTION_POINTS, **options: Any
) -> None:
    """Adds text whose upper edge is at `y`."""
    total = page.get_figheight()
    # A dollar sign in a file name does not start a formula.
    options = {"fontsize": points, "va": "top", "parse_math": False} | options
    page.text(x / WIDTH, y / total, text, **options)


# Pictures.


def draw_picture(axes: Any, image: np.ndarray, *, title: str = "", enlarged: bool = False) -> None:
    """Draws an image.

    Args:
        axes: axes of the image.
        image: [h, w, C] in [-1, 1].
        title: title above the image.
        enlarged: whether the image is smaller than the other images of the row; its pixels are
            then drawn as squares.
    """
    levels = images.to_uint8(drawable(image))
    axes.imshow(
        levels[..., 0] if levels.shape[-1] == 1 else levels,
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="nearest" if enlarged else "auto",
    )
    finish_panel(axes, title=title)


def finish_panel(axes: Any, *, title: str) -> None:
    """Removes the frame of the axes, and writes the title."""
    axes.set_axis_off()
    axes.set_title(title, fontsize=TITLE_POINTS, color=INK, pad=3)


def with_size(title: str, image: np.ndarray, *, full: np.ndarray) -> str:
    """Returns the title, with the size of the image if it differs from the full image."""
    height, width = np.shape(image)[:2]
    same = (height, width) == np.shape(full)[:2]
    return title if same else f"{title} ({width} x {height})"


# The caption.


@dataclasses.dataclass(frozen=True)
class Caption:
    """Lines below the panels.

    Attributes:
        name: name of the image, at the right end of the first line.
        figures: lines of metrics.
        notes: lines of warnings.
    """

    name: str
    figures: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def height(self) -> float:
        """Height of the caption in inches."""
        return MARGIN + _LINE_HEIGHT * (len(self.figures) + len(self.notes)) + 0.02


def caption_of(result: ImageResult, *, forms: Sequence[tuple[str, str]]) -> Caption:
    """Returns the caption of an image.

    Args:
        result: the image.
        forms: names of metrics with their text, such as 'RMSE {:.2f}'. Known metrics appear,
            followed by the inferred parameters.
    """
    name = _shortened(result.name)
    parts = [*_known(result.metrics, forms=forms), *_inferred(result.metrics, shown=dict(forms))]
    return Caption(
        name=name,
        figures=tuple(_packed(parts, beside=name)),
        notes=tuple(_wrapped(result.all_warnings)),
    )


def draw_caption(page: Any, caption: Caption) -> None:
    """Draws the caption at the lower edge of the page."""

    def line(text, *, number=0, x=MARGIN, **options):
        y = caption.height - 0.05 - number * _LINE_HEIGHT
        add_text(page, text, x=x, y=y, **options)

    for number, text in enumerate(caption.figures):
        line(text, number=number, color=INK)
    line(caption.name, x=WIDTH - MARGIN, ha="right", color=_FADED_INK)
    for number, text in enumerate(caption.notes, start=len(caption.figures)):
        line(text, number=number, color=_WARNING_INK)


def _known(metrics: Mapping[str, float], *, forms: Sequence[tuple[str, str]]) -> list[str]:
    return [
        form.format(metrics[name])
        for name, form in forms
        if metrics.get(name) is not None and not math.isnan(metrics[name])
    ]


def _inferred(metrics: Mapping[str, float], *, shown: Mapping[str, str]) -> list[str]:
    """Returns 'sigma 2.91 ± 0.08 (true 3)' for each inferred parameter that is not in `shown`."""
    parts = []
    names = [key.removesuffix("_stddev") for key in metrics if key.endswith("_stddev")]
    for name in (name for name in names if name not in shown):
        text = f"{name} {metrics[name]:.3g} \N{PLUS-MINUS SIGN} {metrics[name + '_stddev']:.2g}"
        truth = metrics.get(f"{name}_true")
        parts.append(text if truth is None else f"{text} (true {truth:.3g})")
    return parts


def _packed(parts: Iterable[str], *, beside: str) -> list[str]:
    """Joins parts to lines; the first line leaves room for the text beside it."""
    lines, room = [""], _FIGURES_PER_LINE - len(beside)
    for part in parts:
        joined = _SEPARATOR.join(filter(None, [lines[-1], part]))
        if len(joined) <= room:
            lines[-1] = joined
        else:
            lines.append(part)
            room = _FIGURES_PER_LINE
    return lines


def _wrapped(lines: Iterable[str]) -> list[str]:
    wrapped = []
    for text in lines:
        wrapped += textwrap.wrap(text, _CHARACTERS_PER_LINE, subsequent_indent="  ")
    return wrapped


def _shortened(name: str) -> str:
    # Bytes of a file name that are not UTF-8 cannot be drawn.
    name = name.encode("utf-8", "replace").decode("utf-8")
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."


# The file.


def encode_png(draw: Callable[[ImageResult], Any], result: ImageResult) -> bytes:
    """Returns the figure that `draw` makes as the contents of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = io.BytesIO()
    # Matplotlib warns of a script that the font lacks; the rest of the figure is still useful.
    with plain_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas = FigureCanvasAgg(draw(result))
        canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()
