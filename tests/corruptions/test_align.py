"""The map from the generator's image to a turned and scaled square in a photograph."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import Align, Blur, Noise
from brgm_tf.corruptions.masking import Mask

# Centre, side and angle of the square, then the edges of the photograph.
PLACE = np.array([[9.0, 11.0, 13.0, 25.0, -4.0, -3.0, 18.0, 40.0]])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def smooth_images(rng, size=32, batch=1):
    """Returns images without detail that the sampling would lose."""
    rows, columns = np.meshgrid(*[np.arange(size) / size] * 2, indexing="ij")
    waves = [np.sin(2 * rows + rng.uniform(0, 6)) * np.cos(3 * columns + rng.uniform(0, 6))]
    return np.stack(waves * batch)[..., None] * rng.uniform(0.3, 1, 3)


def expected_pixels(x, place, size):
    """Returns the image at the centres of the box's pixels, by SciPy."""
    row, column, side, angle = place[:4]
    angle = math.radians(angle)
    rows, columns = np.meshgrid(*[np.arange(size) + 0.5] * 2, indexing="ij")
    rows, columns = rows - row, columns - column
    down = math.cos(angle) * rows - math.sin(angle) * columns
    right = math.sin(angle) * rows + math.cos(angle) * columns
    scale = len(x) / side
    points = [scale * down + len(x) / 2 - 0.5, scale * right + len(x) / 2 - 0.5]
    inside = (abs(down) < side / 2) & (abs(right) < side / 2)
    planes = [map_coordinates(x[..., c], points, order=3, mode="nearest") for c in range(3)]
    return np.stack(planes, axis=-1), inside


def test_the_default_is_the_identity(rng):
    x = rng.uniform(-1, 1, (2, 6, 9, 3))
    np.testing.assert_allclose(Align().forward(x), x, rtol=0, atol=1e-12)


def test_pixels_are_those_of_the_turned_square(rng):
    x = smooth_images(rng)
    align = Align().for_photographs(24).with_data(alignment=PLACE)
    expected, inside = expected_pixels(x[0], PLACE[0], 24)
    y = align.forward(x)[0].numpy()
    seen = align.observation_mask(y[None])[0, ..., 0].numpy() > 0
    np.testing.assert_array_equal(seen[:18], inside[:18])
    assert not seen[18:].any()  # beyond the photograph
    np.testing.assert_allclose(y[seen], expected[seen], atol=0.02)
    assert not y[~seen].any()


def test_shrinking_takes_the_mean_over_the_area(rng):
    x = rng.uniform(-1, 1, (1, 64, 64, 1))
    y = Align(size=4).forward(x)
    means = x.reshape(1, 4, 16, 4, 16, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(y, means, atol=0.03)
    assert np.std(x) > 0.5


def test_a_move_of_the_place_is_the_place_of_the_move(rng):
    x = smooth_images(rng)
    fixed = Align().for_photographs(24)
    shifted = Align(zoom=1.05, turn=4, shift_down=0.02, shift_right=-0.03).for_photographs(24)
    place = PLACE.copy()
    angle = math.radians(25)
    place[0, 0] += 13 * (math.cos(angle) * 0.02 + math.sin(angle) * -0.03)
    place[0, 1] += 13 * (-math.sin(angle) * 0.02 + math.cos(angle) * -0.03)
    place[0, 2:4] = 13 * 1.05, 29
    seen = fixed.with_data(alignment=PLACE).observation_mask(np.zeros((1, 24, 24, 1))) > 0
    seen = seen & (fixed.with_data(alignment=place).observation_mask(np.zeros((1, 24, 24, 1))) > 0)
    pairs = [
        one.with_data(alignment=where).forward(x) * tf.cast(seen, tf.float64)
        for one, where in ((shifted, PLACE), (fixed, place))
    ]
    np.testing.assert_allclose(*pairs, atol=1e-12)


@pytest.mark.parametrize("name", ["turn", "zoom", "shift_down", "shift_right"])
def test_the_gradient_of_an_unknown_is_that_of_differences(name, rng):
    from brgm_tf.core.parameter_priors import Normal

    x = smooth_images(rng)
    align = Align(**{name: Normal(0.0, 1.0)}).for_photographs(24).with_data(alignment=PLACE)
    weights = rng.normal(size=(1, 24, 24, 3))
    centre, step = (1.03 if name == "zoom" else 0.013), 1e-7

    def value(t):
        y = align.with_params(**{name: tf.reshape(t, [1])}).forward(x)
        return tf.reduce_sum(weights * y)

    parameter = tf.constant(centre, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(parameter)
        total = value(parameter)
    slope = tape.gradient(total, parameter)
    high, low = (value(tf.constant(centre + s, tf.float64)) for s in (step, -step))
    numerical = (high - low) / (2 * step)
    np.testing.assert_allclose(slope, numerical, rtol=1e-5)


def test_the_adjoint_is_that_of_a_box_of_another_size(rng):
    x = rng.normal(size=(1, 16, 16, 3))
    align = Align().for_photographs(24).of_images((16, 16, 3)).with_data(alignment=PLACE)
    y = rng.normal(size=(1, 24, 24, 3))
    left = np.sum(align.forward(x) * y)
    np.testing.assert_allclose(left, np.sum(x * align.adjoint(y)), rtol=1e-12)


def test_a_chain_hides_what_align_and_the_mask_hide(rng):
    missing = rng.random((1, 24, 24, 1)) < 0.3
    chain = Align().for_photographs(24) + Mask() + Noise(scale=5.0)
    chain = chain.of_images((32, 32, 3)).with_data(alignment=PLACE, missing=missing)
    y = np.zeros((1, 24, 24, 3), "float32")
    inside = Align().for_photographs(24).with_data(alignment=PLACE).observation_mask(y)
    seen = chain.observation_mask(y).numpy()
    np.testing.assert_array_equal(seen[..., :1] > 0, (inside.numpy() > 0) & ~missing)
    assert chain.data_shape((32, 32, 3)) == (24, 24, 3)


def test_a_mask_before_align_is_refused():
    with pytest.raises(InputError, match="cannot follow a mask"):
        Mask() + Align()


def test_unknowns_do_not_change_what_is_observed():
    from brgm_tf.corruptions import parsing

    align = parsing.parse("align(size=8, turn=unknown, zoom=unknown(0.8, 1.2))").create()
    moved = align.with_params(turn=[30.0], zoom=[0.9])
    y = tf.zeros([1, 8, 8, 1])
    np.testing.assert_array_equal(align.observation_mask(y), moved.observation_mask(y))
    assert Blur(sigma=1.0).params == {}


@pytest.mark.parametrize("text", ["align(turn=unknown) + mask()", "align(zoom=unknown)"])
def test_an_unknown_place_keeps_the_perceptual_term(text):
    from brgm_tf.corruptions import parsing
    from brgm_tf.corruptions.traits import traits_of

    assert not traits_of(text).infers_parameters
    assert not traits_of(parsing.parse(text).create()).infers_parameters
    assert traits_of("align(turn=unknown) + blur(sigma=unknown)").infers_parameters
