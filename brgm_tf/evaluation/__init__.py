"""Figures of merit, calibration and baselines."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.evaluation.calibration import chi_square_p as chi_square_p
    from brgm_tf.evaluation.calibration import fitted_correction as fitted_correction
    from brgm_tf.evaluation.metrics import image_metrics as image_metrics
    from brgm_tf.evaluation.metrics import residual as residual
    from brgm_tf.evaluation.metrics import restoration_metrics as restoration_metrics

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "chi_square_p": "calibration",
        "fitted_correction": "calibration",
        "image_metrics": "metrics",
        "residual": "metrics",
        "restoration_metrics": "metrics",
    },
)
