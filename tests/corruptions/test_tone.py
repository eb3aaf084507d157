"""Gamma, gain, clip and quantise against formulas in NumPy, and their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.corruptions.pointwise.clip import Clip
from brgm_tf.corruptions.pointwise.gain import Gain
from brgm_tf.corruptions.pointwise.gamma import Gamma
from brgm_tf.corruptions.pointwise.quantise import Quantise
from brgm_tf.corruptions.pointwise.straight_through import straight_through

EVERY_LEVEL = np.arange(256.0)


def image_of(levels) -> np.ndarray:
    """Returns levels [n] as one image [1, 1, n, 1]."""
    return np.asarray(levels, np.float64).reshape(1, 1, -1, 1) / 127.5 - 1


def levels_of(image) -> np.ndarray:
    return (np.ravel(image) + 1) * 127.5


def gradient_of_sum(corruption, x) -> np.ndarray:
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(corruption.forward(x))
    return tape.gradient(y, x).numpy()


def log_probs(corruption, measured, levels) -> np.ndarray:
    """Returns log p of one measured level for several levels of x."""
    y = np.full((len(levels), 1, 1, 1), measured / 127.5 - 1)
    x = image_of(levels).reshape(-1, 1, 1, 1)
    return corruption.log_prob(tf.constant(y), x, {"noise_scale": 3.0}).numpy()


# Gamma.


@pytest.mark.parametrize("gamma", [0.45, 1, 2.2])
def test_gamma_is_a_power_of_intensities(gamma):
    expected = 255 * (EVERY_LEVEL / 255) ** gamma
    result = levels_of(Gamma(gamma).forward(image_of(EVERY_LEVEL)))
    np.testing.assert_allclose(result, expected, atol=1e-11)


@pytest.mark.parametrize("gamma", [0.45, 2.2])
def test_gamma_clips_its_input_to_black_and_white(gamma):
    y = Gamma(gamma).forward(np.array([-3, -1, 1, 1.5]).reshape(1, 2, 2, 1))
    np.testing.assert_array_equal(np.ravel(y), [-1, -1, 1, 1])


def test_the_inverse_exponent_inverts_gamma():
    x = image_of(EVERY_LEVEL)
    np.testing.assert_allclose(Gamma(1 / 2.2).forward(Gamma(2.2).forward(x)), x, atol=1e-14)


@pytest.mark.parametrize("gamma", [0.45, 1, 2.2])
def test_the_gradient_of_gamma_is_exact_and_finite_at_black(gamma):
    u = np.array([0.01, 0.25, 0.9])
    slope = gradient_of_sum(Gamma(gamma), image_of(u * 255)).ravel()
    np.testing.assert_allclose(slope, gamma * u ** (gamma - 1), rtol=1e-12)
    outside = gradient_of_sum(Gamma(gamma), np.array([-1.0, -1.5, 1.5]).reshape(1, 1, 3, 1))
    np.testing.assert_array_equal(outside.ravel(), [0, 0, 0])


def test_gamma_is_smooth_in_its_exponent():
    u, step = np.array([0.1, 0.5, 0.9]), 1e-5
    x = image_of(255 * u)
    slope = (Gamma(1.5 + step).forward(x) - Gamma(1.5 - step).forward(x)) / (2 * step)
    np.testing.assert_allclose(np.ravel(slope), 2 * u**1.5 * np.log(u), rtol=1e-8)


# Gain.


def test_gain_and_bias_act_on_grey_levels():
    result = levels_of(Gain(0.5, bias=20).forward(image_of(EVERY_LEVEL)))
    np.testing.assert_allclose(result, 0.5 * EVERY_LEVEL + 20, atol=1e-12)


def test_gain_does_not_clip():
    result = levels_of(Gain(2.0, bias=-100).forward(image_of([0, 255])))
    np.testing.assert_allclose(result, [-100, 410], atol=1e-12)


# Clip.


def test_clip_acts_on_grey_levels():
    levels = np.arange(-20.0, 280.0)
    result = levels_of(Clip(low=30, high=200).forward(image_of(levels)))
    np.testing.assert_allclose(result, np.clip(levels, 30, 200), atol=1e-12)


def test_clip_has_the_gradient_of_the_identity():
    x = np.array([-2.0, 0.0, 0.9]).reshape(1, 1, 3, 1)
    np.testing.assert_array_equal(gradient_of_sum(Clip(high=100), x).ravel(), [1, 1, 1])


def test_a_clipped_measurement_is_equally_likely_for_all_levels_beyond_the_bound():
    density = log_probs(Clip(high=200), 200, [150, 190, 200, 230, 255])
    np.testing.assert_array_equal(density[2:], density[2])
    assert density[0] < density[1] < density[2]


def test_a_measurement_below_the_bound_has_a_gradient_beyond_it():
    x = tf.constant(image_of([250]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        density = Clip(high=200).log_prob(
            tf.constant(image_of([150])), x, {"noise_scale": 1 / GREY_LEVEL}
        )
    np.testing.assert_allclose(tape.gradient(density, x).numpy().ravel(), [-50 * GREY_LEVEL])


def test_a_low_bound_above_the_high_bound_is_refused():
    with pytest.raises(InputError, match=r"^`high` must be above low"):
        Clip(low=100, high=100)


# Quantise.


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])
def test_quantise_rounds_to_the_nearest_level(bits):
    levels = np.random.default_rng(0).uniform(-10, 265, 500)
    choices = np.linspace(0, 255, 2**bits)
    nearest = choices[np.abs(levels[:, None] - choices).argmin(axis=1)]
    result = levels_of(Quantise(bits).forward(image_of(levels)))
    np.testing.assert_allclose(result, nearest, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_eight_bits_do_not_change_a_picture_of_eight_bits(dtype):
    x = image_of(EVERY_LEVEL).astype(dtype)
    np.testing.assert_allclose(Quantise(8).forward(x), x, atol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("bits", [2, 8])
def test_quantise_is_exact_in_low_precision(bits):
    x = tf.cast(np.arange(-256, 257).reshape(1, 27, 19, 1) / 256, tf.bfloat16)
    expected = Quantise(bits).forward(tf.cast(x, tf.float64))
    np.testing.assert_array_equal(Quantise(bits).forward(x), tf.cast(expected, tf.bfloat16))


def test_quantise_has_the_gradient_of_the_identity():
    x = np.random.default_rng(0).uniform(-1.2, 1.2, (1, 4, 4, 3))
    np.testing.assert_allclose(gradient_of_sum(Quantise(2), x), np.ones_like(x), rtol=1e-15)


def test_all_levels_of_a_quantisation_cell_are_equally_likely():
    # With 2 bits the levels are 0, 85, 170, 255, and the cell of 85 is 42.5 to 127.5.
    density = log_probs(Quantise(2), 85, [43, 60, 85, 127, 128, 250])
    np.testing.assert_array_equal(density[:4], density[0])
    assert density[5] < density[4] < density[0]


# Arguments and the gradient.


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Gamma(0), "gamma"),
        (lambda: Gamma(float("inf")), "gamma"),
        (lambda: Gain(-1), "gain"),
        (lambda: Gain(1, bias=300), "bias"),
        (lambda: Clip(low=-1), "low"),
        (lambda: Clip(high=256), "high"),
        (lambda: Quantise(0), "bits"),
        (lambda: Quantise(17), "bits"),
        (lambda: Quantise(2.0), "bits"),
    ],
)
def test_an_invalid_argument_is_named(make, named):
    with pytest.raises(InputError, match=f"^`{named}` must be"):
        make()


def test_straight_through_returns_the_exact_value():
    x = tf.constant([1e8, -0.3, 7.7], tf.float32)
    value = tf.constant([1e-8, 0.1, 2.3], tf.float32)
    np.testing.assert_array_equal(straight_through(value, x), value)
