"""JPEG: compared with Pillow's files of the same quality; its tables and its gradient."""

import io
import itertools

import numpy as np
import pytest
import scipy.fft
import skimage.data
import tensorflow as tf
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.pointwise.jpeg import (
    CHROMA,
    LUMA,
    TO_RGB,
    TO_YCC,
    Jpeg,
    dct_matrix,
    scaled_table,
)

QUALITIES = [1, 10, 30, 50, 75, 90, 95, 100]
every_quality = pytest.mark.parametrize("quality", QUALITIES)
SIZES = [(256, 256), (80, 144), (77, 133), (76, 134), (40, 56), (17, 31)]
every_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))


def through_pillow(picture: np.ndarray, quality: int) -> np.ndarray:
    """Returns the levels of a picture that Pillow saves and loads."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).astype(int)


def through_brgm_tf(picture: np.ndarray, quality: int, dtype=np.float32) -> np.ndarray:
    x = picture.reshape(1, *picture.shape[:2], -1).astype(dtype) / dtype(127.5) - dtype(1)
    levels = (np.asarray(Jpeg(quality).forward(x), np.float64) + 1) * 127.5
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    return np.rint(levels).astype(int).reshape(picture.shape)


def photograph(size, *, grey: bool) -> np.ndarray:
    picture = skimage.data.camera() if grey else skimage.data.astronaut()
    return np.ascontiguousarray(picture[60 : 60 + size[0], 80 : 80 + size[1]])


def flat(colour, size=(32, 48)) -> np.ndarray:
    return np.broadcast_to(np.uint8(colour), (*size, *np.shape(colour))).copy()


# Against Pillow.


@every_quality
def test_a_photograph_equals_pillows_except_for_a_few_coefficients(quality):
    for size, grey in itertools.product(SIZES, (True, False)):
        picture = photograph(size, grey=grey)
        difference = np.abs(through_brgm_tf(picture, quality) - through_pillow(picture, quality))
        assert difference.mean() <= 0.2, (size, grey)
        assert (difference > 1).mean() <= 0.025, (size, grey)


@every_quality
def test_noise_equals_pillows_except_for_a_few_coefficients(quality):
    # Noise is the worst case, because its coefficients are often close to half-integers.
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    difference = np.abs(through_brgm_tf(picture, quality) - through_pillow(picture, quality))
    assert difference.mean() <= 0.35
    assert (difference > 1).mean() <= 0.08


@every_quality
def test_every_grey_level_equals_pillows(quality):
    # Flat blocks have many half-integer coefficients, which rounding errors must not change.
    blocks = np.repeat(np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16), 8, 0), 8, 1)
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(
            through_brgm_tf(blocks, quality, dtype), through_pillow(blocks, quality)
        )


@every_quality
def test_a_flat_colour_equals_pillows_within_one_level(quality):
    for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0), (200, 31, 77)):
        difference = np.abs(
            through_brgm_tf(flat(colour), quality) - through_pillow(flat(colour), quality)
        )
        assert difference.max() <= 1, colour


def test_the_tables_equal_those_in_pillows_files():
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        tables = Image.open(file).quantization
        # Pillow also returns the tables row by row.
        for i, base in enumerate((LUMA, CHROMA)):
            np.testing.assert_array_equal(scaled_table(base, quality=quality).ravel(), tables[i])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_flat_area_is_the_same_in_every_precision(dtype):
    picture = flat((90, 91, 92), (20, 20))
    np.testing.assert_array_equal(
        through_brgm_tf(picture, 50, dtype), through_brgm_tf(picture, 50, np.float64)
    )


# Parts of the codec.


def test_the_dct_equals_scipys():
    block = np.random.default_rng(0).normal(size=(8, 8))
    d = dct_matrix()
    np.testing.assert_allclose(d @ block @ d.T, scipy.fft.dctn(block, norm="ortho"), atol=1e-13)


def test_the_colour_transforms_are_inverse():
    np.testing.assert_allclose(TO_RGB @ TO_YCC, np.eye(3), atol=2e-6)


def test_the_error_grows_as_the_quality_falls():
    picture = photograph((128, 128), grey=False)
    errors = [
        np.square(through_brgm_tf(picture, quality) - picture.astype(int)).mean()
        for quality in QUALITIES
    ]
    assert errors == sorted(errors, reverse=True)


# The gradient.


def derivative(x, weights, *, quality):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(weights * Jpeg(quality).forward(x))
    return tape.gradient(total, x).numpy()


@every_size
def test_the_gradient_in_grey_images_is_the_identity(size):
    rng = np.random.default_rng(0)
    x, weights = rng.uniform(-1.2, 1.2, (2, 1, *size, 1))
    np.testing.assert_allclose(derivative(x, weights, quality=20), weights, atol=1e-12)


def mean_and_upsampling(size: int) -> np.ndarray:
    """Returns [size, size]: means of pairs, enlarged with weights 3/4 (nearest) and 1/4 (next)."""
    half = size // 2
    enlarge = np.zeros((size, half))
    for i in range(size):
        enlarge[i, i // 2] += 0.75
        enlarge[i, np.clip(i // 2 + (1 if i % 2 else -1), 0, half - 1)] += 0.25
    return enlarge @ np.kron(np.eye(half), [0.5, 0.5])


def test_the_gradient_in_colour_images_halves_the_chroma_resolution():
    rng = np.random.default_rng(0)
    x, weights = rng.uniform(-1.2, 1.2, (2, 1, 16, 32, 3))
    planes = np.einsum("bhwc,ck->bhwk", weights, TO_RGB)
    rows, columns = mean_and_upsampling(16), mean_and_upsampling(32)
    planes[..., 1:] = np.einsum("ph,bpqk,qw->bhwk", rows, planes[..., 1:], columns)
    expected = np.einsum("bhwk,kc->bhwc", planes, TO_YCC)
    np.testing.assert_allclose(derivative(x, weights, quality=20), expected, atol=1e-12)


def test_pictures_with_the_same_file_have_the_same_likelihood():
    rng = np.random.default_rng(0)
    picture = photograph((32, 32), grey=True)[None, ..., None] / 127.5 - 1
    nearby = picture + rng.uniform(-0.4, 0.4, picture.shape) / 127.5  # rounds to the same levels
    y = Jpeg(30).forward(picture)
    params = {"noise_scale": 2.0}
    np.testing.assert_array_equal(
        Jpeg(30).log_prob(y, nearby, params), Jpeg(30).log_prob(y, picture, params)
    )


# Arguments.


@pytest.mark.parametrize("quality", [0, 101, 75.0])
def test_a_quality_out_of_range_is_refused(quality):
    with pytest.raises(InputError, match=r"^`quality` must be an integer in \[1, 100\]"):
        Jpeg(quality)


def test_the_measurement_shape_refuses_other_channels():
    with pytest.raises(InputError, match="jpeg needs images of 1 or 3 channels"):
        Jpeg(50).measurement_shape((8, 8, 4))
    with pytest.raises(InputError, match="jpeg needs images of 1 or 3 channels"):
        Jpeg(50).forward(np.zeros((1, 8, 8, 2)))
