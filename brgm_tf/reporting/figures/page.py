"""What the figures share: a page of one width, pictures in a row, and a caption.

Lengths are in inches, counted from the page's left and bottom edge. Matplotlib is imported
inside the functions that need it.
"""

from __future__ import annotations

import dataclasses
import io
import math
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from brgm_tf.io import images
from brgm_tf.reporting.results import ImageResult, drawable

# With the resolution a page is 1600 pixels wide.
_DOTS_PER_INCH = 200
WIDTH, MARGIN, GAP = 8.0, 0.08, 0.06
TITLE_HEIGHT, _LINE_HEIGHT = 0.21, 0.155
TITLE_POINTS, CAPTION_POINTS = 8.5, 7.5
INK, _FADED_INK, _WARNING_INK = "#222222", "#777777", "#a34700"
_CHARACTERS_PER_LINE = 112
# Metrics are digits, small letters and spaces, which are narrow.
_FIGURES_PER_LINE = 150
_LONGEST_NAME = 40
_SEPARATOR = "   \N{MIDDLE DOT}   "


def plain_style():
    """A context with Matplotlib's defaults: a user's own style would make equal results differ."""
    from matplotlib import style

    return style.context({}, after_reset=True)


def new_page(*, height: float):
    """An empty `matplotlib.figure.Figure`, 1600 pixels wide at its own resolution."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), dpi=_DOTS_PER_INCH, facecolor="white")


def panel_width(*, count: int, width: float = WIDTH - 2 * MARGIN) -> float:
    """The width of each of `count` panels that fill a row, with gaps between them."""
    return (width - (count - 1) * GAP) / count


def add_axes(page, *, left: float, bottom: float, width: float, height: float):
    """Axes at a place in inches."""
    total = page.get_figheight()
    return page.add_axes((left / WIDTH, bottom / total, width / WIDTH, height / total))


def add_text(page, text: str, *, x: float, y: float, points: float = CAPTION_POINTS, **options):
    """Text whose upper edge is at `y`."""
    total = page.get_figheight()
    # A dollar sign in a file name is no formula.
    options = {"fontsize": points, "va": "top", "parse_math": False} | options
    page.text(x / WIDTH, y / total, text, **options)


# Pictures.


def draw_picture(axes, image: np.ndarray, *, title: str = "", enlarged: bool = False) -> None:
    """Draws an image.

    Args:
        axes: where.
        image: [h, w, C] in [-1, 1].
        title: what stands above it.
        enlarged: whether it is smaller than the panel's other images; its pixels then stay
            squares.
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


def finish_panel(axes, *, title: str) -> None:
    """Removes the axes' frame and writes the title."""
    axes.set_axis_off()
    axes.set_title(title, fontsize=TITLE_POINTS, color=INK, pad=3)


def with_size(title: str, image: np.ndarray, *, full: np.ndarray) -> str:
    """The title, and the image's size where it is not that of the full image."""
    height, width = np.shape(image)[:2]
    same = (height, width) == np.shape(full)[:2]
    return title if same else f"{title} ({width} x {height})"


# The caption.


@dataclasses.dataclass(frozen=True)
class Caption:
    """Lines below the panels.

    Attributes:
        name: the image's name, at the first line's right end.
        figures: lines of metrics.
        notes: lines of warnings.
    """

    name: str
    figures: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def height(self) -> float:
        """Inches that the caption takes from the page's lower edge."""
        return MARGIN + _LINE_HEIGHT * (len(self.figures) + len(self.notes)) + 0.02


def caption_of(result: ImageResult, *, forms: Sequence[tuple[str, str]]) -> Caption:
    """The caption of an image.

    Args:
        result: the image.
        forms: names of metrics, each with its text ('RMSE {:.2f}'); the known ones appear.
            Parameters that were inferred follow.
    """
    name = _shortened(result.name)
    parts = [*_known(result.metrics, forms=forms), *_inferred(result.metrics, shown=dict(forms))]
    return Caption(
        name=name,
        figures=tuple(_packed(parts, beside=name)),
        notes=tuple(_wrapped(result.all_warnings)),
    )


def draw_caption(page, caption: Caption) -> None:
    """Draws the caption at the page's lower edge."""

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
    """'sigma 2.91 ± 0.08 (true 3)' of each parameter with a standard deviation, not `shown` yet."""
    parts = []
    names = [key.removesuffix("_stddev") for key in metrics if key.endswith("_stddev")]
    for name in (name for name in names if name not in shown):
        text = f"{name} {metrics[name]:.3g} \N{PLUS-MINUS SIGN} {metrics[name + '_stddev']:.2g}"
        truth = metrics.get(f"{name}_true")
        parts.append(text if truth is None else f"{text} (true {truth:.3g})")
    return parts


def _packed(parts: Iterable[str], *, beside: str) -> list[str]:
    """Lines of parts; the first line leaves room for the text beside it."""
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
    # Bytes of a file name that are no text cannot be drawn.
    name = name.encode("utf-8", "replace").decode("utf-8")
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."


# The file.


def encode_png(draw: Callable[[ImageResult], object], result: ImageResult) -> bytes:
    """The figure that `draw` makes, as a PNG file's contents; equal figures give equal bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = io.BytesIO()
    # Drawing a name in a script that the font lacks warns; the figure is still of use.
    with plain_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas = FigureCanvasAgg(draw(result))
        canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()
