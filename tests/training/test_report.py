"""Table, image grids and figure of a training run."""

import numpy as np
import pytest
from PIL import Image

from brgm_tf.training import report


def rows(*steps):
    return [report.format_row({"step": step, "kimg": step / 10, "loss_d": 0.5}) for step in steps]


def test_rows_after_the_snapshot_are_dropped(tmp_path):
    report.write_rows(tmp_path / "scalars.csv", rows(1, 2, 3))
    assert report.read_rows(tmp_path / "scalars.csv", up_to_step=2) == rows(1, 2)


def test_a_truncated_row_is_dropped(tmp_path):
    path = tmp_path / "scalars.csv"
    report.write_rows(path, rows(1, 2))
    path.write_text(path.read_text()[:-8])
    assert report.read_rows(path, up_to_step=5) == rows(1)


def test_values_that_were_not_measured_are_empty():
    assert rows(1)[0]["frechet_vgg16"] == ""


def test_the_grid_is_filled_row_by_row():
    images = np.arange(4.0)[:, None, None, None] * np.ones((1, 2, 3, 1))
    grid = report.grid(images, columns=2)
    np.testing.assert_array_equal(grid[::2, ::3, 0], [[0, 1], [2, 3]])


def test_the_figure_is_drawn_with_and_without_rows(tmp_path):
    for table in ([], rows(1, 2)):
        report.save_figure(tmp_path / "scalars.png", table)
        with Image.open(tmp_path / "scalars.png") as figure:
            assert figure.size == (2000, 300)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(7, "0 min 07 s"), (187, "3 min 07 s"), (7500, "2 h 05 min"), (94000, "1 d 02 h")],
)
def test_a_duration_has_two_units(seconds, text):
    assert report.duration(seconds) == text
