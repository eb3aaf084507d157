"""Interpolations and the table of the comparison of volumes."""

import evaluate_volumes
import numpy as np
import pytest


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_a_ramp_is_interpolated_exactly_between_the_first_and_the_last_centre(method):
    ramp = np.arange(16.0)[:, None, None] * np.ones((1, 2, 3))
    measured = ramp.reshape(4, 4, 2, 3).mean(axis=1)
    slices = evaluate_volumes.interpolated(measured, factor=4, count=16, method=method)
    expected = np.clip(ramp, 1.5, 13.5)
    np.testing.assert_allclose(slices, expected, atol=1e-12)


def test_the_table_has_the_means_of_the_methods():
    row = dict.fromkeys(evaluate_volumes.COLUMNS, 1.0)
    rows = [
        {**row, "method": "linear", "rmse": 2.0},
        {**row, "method": "linear", "rmse": 4.0},
        {**row, "method": "chain"},
    ]
    lines = evaluate_volumes.table_of(rows).splitlines()
    assert lines[2] == "| linear | 3 | 1 | 1 | 1 |"
    assert lines[3] == "| chain | 1 | 1 | 1 | 1 |"
