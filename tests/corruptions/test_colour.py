"""Grayscale and Bayer against Pillow and values derived by hand."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.pointwise.bayer import Bayer
from brgm_tf.corruptions.pointwise.grayscale import WEIGHTS, Grayscale


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def images(rng, channels=3, size=(6, 8)) -> np.ndarray:
    return rng.uniform(-1, 1, (2, *size, channels))


# Grayscale.


@pytest.mark.parametrize("weights", WEIGHTS)
def test_weights_sum_to_one(weights):
    np.testing.assert_allclose(sum(WEIGHTS[weights]), 1, rtol=1e-15)


def test_luma_equals_pillows(rng):
    levels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(levels).convert("L"), np.float64)
    y = Grayscale().forward(levels[None] / 127.5 - 1)[0, :, :, 0].numpy()
    # Pillow rounds to a level, and its weights to 1 / 2^16 of 255.
    np.testing.assert_allclose((y + 1) * 127.5, expected, atol=0.504)


def test_the_primary_colours_have_their_weights():
    x = 2 * np.eye(3)[None, None] - 1  # red, green, blue
    y = Grayscale().forward(x)[0, 0, :, 0]
    np.testing.assert_allclose((y + 1) / 2, [0.299, 0.587, 0.114], rtol=1e-14)


def test_mean_is_the_mean_of_the_channels(rng):
    x = images(rng)
    y = Grayscale(weights="mean").forward(x)
    np.testing.assert_allclose(y[..., 0], x.mean(axis=-1), atol=1e-15)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_grey_image_is_unchanged(weights, rng):
    corruption, x = Grayscale(weights=weights), images(rng, channels=1)
    np.testing.assert_array_equal(corruption.forward(x), x)
    repeated = corruption.forward(np.repeat(x, 3, axis=-1))
    np.testing.assert_allclose(repeated, x, rtol=1e-14)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_adjoint_of_grayscale_has_three_channels_that_sum_to_the_measurement(weights, rng):
    y = images(rng, channels=1)
    x = Grayscale(weights=weights).adjoint(y)
    assert x.shape == (2, 6, 8, 3)
    np.testing.assert_allclose(tf.reduce_sum(x, axis=-1, keepdims=True), y, rtol=1e-14)


def test_grayscale_refuses_other_channels(rng):
    assert Grayscale().measurement_shape((None, 6, 8, 3)) == (None, 6, 8, 1)
    with pytest.raises(InputError) as caught:
        Grayscale().forward(images(rng, channels=4))
    assert str(caught.value) == (
        "`corruption` grayscale needs images of 1 or 3 channels. Received: channels=4"
    )


def test_grayscale_checks_its_weights():
    with pytest.raises(InputError, match=r"^`weights` must be one of luma, mean"):
        Grayscale(weights=(1, 0, 0))


# Bayer.


@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_every_pixel_has_the_colour_of_the_pattern(pattern, rng):
    x = images(rng)
    y = Bayer(pattern=pattern).forward(x)
    for i in range(6):
        for j in range(8):
            colour = "RGB".index(pattern[2 * (i % 2) + j % 2])
            np.testing.assert_array_equal(y[:, i, j, 0], x[:, i, j, colour])


def test_the_default_pattern_begins_with_red():
    x = np.broadcast_to([0.1, 0.2, 0.3], (1, 4, 2, 3))
    expected = [[0.1, 0.2], [0.2, 0.3]] * 2
    np.testing.assert_array_equal(Bayer().forward(x)[0, :, :, 0], expected)


def test_the_adjoint_of_bayer_puts_values_into_their_channels(rng):
    bayer, y = Bayer(pattern="GRBG"), images(rng, channels=1)
    x = bayer.adjoint(y)
    assert x.shape == (2, 6, 8, 3)
    np.testing.assert_array_equal(bayer.forward(x), y)
    np.testing.assert_array_equal(np.count_nonzero(x, axis=-1), 1)


@pytest.mark.parametrize("size", [(5, 8), (6, 7)])
def test_bayer_refuses_odd_sizes(size, rng):
    with pytest.raises(InputError) as caught:
        Bayer().forward(images(rng, size=size))
    assert str(caught.value) == (
        "`corruption` bayer needs images of even height and width: whole patterns. "
        f"Received: size='{size[0]} x {size[1]}'"
    )


def test_bayer_refuses_grey_images(rng):
    with pytest.raises(InputError) as caught:
        Bayer().forward(images(rng, channels=1))
    assert str(caught.value) == (
        "`corruption` bayer needs images of 3 channels. Give a generator of colour images. "
        "Received: channels=1"
    )


@pytest.mark.parametrize("pattern", ["RGB", "rggb", "RGBG", None])
def test_bayer_checks_its_pattern(pattern):
    with pytest.raises(InputError, match=r"^`pattern` must be one of RGGB, BGGR, GRBG, GBRG"):
        Bayer(pattern=pattern)
