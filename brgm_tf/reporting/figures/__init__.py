"""Figures of results."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.reporting.figures.restoration import draw_figure as draw_figure
    from brgm_tf.reporting.figures.restoration import figure_png as figure_png
    from brgm_tf.reporting.figures.uncertainty import draw_uncertainty as draw_uncertainty
    from brgm_tf.reporting.figures.uncertainty import uncertainty_png as uncertainty_png

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "draw_figure": "restoration",
        "draw_uncertainty": "uncertainty",
        "figure_png": "restoration",
        "uncertainty_png": "uncertainty",
    },
)
