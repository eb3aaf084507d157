"""The table of the comparison of volumes."""

import evaluate_volumes


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
