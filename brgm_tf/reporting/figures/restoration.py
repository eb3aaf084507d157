"""The figure of one restored image: its images in a row, with a caption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.reporting.figures import page as panels
from brgm_tf.reporting.figures.maps import BAR_SPACE, BAR_WIDTH, draw_maps
from brgm_tf.reporting.figures.page import GAP, MARGIN, TITLE_HEIGHT, WIDTH
from brgm_tf.reporting.pixels import channel_rms

if TYPE_CHECKING:
    from brgm_tf.reporting.results import ImageResult

_CAPTION = (
    ("residual", "residual {:.2f} grey levels"),
    ("lpips", "LPIPS {:.4f}"),
    ("rmse", "RMSE {:.2f}"),
    ("psnr", "PSNR {:.2f} dB"),
)


def draw_figure(result: ImageResult) -> Any:
    """Draws the images in a row, with the residual at the end.

    The row has the measurement, the reconstruction, the merged image, the truth, the predicted
    measurement and the absolute residual over the observed pixels. The residual is
    |predicted measurement - measurement| in grey levels, for colours the root mean square over the
    channels. Missing pixels are grey there. Images smaller than the reconstruction are enlarged by
    the nearest pixel. The caption has the residual, the known metrics and the warnings.

    Args:
        result: the image.

    Returns:
        A `matplotlib.figure.Figure`, 1600 pixels wide at its resolution.
    """
    pictures = _pictures(result)
    caption = panels.caption_of(result, forms=_CAPTION)
    full_height, full_width = np.shape(result.reconstruction)[:2]
    count = len(pictures) + 1
    width = panels.panel_width(count=count, width=WIDTH - 2 * MARGIN - BAR_SPACE)
    height = width * full_height / full_width

    def axes(index: int, *, width: float = width, step: float = width + GAP) -> Any:
        left, bottom = MARGIN + index * step, caption.height
        return panels.add_axes(page, left=left, bottom=bottom, width=width, height=height)

    with panels.plain_style():
        page = panels.new_page(height=caption.height + height + TITLE_HEIGHT + MARGIN / 2)
        for index, (title, image) in enumerate(pictures):
            panels.draw_picture(axes(index), image, title=title, enlarged=len(image) < full_height)
        residual = {"Residual": _residual(result)}
        draw_maps(page, residual, axes=[axes(count - 1)], bar=axes(count, width=BAR_WIDTH))
        panels.draw_caption(page, caption)
    return page


def _pictures(result: ImageResult) -> list[tuple[str, np.ndarray]]:
    full = result.reconstruction
    shown = [
        (panels.with_size("Measurement", result.measurement, full=full), result.measurement),
        ("Reconstruction", full),
        ("Measurement kept" if result.missing is None else "Known pixels kept", result.merged),
        ("Truth", result.truth),
        (
            panels.with_size("Re-corrupted", result.predicted_measurement, full=full),
            result.predicted_measurement,
        ),
    ]
    return [(title, image) for title, image in shown if image is not None]


def _residual(result: ImageResult) -> np.ndarray:
    """Returns |predicted measurement - measurement| [h, w] in grey levels, NaN where missing."""
    difference = np.subtract(result.predicted_measurement, result.measurement, dtype=np.float64)
    levels = channel_rms(GREY_LEVELS_PER_UNIT * difference)
    return levels if result.missing is None else np.where(result.missing[..., 0], np.nan, levels)


def figure_png(result: ImageResult) -> bytes:
    """Returns the figure as the contents of a PNG file; equal results give equal bytes."""
    return panels.encode_png(draw_figure, result)
