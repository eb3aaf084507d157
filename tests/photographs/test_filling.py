"""Holes of pictures are filled smoothly before faces are looked for."""

import numpy as np
import pytest

from brgm_tf.photographs.filling import FilledPicture, filled
from brgm_tf.photographs.sampling import ArrayPicture


@pytest.fixture
def ramp():
    rows = np.linspace(-1, 1, 37, dtype="float32")[:, None, None]
    return np.broadcast_to(rows, (37, 53, 3)).copy()


def test_known_pixels_stay_and_missing_ones_are_near_their_neighbours(ramp):
    missing = np.zeros((37, 53), bool)
    missing[9:15, 20:31] = True
    damaged = np.where(missing[..., None], np.nan, ramp).astype("float32")
    image = filled(damaged, missing)
    np.testing.assert_array_equal(image[~missing], ramp[~missing])
    assert np.abs(image - ramp).max() < 0.5


def test_boxes_and_overviews_are_filled(ramp):
    missing = np.zeros((37, 53), bool)
    missing[4:9, 5:40] = True
    picture = FilledPicture(ArrayPicture(np.where(missing[..., None], 9, ramp)), missing)
    assert picture.box(2, 3, 20, 30).max() <= 1
    overview, n = picture.reduced(20)
    assert n == 3
    assert overview.max() <= 1


def test_points_near_a_hole_are_not_visible(ramp):
    missing = np.zeros((37, 53), bool)
    missing[10, 10] = True
    picture = FilledPicture(ArrayPicture(ramp), missing)
    points = np.array([[10.5, 10.5], [10.5, 13.5], [10.5, 15.5], [0.0, 0.0]])
    assert picture.visible(points, 3.0).tolist() == [False, False, True, True]
