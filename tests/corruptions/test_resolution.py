"""Shrinking against Pillow, means of enlarged images, and weights derived by hand."""

import dataclasses
import fractions

import numpy as np
import pytest
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.corruptions.resolution.resampling import (
    MATRICES,
    bicubic_antialias_matrix,
    bicubic_matrix,
    box_matrix,
    lanczos_matrix,
    nearest_matrix,
)

PILLOW = {
    "bicubic_antialias": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}
every_method = pytest.mark.parametrize("method", MATRICES)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def images(rng, height, width, channels=3, batch=2) -> np.ndarray:
    return rng.uniform(-1, 1, (batch, height, width, channels))


def by_pillow(x, *, size, method) -> np.ndarray:
    """Returns images [B, H, W, C], shrunk by Pillow plane by plane in single precision."""
    planes = [
        np.asarray(Image.fromarray(plane).resize(size[::-1], PILLOW[method]))
        for plane in np.moveaxis(x, -1, 1).reshape(-1, *x.shape[1:3]).astype(np.float32)
    ]
    return np.moveaxis(np.reshape(planes, (len(x), x.shape[-1], *size)), 1, -1)


# Pillow rounds the centres c_i of other fractions, such as 4 / 3, and then takes the pixel before
# the pixel that starts at c_i.
@pytest.mark.parametrize("method", PILLOW)
def test_shrinking_equals_pillows(method, rng):
    x = images(rng, 30, 60)
    for factor in (1, 2, 3, 5, 6, 10, 1.25, 2.5, 7.5):
        result = Downsample(factor, method).forward(x)
        expected = by_pillow(x, size=result.shape[1:3], method=method)
        np.testing.assert_allclose(result, expected, atol=5e-7)


@pytest.mark.parametrize("method", ["bicubic_antialias", "lanczos"])
def test_shrinking_by_any_fraction_equals_pillows(method, rng):
    x = images(rng, 28, 52)
    expected = by_pillow(x, size=(21, 39), method=method)
    np.testing.assert_allclose(Downsample(4 / 3, method).forward(x), expected, atol=5e-7)


@pytest.mark.parametrize("factor", [1, 2, 1.5, 2.5, 1.25, 4 / 3, 7.5, 20 / 3])
def test_box_is_the_mean_over_areas(factor, rng):
    # With f = p / q, each pixel becomes q x q pixels, and each block has p x p of them.
    x = images(rng, 60, 120)
    p, q = fractions.Fraction(factor).limit_denominator(10).as_integer_ratio()
    parts = np.repeat(np.repeat(x, q, axis=1), q, axis=2)
    blocks = parts.reshape(2, 60 * q // p, p, 120 * q // p, p, 3)
    result = Downsample(factor).forward(x)
    np.testing.assert_allclose(result, blocks.mean(axis=(2, 4)), atol=1e-14)


def test_box_weights_of_two_and_a_half_equal_those_derived_by_hand():
    expected = np.array([[2, 2, 1, 0, 0], [0, 0, 1, 2, 2]]) / 5
    np.testing.assert_allclose(box_matrix(2, factor=2.5), expected, rtol=1e-15)


def test_nearest_takes_the_pixel_at_the_centre():
    taken = {
        2: [1, 3, 5, 7, 9, 11],
        3: [1, 4, 7, 10],
        4: [2, 6, 10],
        1.5: [0, 2, 3, 5, 6, 8, 9, 11],
    }
    for factor, pixels in taken.items():
        matrix = nearest_matrix(len(pixels), factor=factor)
        np.testing.assert_array_equal(matrix, np.eye(12)[pixels])


def test_antialiased_bicubic_weights_equal_those_derived_by_hand():
    # With f = 2 and A = -1/2 the distances 1/4, 3/4, 5/4, 7/4 have the weights 111, 29, -9, -3 of
    # 128. Both sides sum to 256.
    inner = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
    matrix = bicubic_antialias_matrix(6, factor=2)
    np.testing.assert_allclose(matrix[2], [0, *inner, 0, 0, 0], atol=1e-15)
    # The centre of the first pixel is at 1, so three weights are outside the image.
    np.testing.assert_allclose(matrix[0, :5], inner[3:] / inner[3:].sum(), rtol=1e-14)


def test_lanczos_is_a_windowed_sinc():
    # With f = 1 the weights are the zeros of the sinc. With f = 2 the first is sin(pi/4) / (pi/4).
    np.testing.assert_allclose(lanczos_matrix(5, factor=1), np.eye(5), atol=1e-15)
    distances = np.arange(-2.75, 3, 0.5)
    lobes = 3 * np.sin(np.pi * distances) * np.sin(np.pi * distances / 3)
    lobes /= (np.pi * distances) ** 2
    matrix = lanczos_matrix(9, factor=2)
    np.testing.assert_allclose(matrix[4, 3:15], lobes / lobes.sum(), rtol=1e-13)
    np.testing.assert_array_equal(matrix[4, [0, 1, 2, 15, 16, 17]], 0)


def test_bicubic_weights_of_two_and_a_half_equal_the_formula():
    # The centres are 0.75 and 3.25, and A = -3/4. The distances 0.75 and 0.25 use the near
    # polynomial, 1.25 and 1.75 the far polynomial. The tap at 1.75 reads the border pixel.
    def near(d):
        return 1.25 * d**3 - 2.25 * d**2 + 1

    def far(d):
        return -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)

    row = [near(0.75) + far(1.75), near(0.25), far(1.25), 0, 0]
    np.testing.assert_allclose(bicubic_matrix(2, factor=2.5), [row, row[::-1]], atol=1e-15)


@every_method
@pytest.mark.parametrize("factor", [1, 1.2, 2, 2.4, 4])
def test_a_constant_image_stays_constant_by_every_method(method, factor):
    y = Downsample(factor, method).forward(np.full((1, 12, 24, 3), 0.7))
    np.testing.assert_allclose(y, 0.7, rtol=1e-14)


@every_method
def test_a_factor_of_one_is_the_identity(method, rng):
    x = images(rng, 6, 5)
    np.testing.assert_allclose(Downsample(1, method).forward(x), x, atol=1e-14)


@every_method
def test_a_rounded_fraction_is_accepted(method):
    corruption = Downsample(1.33333333333, method)
    assert corruption.measurement_shape((None, 1024, 256, 3)) == (None, 768, 192, 3)


@pytest.mark.parametrize("factor", [2.5, 1.7, 13, 48.0, 1e9])
def test_a_factor_that_does_not_divide_the_size_is_refused(factor):
    with pytest.raises(
        InputError, match=r"divides the image's 12 x 24 pixels\. Choose one of 1, 2"
    ):
        Downsample(factor).measurement_shape((12, 24, 3))


def test_a_whole_factor_may_be_a_float():
    assert Downsample(4.0) == Downsample(4)
    assert type(Downsample(4.0).factor) is int


def test_matrices_are_read_only():
    for matrix in MATRICES.values():
        assert not matrix(3, factor=2).flags.writeable


def test_a_fractional_factor_is_part_of_the_configuration():
    config = Downsample(2.5, "lanczos").get_config()
    assert config == {"factor": 2.5, "method": "lanczos"}
    assert dataclasses.asdict(Downsample(**config)) == config
