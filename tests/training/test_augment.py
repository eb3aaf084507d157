"""Augmentation: identity at strength 0, geometry and colour of each step, the controller."""

import numpy as np
import pytest
from keras import ops

from brgm_tf.training import augment, backend
from brgm_tf.training.config import AUGMENTATIONS


def pictures(count=4, size=8, channels=1, seed=0):
    values = np.random.default_rng(seed).uniform(-1, 1, (count, size, size, channels))
    return values.astype("float32")


def draws(count=4, *, uniform=None, normal=None):
    """Returns draws in which the given numbers are the same for all images."""
    result = augment.draw(np.random.default_rng(1), count)
    full = {"gate": np.zeros_like(result.gate)}
    if uniform is not None:
        full["uniform"] = np.full_like(result.uniform, uniform)
    if normal is not None:
        full["normal"] = np.full_like(result.normal, normal)
    return result._replace(**full)


def applied(images, name, **numbers):
    fixed_draws = draws(len(images), **numbers)
    return np.asarray(augment.augment(images, fixed_draws, strength=1.0, names=(name,)))


def matrix(*rows):
    return np.array([[*rows[0]], [*rows[1]], [0, 0, 1]], "float32")[None]


@pytest.mark.parametrize("channels", [1, 3])
def test_strength_zero_changes_no_bit(channels):
    images = pictures(channels=channels)
    random_draws = augment.draw(np.random.default_rng(0), len(images))
    result = augment.augment(images, random_draws, strength=0.0, names=AUGMENTATIONS)
    np.testing.assert_array_equal(np.asarray(result), images)


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name != "xflip"])
def test_an_image_changes_if_its_gate_is_below_the_strength(name):
    images = pictures(200, channels=3)
    random_draws = augment.draw(np.random.default_rng(0), len(images))
    result = np.asarray(augment.augment(images, random_draws, strength=0.3, names=(name,)))
    changed = np.abs(result - images).max(axis=(1, 2, 3)) > 1e-6
    gate = random_draws.gate[:, AUGMENTATIONS.index(name)] < 0.3
    # A shift may be rounded to zero, so not every image changes.
    assert not changed[~gate].any()
    assert changed[gate].mean() > 0.7


def test_xflip_mirrors_half_of_the_images():
    images = pictures(400)
    random_draws = augment.draw(np.random.default_rng(0), len(images))._replace(
        gate=np.zeros((400, len(AUGMENTATIONS)), "float32")
    )
    result = np.asarray(augment.augment(images, random_draws, strength=1.0, names=("xflip",)))
    mirrored = np.all(result == images[:, :, ::-1], axis=(1, 2, 3))
    same = np.all(result == images, axis=(1, 2, 3))
    assert np.all(mirrored ^ same)
    assert 0.4 < mirrored.mean() < 0.6


def test_whole_shifts_move_pixels_and_reflect_at_the_border():
    images = pictures(size=16)
    result = applied(images, "xint", uniform=0.999)
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(result, padded[:, :16, :16])


def test_resample_by_a_quarter_turn_is_exact():
    images = pictures()
    result = augment.resample(images, np.repeat(matrix((0, 1, 0), (-1, 0, 0)), 4, axis=0))
    np.testing.assert_allclose(np.asarray(result), np.rot90(images, -1, axes=(1, 2)), atol=1e-6)


def test_resample_preserves_linear_ramps_inside():
    ramp = np.tile(np.arange(12, dtype="float32"), (12, 1))[None, :, :, None]
    moved = np.asarray(augment.resample(ramp, matrix((1, 0, 0.3), (0, 1, 0.4))))
    np.testing.assert_allclose(moved[0, 2:-3, 2:-3], ramp[0, 2:-3, 2:-3] + 0.3, atol=1e-5)


def test_a_larger_scale_shows_less_of_the_image():
    x = np.arange(16, dtype="float32") - 7.5
    ramp = np.tile(x, (16, 1))[None, :, :, None]
    result = applied(ramp, "scale", normal=1.0)
    np.testing.assert_allclose(
        result[0, 4:12, 4:12, 0], ramp[0, 4:12, 4:12, 0] * 2**-0.2, atol=1e-5
    )


def test_the_gradient_of_resample_is_its_adjoint():
    x, y = pictures(1), pictures(1, seed=3)
    transform = matrix((0.9, 0.2, 1.3), (-0.1, 1.1, -5.2))
    gradient = backend.gradient(
        lambda x: ops.sum(augment.resample(x, transform) * y), ops.convert_to_tensor(x)
    )
    forward = float(ops.sum(augment.resample(x, transform) * y))
    assert forward == pytest.approx(float(ops.sum(gradient * x)), rel=1e-4)


def test_resampling_each_axis_equals_resampling_both():
    images = pictures(2, size=12, channels=3)
    transform = np.concatenate(
        [matrix((-1, 0, 3), (0, 1, -2)), matrix((0.9, 0, 1.3), (0, 1.1, -5.2))]
    )
    expected = np.asarray(augment.resample(images, transform))
    result = np.asarray(augment.resample_axes(images, transform))
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_cutout_hides_a_square_of_half_of_the_size():
    images = np.ones((2, 16, 16, 3), "float32")
    result = applied(images, "cutout", uniform=0.5)
    expected = images.copy()
    expected[:, 4:12, 4:12] = 0.0
    np.testing.assert_array_equal(result, expected)


def test_brightness_adds_and_contrast_multiplies():
    images = pictures()
    np.testing.assert_allclose(applied(images, "brightness", normal=1.5), images + 0.3, atol=1e-6)
    np.testing.assert_allclose(applied(images, "contrast", normal=2.0), images * 2, rtol=1e-5)


def test_saturation_does_not_change_greys():
    grey = np.repeat(pictures(), 3, axis=-1)
    np.testing.assert_allclose(applied(grey, "saturation", normal=2.0), grey, atol=1e-6)


@pytest.mark.parametrize(
    ("strength", "sign", "expected"),
    [(0.5, 0.7, 0.51), (0.5, 0.5, 0.49), (0.0, -1.0, 0.0), (0.795, 1.0, 0.8)],
)
def test_the_strength_follows_the_sign_within_its_range(strength, sign, expected):
    moved = augment.steer(strength, sign, target=0.6, images=100, kimg=10.0)
    assert float(moved) == pytest.approx(expected, abs=1e-6)
