"""The figure of the posterior of one image: mean, standard deviation and some samples.

Matplotlib is imported by the functions that use it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.reporting.figures import page as panels
from brgm_tf.reporting.figures.maps import BAR_SPACE, BAR_WIDTH, draw_maps
from brgm_tf.reporting.figures.page import GAP, MARGIN, TITLE_HEIGHT, WIDTH
from brgm_tf.reporting.pixels import channel_rms

if TYPE_CHECKING:
    from brgm_tf.reporting.results import ImageResult, PosteriorSamples

MOST_SAMPLES = 6
_CAPTION = (
    ("residual", "residual {:.2f} grey levels"),
    ("noise_scale", "noise {:.1f} grey levels"),
    ("coverage_90", "{:.0%} of the true pixels inside the 90% interval"),
    ("lpips", "LPIPS {:.4f}"),
    ("rmse", "RMSE {:.2f}"),
)


def draw_uncertainty(result: ImageResult) -> Any:
    """Draws the posterior mean beside the standard deviation, and samples below.

    The row has the measurement, the posterior mean, the truth, the standard deviation and the
    absolute error of the mean. The last two share one colour scale; for colour images they are root
    mean squares over the channels. The first six samples are below. The caption also has the
    noise scale and the coverage of the interval.

    Args:
        result: the image, with `samples`.

    Returns:
        A `matplotlib.figure.Figure`, 1600 pixels wide at its resolution.
    """
    samples = _samples_of(result)
    caption = panels.caption_of(result, forms=_CAPTION)
    row, strip = _layout(result, bottom=caption.height)
    with panels.plain_style():
        page = panels.new_page(height=row.top + MARGIN / 2)
        _draw_row(page, result, position=row)
        _draw_strip(page, samples, position=strip)
        panels.draw_caption(page, caption)
    return page


@dataclasses.dataclass(frozen=True)
class _Row:
    """Position of a row of equal panels, in inches."""

    bottom: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """Upper edge, with the titles."""
        return self.bottom + self.height + TITLE_HEIGHT

    def left(self, index: int) -> float:
        """Returns the left edge of a panel."""
        return MARGIN + index * (self.width + GAP)

    def axes(self, page: Any, index: int) -> Any:
        """Adds the axes of a panel; returns them."""
        return panels.add_axes(
            page, left=self.left(index), bottom=self.bottom, width=self.width, height=self.height
        )


def _samples_of(result: ImageResult) -> PosteriorSamples:
    if result.samples is None:
        raise ValueError(f"{result.name} has no posterior samples to draw.")
    return result.samples


def _layout(result: ImageResult, *, bottom: float) -> tuple[_Row, _Row]:
    """Returns the positions of the images and of the samples."""
    samples = _samples_of(result)
    height, width = np.shape(samples.mean)[:2]
    count = len(_pictures(result)) + len(_maps(result))
    large = panels.panel_width(count=count, width=WIDTH - 2 * MARGIN - BAR_SPACE)
    # Few samples are no larger than the mean.
    small = min(large, panels.panel_width(count=_strip_length(samples)))
    strip = _Row(bottom=bottom, width=small, height=small * height / width)
    return _Row(bottom=strip.top + GAP, width=large, height=large * height / width), strip


def _draw_row(page, result: ImageResult, *, position: _Row) -> None:
    full_height = len(_samples_of(result).mean)
    pictures, maps = _pictures(result), _maps(result)
    for index, (title, image) in enumerate(pictures.items()):
        axes = position.axes(page, index)
        panels.draw_picture(axes, image, title=title, enlarged=len(image) < full_height)
    axes = [position.axes(page, index) for index in range(len(pictures), len(pictures) + len(maps))]
    bar = panels.add_axes(
        page,
        left=position.left(len(pictures) + len(maps)),
        bottom=position.bottom,
        width=BAR_WIDTH,
        height=position.height,
    )
    draw_maps(page, maps, axes=axes, bar=bar)


def _pictures(result: ImageResult) -> dict[str, np.ndarray]:
    mean = _samples_of(result).mean
    title = panels.with_size("Measurement", result.measurement, full=mean)
    shown = {title: result.measurement, "Posterior mean": mean, "Truth": result.truth}
    return {title: image for title, image in shown.items() if image is not None}


def _maps(result: ImageResult) -> dict[str, np.ndarray]:
    """Returns maps [H, W] in grey levels by title."""
    samples = _samples_of(result)
    maps = {"Standard deviation": samples.stddev_map}
    if result.truth is not None:
        mean, truth = np.clip(samples.mean, -1, 1), np.clip(result.truth, -1, 1)
        maps["Error of the mean"] = channel_rms(GREY_LEVELS_PER_UNIT * (mean - truth))
    return maps


def _strip_length(samples: PosteriorSamples) -> int:
    return min(len(samples.shown), MOST_SAMPLES)


def _draw_strip(page, samples: PosteriorSamples, *, position: _Row) -> None:
    count = _strip_length(samples)
    for index in range(count):
        panels.draw_picture(position.axes(page, index), samples.shown[index])
    more = f" (the first {count} of {len(samples.shown)})" if len(samples.shown) > count else ""
    panels.add_text(
        page,
        f"Posterior samples{more}",
        x=MARGIN,
        y=position.top - 0.04,
        points=panels.TITLE_POINTS,
        color=panels.INK,
    )


def uncertainty_png(result: ImageResult) -> bytes:
    """Returns the figure as the contents of a PNG file; equal results give equal bytes."""
    return panels.encode_png(draw_uncertainty, result)
