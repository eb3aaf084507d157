"""Inpainting by total variation, compared with another solver."""

import numpy as np
import pytest
import scipy.optimize

from brgm_tf.evaluation.baselines.biharmonic import biharmonic
from brgm_tf.evaluation.baselines.total_variation import total_variation, tv


def hole(size, *, rows, columns):
    missing = np.zeros((size, size, 1), bool)
    missing[rows, columns] = True
    return missing


def picture(size, *, channels=1, seed=0):
    """Returns smooth waves and a sharp disc."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    shift = np.random.default_rng(seed).uniform(0, 3, channels)
    waves = 0.3 * np.sin(9 * x[..., None] + shift) * np.cos(7 * y[..., None])
    return (waves + 0.5 * (x**2 + y**2 < 0.07)[..., None]).astype("float32")


HOLE = hole(16, rows=slice(4, 11), columns=slice(5, 12))
SCATTERED = np.random.default_rng(0).random((16, 16, 1)) < 0.6
CORNER = hole(16, rows=slice(0, 6), columns=slice(9, 16))
MASKS = pytest.mark.parametrize(
    "missing", [HOLE, SCATTERED, CORNER], ids=["hole", "dust", "corner"]
)


def smoothed_least_variation(y, *, missing, epsilon=1e-4):
    """Returns the minimiser of sum sqrt(|D x|^2 + epsilon^2), by L-BFGS on the missing values."""
    hidden = np.broadcast_to(missing, y.shape)

    def loss(values):
        x = np.array(y, np.float64)
        x[hidden] = values
        rows, columns = np.zeros_like(x), np.zeros_like(x)
        rows[:-1], columns[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
        squares = (rows**2 + columns**2).sum(-1, keepdims=True) + epsilon**2
        rows, columns = rows / np.sqrt(squares), columns / np.sqrt(squares)
        gradient = -rows - columns
        gradient[1:] += rows[:-1]
        gradient[:, 1:] += columns[:, :-1]
        return np.sqrt(squares).sum(), gradient[hidden]

    start = np.full(hidden.sum(), y[~hidden].mean())
    optimum = scipy.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 20_000, "maxfun": 40_000}
    )
    x = np.array(y, np.float64)
    x[hidden] = optimum.x
    return x


@MASKS
@pytest.mark.parametrize("channels", [1, 3])
def test_the_variation_equals_the_minimum_of_another_solver(missing, channels):
    y = picture(16, channels=channels)
    other = smoothed_least_variation(y, missing=missing)
    ours = tv(y, missing=missing)
    assert total_variation(ours) == pytest.approx(total_variation(other), rel=1e-3)


@MASKS
def test_the_variation_is_below_the_truth_and_biharmonic_inpainting(missing):
    truth = picture(16)
    restored = total_variation(tv(truth, missing=missing))
    assert restored <= total_variation(truth)
    assert restored <= total_variation(biharmonic(truth, missing=missing))


@MASKS
def test_known_pixels_are_exact(missing):
    truth = picture(16, channels=3)
    known = ~missing[..., 0]
    np.testing.assert_array_equal(tv(truth, missing=missing)[known], truth[known])


def test_the_variation_of_a_step_is_its_height_times_its_length():
    step = np.zeros((5, 7, 3))
    step[:, 4:] = [0.3, 0.0, 0.4]
    assert total_variation(step) == pytest.approx(5 * 0.5)


@pytest.mark.parametrize("turned", [False, True])
def test_an_edge_continues_straight_through_the_hole(turned):
    edge = np.where(np.arange(32) < 15, [[-0.5], [0.2]], [[0.7], [-0.1]])[:, None, :]
    truth = np.moveaxis(np.broadcast_to(edge, (2, 32, 32)), 0, -1).astype("float32")
    truth = truth.swapaxes(0, 1) if turned else truth
    missing = hole(32, rows=slice(10, 20), columns=slice(9, 22))
    np.testing.assert_allclose(tv(truth, missing=missing, tolerance=1e-6), truth, atol=0.02)


def test_a_constant_picture_is_unchanged():
    truth = np.full((16, 16, 3), 0.3, "float32")
    np.testing.assert_array_equal(tv(truth, missing=SCATTERED), truth)


def test_a_picture_without_a_hole_is_unchanged():
    truth = picture(16)
    np.testing.assert_array_equal(tv(truth, missing=np.zeros((16, 16, 1), bool)), truth)


def test_missing_pixels_are_ignored():
    truth = picture(16)
    first, second = (
        tv(np.where(HOLE, value, truth), missing=HOLE) for value in (np.float32(np.nan), 1.0)
    )
    np.testing.assert_array_equal(first, second)


def test_pixels_away_from_the_hole_do_not_matter():
    truth = picture(16)
    other = truth.copy()
    other[:3] = 1.0  # row 3 is the border of the hole
    filled = [tv(y, missing=HOLE)[HOLE] for y in (truth, other)]
    np.testing.assert_array_equal(*filled)


def test_a_smaller_tolerance_reaches_a_smaller_variation():
    variations = [total_variation(tv(picture(16), missing=HOLE, tolerance=t)) for t in (0.1, 1e-5)]
    assert variations[1] < variations[0]
