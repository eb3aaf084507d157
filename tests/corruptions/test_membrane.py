"""The seamless filling of holes, against dense equations and closed forms."""

import numpy as np
import pytest

from brgm_tf.corruptions.masking.box_mask import BoxMask
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.masking.membrane import Membrane, fill_seamlessly
from brgm_tf.corruptions.noise.noise import Noise

SIZE = (7, 9)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def hole(*boxes) -> np.ndarray:
    missing = np.zeros(SIZE, bool)
    for rows, columns in boxes:
        missing[rows, columns] = True
    return missing


HOLES = {
    "inside": hole((slice(2, 5), slice(3, 6))),
    "at the edge": hole((slice(0, 4), slice(0, 9))),
    "two parts": hole((slice(0, 3), slice(0, 3)), (slice(4, 7), slice(5, 8))),
    "corners touch": hole((slice(1, 3), slice(1, 3)), (slice(3, 5), slice(3, 5))),
    "one known pixel": ~hole((3, 4)),
    "scattered": np.random.default_rng(3).uniform(size=SIZE) < 0.6,
}


def dense(missing, mismatch):
    """Returns the solution by NumPy: each missing pixel is the mean of its neighbours."""
    height, width = missing.shape
    matrix, right = np.eye(missing.size), np.where(missing, 0.0, mismatch).ravel()
    for row, column in np.argwhere(missing):
        near = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        near = [(i, j) for i, j in near if 0 <= i < height and 0 <= j < width]
        for i, j in near:
            matrix[row * width + column, i * width + j] -= 1 / len(near)
    return np.linalg.solve(matrix, right).reshape(missing.shape)


@pytest.mark.parametrize("missing", HOLES.values(), ids=HOLES)
def test_membrane_is_the_dense_solution_of_laplaces_equation(missing, rng):
    mismatch = rng.uniform(-1, 1, SIZE)
    expected = np.where(missing, dense(missing, mismatch), 0)
    np.testing.assert_allclose(Membrane(missing)(mismatch), expected, atol=1e-12)


@pytest.mark.parametrize("transpose", [False, True])
def test_membrane_between_two_borders_is_a_linear_ramp(transpose):
    missing = np.ones((6, 5), bool)
    missing[[0, -1]] = False
    expected = np.linspace(2, 7, 6)[:, None].repeat(5, axis=1)
    mismatch = np.where(missing, 0, expected)
    if transpose:
        missing, mismatch, expected = missing.T, mismatch.T, expected.T
    h = Membrane(missing)(mismatch)
    np.testing.assert_allclose(h, np.where(missing, expected, 0), atol=1e-12)


def test_each_part_of_a_hole_takes_the_offset_of_its_border():
    missing = HOLES["two parts"]
    mismatch = np.zeros(SIZE)
    mismatch[:4, :4], mismatch[3:, 4:] = 0.5, -0.25
    h = Membrane(missing)(mismatch)
    np.testing.assert_allclose(h[:3, :3], 0.5, atol=1e-12)
    np.testing.assert_allclose(h[4:, 5:8], -0.25, atol=1e-12)


def test_membrane_of_one_column_is_a_ramp():
    missing = np.array([[False], [True], [True], [True], [False]])
    h = Membrane(missing)(np.array([[0.0], [9.0], [9.0], [9.0], [4.0]]))
    np.testing.assert_allclose(h[:, 0], [0, 1, 2, 3, 0], atol=1e-12)


@pytest.mark.parametrize("missing", [np.ones(SIZE, bool), np.zeros(SIZE, bool)])
def test_membrane_without_a_border_is_zero(missing, rng):
    np.testing.assert_array_equal(Membrane(missing)(rng.uniform(size=SIZE)), np.zeros(SIZE))


def test_a_filled_hole_stays_within_the_mismatch_of_its_border(rng):
    x, y = rng.uniform(-1, 1, (2, 2, *SIZE, 3)).astype(np.float32)
    missing = HOLES["inside"][None, ..., None]
    difference = (y - x) * ~missing
    h = fill_seamlessly(x, y, known=~missing) - x
    for part in range(2):
        for channel in range(3):
            inside = h[part, ..., channel][HOLES["inside"]]
            bounds = difference[part, ..., channel]
            assert bounds.min() < inside.min() < inside.max() < bounds.max()


def test_known_pixels_are_exact_and_a_constant_mismatch_shifts_the_whole_hole(rng):
    x = rng.uniform(-1, 1, (1, *SIZE, 3)).astype(np.float32)
    y = x + np.float32(0.125)
    known = ~HOLES["scattered"][None, ..., None]
    result = fill_seamlessly(x, np.where(known, y, np.nan), known=known)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result[0][known[0, ..., 0]], y[0][known[0, ..., 0]])
    np.testing.assert_allclose(result, y, atol=1e-6)


def test_images_channels_and_samples_are_filled_independently(rng):
    known = ~np.stack([HOLES["inside"], HOLES["two parts"]])[..., None]
    known = np.concatenate([known, ~HOLES["scattered"][None, ..., None].repeat(2, axis=0)], axis=-1)
    samples = rng.uniform(-1, 1, (3, 2, *SIZE, 2))
    y = rng.uniform(-1, 1, (2, *SIZE, 2))
    result = fill_seamlessly(samples, y, known=known)
    for sample, image, channel in np.ndindex(3, 2, 2):
        one = np.s_[image : image + 1, ..., channel : channel + 1]
        alone = fill_seamlessly(samples[sample][one], y[one], known=known[one])
        np.testing.assert_allclose(result[sample][one], alone, atol=1e-14)


def test_a_pixel_that_is_not_finite_does_not_spread(rng):
    x, y = rng.uniform(-1, 1, (2, 1, *SIZE, 1))
    x[0, 1, 4], y[0, 3, 2] = np.nan, np.inf
    known = ~HOLES["inside"][None, ..., None]
    filled = fill_seamlessly(x, y, known=known)[~known]
    assert np.isfinite(filled).all()


def test_composite_blends_the_image_into_the_known_pixels(rng):
    x, y = rng.uniform(-1, 1, (2, 2, *SIZE, 3))
    missing = HOLES["two parts"][None, ..., None]
    corruption = Mask(missing=missing)
    expected = fill_seamlessly(x, y, known=~missing)
    np.testing.assert_array_equal(corruption.composite(y, x), expected)
    samples = np.stack([x, -x])
    np.testing.assert_allclose(corruption.composite(y, samples)[0], expected, atol=1e-14)


def test_noisy_pixels_are_not_merged(rng):
    x = rng.uniform(-1, 1, (1, 16, 16, 1))
    box = BoxMask([(0.25, 0.25, 0.75, 0.75)])
    assert box.of_images((16, 16, 1)).composite(x, x) is not None
    assert (box + Noise(5.0)).of_images((16, 16, 1)).composite(x, x) is None
