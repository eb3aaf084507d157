"""FFHQ's square of five landmarks, and its coordinates."""

import math

import numpy as np
import pytest

from brgm_tf.photographs.alignment import (
    MEAN_FACE,
    Alignment,
    corner_error,
    square_of,
    square_of_visible,
)

FACE = np.array([[40, 40], [40, 60], [50, 50], [60, 42], [60, 58.0]])


def turned(points, degrees, centre=(50.0, 50.0)):
    """Returns points (row, column) turned clockwise about a centre."""
    angle = math.radians(degrees)
    down, right = (points - centre).T
    rows = math.cos(angle) * down + math.sin(angle) * right
    columns = math.cos(angle) * right - math.sin(angle) * down
    return np.stack([rows, columns], axis=-1) + centre


def test_the_square_is_that_of_ffhqs_formula():
    # The formula of FFHQ in (x, y), written out.
    points = turned(FACE, 17.0) + np.array([3.0, -8.0])
    xy = points[:, ::-1]
    eye, mouth = xy[:2].mean(axis=0), xy[3:].mean(axis=0)
    across, down = xy[1] - xy[0], mouth - eye
    x = across - np.flipud(down) * [-1, 1]
    x /= np.hypot(*x)
    x *= max(np.hypot(*across) * 2.0, np.hypot(*down) * 1.8)
    y = np.flipud(x) * [-1, 1]
    centre = eye + down * 0.1
    corners = np.stack([centre - x - y, centre + x - y, centre + x + y, centre - x + y])
    np.testing.assert_allclose(square_of(points).corners()[:, ::-1], corners, atol=1e-9)


@pytest.mark.parametrize("degrees", [-120.0, -20.0, 0.0, 35.0, 170.0])
def test_a_turned_face_has_a_turned_square(degrees):
    upright, square = square_of(FACE), square_of(turned(FACE, degrees))
    assert math.isclose(square.side, upright.side)
    np.testing.assert_allclose(square.corners(), turned(upright.corners(), degrees), atol=1e-9)
    assert math.isclose((square.angle - degrees + 180) % 360, 180)


def test_both_directions_of_the_coordinates_agree():
    square = Alignment(12.0, 30.0, 25.0, 33.0)
    points = np.random.default_rng(0).uniform(-50, 50, (7, 2))
    np.testing.assert_allclose(square.to_picture(square.to_square(points)), points, atol=1e-12)


def test_relative_is_the_inverse_of_moved():
    square = Alignment(12.0, 30.0, 25.0, 33.0)
    move = {"down": 0.03, "right": -0.02, "zoom": 1.1, "turn": 4.0}
    assert square.moved(**move).relative(square) == pytest.approx(move)


def test_the_error_is_that_of_the_corners():
    truth = Alignment(50.0, 50.0, 100.0)
    assert corner_error(Alignment(50.0, 60.0, 100.0), truth) == pytest.approx(102.4)
    assert corner_error(Alignment(50.0, 50.0, 110.0), truth) == pytest.approx(51.2 * 2**0.5)


def test_hidden_landmarks_do_not_move_the_square():
    truth = Alignment(40.0, 70.0, 55.0, 21.0)
    points = truth.to_picture(MEAN_FACE)
    points[3] += 30.0
    square = square_of_visible(points, np.array([True, True, True, False, True]))
    assert corner_error(square, truth) < 1e-6
