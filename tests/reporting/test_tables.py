"""Tables of a run: their columns, their cells and their growth."""

import math

import numpy as np
from example_results import result

from brgm_tf.reporting.tables import MetricsTable, metrics_row, read_rows, save_metrics_csv


def test_metrics_csv_has_ordered_columns_and_empty_cells(tmp_path):
    rows = [
        {"image": "a, b", "psnr": 1 / 3, "seconds": 1.5, "zeta": 1, "merged_psnr": math.inf},
        {"image": "c", "psnr": math.nan, "ssim": None, "residual": np.float64(2)},
    ]
    path = save_metrics_csv(tmp_path, rows)
    assert path == tmp_path / "metrics.csv"
    assert path.read_bytes().decode() == (
        "image,psnr,ssim,mae,rmse,lpips,seconds,residual,merged_psnr,zeta\n"
        '"a, b",0.3333333333333333,,,,,1.5,,inf,1\n'
        "c,,,,,,,2.0,,\n"
    )


def test_metrics_row_has_name_seconds_and_metrics():
    example = result()
    expected = {"image": "face", "seconds": 12.5, **example.metrics}
    assert metrics_row(example) == expected


def test_metrics_csv_of_no_images_has_a_header(tmp_path):
    save_metrics_csv(tmp_path, [])
    assert read_rows(tmp_path / "metrics.csv") == []


def test_a_table_that_grows_equals_a_table_written_at_once(tmp_path):
    rows = [{"image": name, "rmse": value, "other": 0.1} for name, value in (("a", 1.5), ("b", 2))]
    (tmp_path / "once").mkdir()
    save_metrics_csv(tmp_path / "once", rows)
    table = MetricsTable(tmp_path)
    for row in rows:
        table.add([row])
    grown = (tmp_path / "metrics.csv").read_bytes()
    assert grown == (tmp_path / "once" / "metrics.csv").read_bytes()


def test_a_new_column_is_empty_in_earlier_rows(tmp_path):
    table = MetricsTable(tmp_path)
    table.add([{"image": "a", "rmse": 1.0}])
    table.add([{"image": "b", "rmse": 2.0, "sigma": 0.5}])
    assert [row["sigma"] for row in read_rows(tmp_path / "metrics.csv")] == ["", "0.5"]


def test_a_truncated_row_is_dropped(tmp_path):
    MetricsTable(tmp_path).add([{"image": "a", "rmse": 1.0}, {"image": "b", "rmse": 2.0}])
    path = tmp_path / "metrics.csv"
    path.write_bytes(path.read_bytes()[:-1])
    assert [row["image"] for row in read_rows(path)] == ["a"]
