"""The test of uniform ranks, and the corrections of intervals."""

import numpy as np
import pytest
import scipy.stats

from brgm_tf.evaluation.calibration import chi_square_p, fitted_correction


def test_the_p_value_equals_scipys():
    ranks = np.random.RandomState(0).beta(1.2, 1.0, 200)
    counts, _ = np.histogram(ranks, bins=8, range=(0, 1))
    expected = scipy.stats.chisquare(counts).pvalue
    assert chi_square_p(ranks, bins=8) == pytest.approx(expected, rel=1e-9)


def test_ranks_at_one_end_are_not_uniform():
    assert chi_square_p(np.full(100, 0.01), bins=8) < 1e-6


def test_a_correction_is_fitted_on_some_images_and_evaluated_on_others():
    fitted = fitted_correction(
        [0.7, 0.8, 1.0], [0.6, 0.7, 0.9], values=[1.0, 1.5, 2.0], fraction=0.9
    )
    assert fitted == pytest.approx((1.75, 0.8))


def test_an_unreachable_coverage_takes_the_largest_correction():
    value, _ = fitted_correction([0.5, 0.6], [0.5, 0.6], values=[1.0, 3.0], fraction=0.9)
    assert value == 3.0
