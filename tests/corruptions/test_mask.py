"""The mask that the user gives with each image."""

import numpy as np
import pytest
import tensorflow as tf
from corruption_cases import SIZE, images

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.masking.mask import Mask


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def left_missing() -> np.ndarray:
    missing = np.zeros((1, *SIZE, 1), bool)
    missing[:, :, :10] = True
    return missing


def test_missing_pixels_are_white_in_all_channels(rng):
    x = images(rng)
    y = Mask(missing=left_missing()).forward(x)
    np.testing.assert_array_equal(y[:, :, :10], np.ones((2, 12, 10, 3)))
    np.testing.assert_array_equal(y[:, :, 10:], x[:, :, 10:])


def test_fill_is_a_number_of_the_image_range(rng):
    y = Mask(fill=-0.25, missing=left_missing()).forward(images(rng))
    np.testing.assert_array_equal(y[:, :, :10], np.full((2, 12, 10, 3), -0.25))
    with pytest.raises(InputError, match=r"^`fill` must be a number in \[-1, 1\]"):
        Mask(fill=255)


def test_merging_preserves_known_pixels(rng):
    y, x = images(rng), images(rng)
    merged = Mask(missing=left_missing()).composite(y, x)
    np.testing.assert_array_equal(merged[:, :, 10:], y[:, :, 10:])


def test_missing_pixels_do_not_count(rng):
    mask = Mask(missing=left_missing())
    x = tf.constant(images(rng))
    y = mask.forward(x).numpy() + 0.05
    params = {"noise_scale": 5.0}
    expected = mask.log_prob(tf.constant(y), x, params)
    y[:, :, :10] = np.nan
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = mask.log_prob(tf.constant(y), x, params)
    gradient = tape.gradient(result, x)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(gradient[:, :, :10], np.zeros((2, 12, 10, 3)))
    assert np.all(gradient[:, :, 10:] != 0)


def test_a_mask_of_the_whole_image_has_a_constant_likelihood(rng):
    x = images(rng)
    mask = Mask(missing=np.ones((1, *SIZE, 1), bool))
    np.testing.assert_array_equal(mask.log_prob(tf.constant(x), x, {"noise_scale": 5.0}), [0, 0])


def test_the_error_for_a_mask_without_data_states_how_to_bind_it(rng):
    with pytest.raises(TypeError, match=r"with_data\(missing=\.\.\.\)"):
        Mask().forward(images(rng))


@pytest.mark.parametrize(
    "missing",
    [np.ones((1, *SIZE, 1)), np.ones(SIZE, bool), np.ones((1, *SIZE, 3), bool)],
    ids=["float", "rank", "channels"],
)
def test_a_mask_that_is_not_bool_with_one_channel_is_refused(missing):
    with pytest.raises(InputError, match=r"^`missing` must be a bool array"):
        Mask().with_data(missing=missing)


@pytest.mark.parametrize("shape", [(3, *SIZE, 1), (1, 1, 24, 1), (1, 12, 12, 1)])
def test_a_mask_of_another_shape_is_refused(shape, rng):
    mask = Mask(missing=np.zeros(shape, bool))
    with pytest.raises(InputError, match=r"^`missing` must be one mask.* 12 x 24 pixels"):
        mask.forward(images(rng))
