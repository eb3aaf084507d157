"""Simulation-based calibration: a test of uniform ranks, and corrections of intervals.

Reference: Talts et al., Validating Bayesian inference algorithms with simulation-based
calibration (arXiv 1804.06788).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def chi_square_p(ranks: np.ndarray, *, bins: int) -> float:
    """Returns the p-value of uniform ranks, by the chi-square statistic of equal bins.

    Args:
        ranks: Fractions of the samples below the truth, [N] in [0, 1).
        bins: Number of bins; N / bins should be about 5 or more.

    Example:
        >>> chi_square_p(np.arange(40) / 40, bins=8)
        1.0
    """
    import tensorflow as tf

    counts = np.bincount((ranks * bins).astype(int), minlength=bins)
    expected = len(ranks) / bins
    statistic = ((counts - expected) ** 2 / expected).sum()
    half = tf.constant([(bins - 1) / 2, statistic / 2], tf.float64)
    return float(tf.math.igammac(half[0], half[1]))


def fitted_correction(
    fitting: Sequence[float], scoring: Sequence[float], *, values: Sequence[float], fraction: float
) -> tuple[float, float]:
    """Fits a correction of intervals on some images, and scores it on others.

    Args:
        fitting: Coverage of the images to fit, at each value of the correction.
        scoring: Coverage of the images to score, at each value of the correction.
        values: Increasing values of the correction. Coverage is interpolated between them,
            and constant beyond them.
        fraction: Coverage that the intervals should have.

    Returns:
        The correction, and its coverage of the images to score.

    Example:
        >>> fitted_correction([0.5, 1.0], [0.25, 0.75], values=[1.0, 2.0], fraction=0.75)
        (1.5, 0.5)
    """
    # Coverage grows with the correction, except for sampling noise.
    value = float(np.interp(fraction, np.maximum.accumulate(fitting), values))
    return value, float(np.interp(value, values, scoring))
