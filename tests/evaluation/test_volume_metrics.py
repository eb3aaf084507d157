"""Metrics of volumes, on errors of known size."""

import numpy as np
import pytest

from brgm_tf.evaluation.volume_metrics import volume_metrics

TRUTH = np.random.default_rng(0).uniform(-0.5, 0.5, (12, 14, 13))


def test_an_error_that_all_slices_share_does_not_flicker():
    metrics = volume_metrics(TRUTH + 10 / 127.5, TRUTH)
    assert metrics["rmse"] == pytest.approx(10)
    assert metrics["flicker"] == pytest.approx(0, abs=1e-9)


def test_alternating_errors_flicker_by_twice_their_size():
    signs = (-1.0) ** np.arange(12)[:, None, None]
    metrics = volume_metrics(TRUTH + signs * 10 / 127.5, TRUTH)
    assert metrics["flicker"] == pytest.approx(20)


def test_unknown_voxels_count_as_no_error():
    truth, restored = TRUTH.copy(), TRUTH.copy()
    truth[0, 0, 0], restored[0, 0, 0] = np.nan, 1.0
    assert volume_metrics(restored, truth)["rmse"] == 0


def test_a_volume_equal_to_the_truth_has_a_similarity_of_one():
    metrics = volume_metrics(TRUTH, TRUTH)
    assert metrics["ssim_1"] == metrics["ssim_2"] == pytest.approx(1)
