"""Simulation-based calibration: are ranks uniform, and what would make intervals right.

Reference: Talts et al., Validating Bayesian inference algorithms with simulation-based
calibration (arXiv 1804.06788).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def chi_square_p(ranks: np.ndarray, *, bins: int) -> float:
    """The p-value of ranks being uniform, by the chi-square of equal bins.

    Args:
        ranks: [N] in [0, 1): the share of the draws that are below the truth.
        bins: their number; N / bins should not be far below 5.
    """
    import tensorflow as tf

    counts = np.bincount((ranks * bins).astype(int), minlength=bins)
    expected = len(ranks) / bins
    statistic = ((counts - expected) ** 2 / expected).sum()
    half = tf.constant([(bins - 1) / 2, statistic / 2], tf.float64)
    return float(tf.math.igammac(half[0], half[1]))


def fitted_correction(
    fitting: Sequence[float], scoring: Sequence[float], *, values: Sequence[float], share: float
) -> tuple[float, float]:
    """The correction at which some images are covered as they should be, and what others then are.

    Args:
        fitting: coverage of the images that it is fitted to, at each of the values.
        scoring: coverage of the others, likewise.
        values: of the correction, increasing; between them coverage is interpolated, beyond
            them it is not.
        share: of the true values that should be covered.

    Returns:
        The correction, and the coverage that it scores.
    """
    # Coverage grows with the correction, but for the draws' chance.
    value = float(np.interp(share, np.maximum.accumulate(fitting), values))
    return value, float(np.interp(value, values, scoring))
