"""The figure of one restored image: its images in a row, with a caption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from brgm_tf.reporting.figures import page as panels
from brgm_tf.reporting.figures.page import GAP, MARGIN, TITLE_HEIGHT

if TYPE_CHECKING:
    from brgm_tf.reporting.results import ImageResult

_CAPTION = (
    ("residual", "residual {:.2f} grey levels"),
    ("lpips", "LPIPS {:.4f}"),
    ("rmse", "RMSE {:.2f}"),
    ("psnr", "PSNR {:.2f} dB"),
)


def draw_figure(result: ImageResult) -> Any:
    """Draws measurement, reconstruction, merged image, predicted measurement and truth in a row.

    Images smaller than the reconstruction are enlarged by the nearest pixel. The caption has the
    residual, the known metrics and the warnings.

    Args:
        result: the image.

    Returns:
        A `matplotlib.figure.Figure`, 1600 pixels wide at its resolution.
    """
    pictures = _pictures(result)
    caption = panels.caption_of(result, forms=_CAPTION)
    full_height, full_width = np.shape(result.reconstruction)[:2]
    width = panels.panel_width(count=len(pictures))
    height = width * full_height / full_width
    with panels.plain_style():
        page = panels.new_page(height=caption.height + height + TITLE_HEIGHT + MARGIN / 2)
        for index, (title, image) in enumerate(pictures):
            left = MARGIN + index * (width + GAP)
            axes = panels.add_axes(
                page, left=left, bottom=caption.height, width=width, height=height
            )
            panels.draw_picture(axes, image, title=title, enlarged=len(image) < full_height)
        panels.draw_caption(page, caption)
    return page


def _pictures(result: ImageResult) -> list[tuple[str, np.ndarray]]:
    full = result.reconstruction
    shown = [
        (panels.with_size("Measurement", result.measurement, full=full), result.measurement),
        ("Reconstruction", full),
        ("Known pixels kept", result.merged),
        (
            panels.with_size("Re-corrupted", result.predicted_measurement, full=full),
            result.predicted_measurement,
        ),
        ("Truth", result.truth),
    ]
    return [(title, image) for title, image in shown if image is not None]


def figure_png(result: ImageResult) -> bytes:
    """Returns the figure as the contents of a PNG file; equal results give equal bytes."""
    return panels.encode_png(draw_figure, result)
