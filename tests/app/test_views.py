"""Pictures of a result for the page."""

import math

import numpy as np
import pytest
from example_results import image, result, samples

from brgm_tf.app import views
from brgm_tf.io.images import image_size, to_uint8


def test_before_and_after_have_one_size(tmp_path):
    made = views.save_views(result(), tmp_path)
    sizes = {image_size(path) for path in (made.before, made.after, made.truth)}
    assert sizes == {(views.SIDE, views.SIDE)}


def test_pixels_are_squares():
    small = image(4, 4, 1)
    shown = np.asarray(views.enlarged(small, side=8))
    assert (shown == np.kron(to_uint8(small)[..., 0], np.ones((2, 2)))).all()


def test_samples_bring_their_mean_and_deviation(tmp_path):
    made = views.save_views(result(samples=samples(count=3)), tmp_path)
    paths = [*made.samples, made.mean, made.stddev]
    assert len(made.samples) == 3
    assert all(path.is_file() for path in paths)


def test_the_residual_is_in_grey_levels():
    one = np.zeros((2, 2, 1), np.float32)
    shown = views.residual_map(
        result(measurement=one, predicted_measurement=one + 0.2, missing=None)
    )
    assert shown == pytest.approx(0.2 * 127.5)


def test_unobserved_pixels_have_no_residual():
    one = np.zeros((2, 2, 1), np.float32)
    missing = np.array([[[True], [False]], [[False], [False]]])
    shown = views.residual_map(result(measurement=one, predicted_measurement=one, missing=missing))
    assert math.isnan(shown[0, 0])
    assert np.isnan(shown).sum() == 1


def test_known_metrics_and_inferred_parameters_are_rows():
    metrics = {"residual": 2.5, "psnr": math.nan, "sigma": 2.0, "sigma_stddev": 0.1}
    rows = views.metric_rows({**metrics, "sigma_true": 2.2})
    assert [row[:2] for row in rows] == [("Residual", "2.5"), ("sigma", "2 ± 0.1")]
    assert rows[1][2] == "inferred; the true value is 2.2"


def test_the_interval_of_a_pixel_is_in_grey_levels(tmp_path):
    low = np.full((2, 3, 1), -1.0)
    high = np.array([[[0.0], [1.0], [1.0]], [[1.0], [1.0], [1.0]]])
    np.savez(tmp_path / "uncertainty.npz", mean=low, low=low, high=high)
    text = views.interval_text(tmp_path / "uncertainty.npz", column=0, row=0)
    assert text == "Pixel (0, 0): 90 % interval 0 to 128 (mean 0) of 255 grey levels"
    beyond = views.interval_text(tmp_path / "uncertainty.npz", column=99, row=-1)
    assert beyond.startswith("Pixel (2, 0)")
