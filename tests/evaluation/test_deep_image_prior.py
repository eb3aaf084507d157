"""Deep Image Prior: the network, the fit against Keras' Adam, and restorations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.evaluation.baselines import deep_image_prior
from brgm_tf.evaluation.baselines.deep_image_prior import dip, hourglass

SMALL = {"resolution": 16, "num_channels": 8}


def waves(*, channels=1):
    """Returns a smooth image [16, 16, C]."""
    y, x = np.mgrid[:16, :16] / 16
    phases = np.arange(channels)
    return (0.8 * np.sin(5 * x[..., None] + 2 * y[..., None] + phases)).astype("float32")


MISSING = np.zeros((16, 16, 1), bool)
MISSING[5:10, 4:9] = True
MASK = Mask().with_data(missing=MISSING[None])


@pytest.mark.parametrize(("resolution", "levels"), [(16, 2), (64, 4), (128, 5), (256, 5)])
def test_the_network_has_at_most_five_levels_and_four_pixels(resolution, levels):
    network = hourglass(resolution, channels=1, num_channels=4)
    assert min(layer.output.shape[1] for layer in network.layers) == resolution // 2**levels
    assert network.output_shape == (1, resolution, resolution, 1)


def test_reflect_pads_like_numpy():
    x = np.random.default_rng(0).random((1, 4, 4, 2), "float32")
    expected = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(deep_image_prior.Reflect()(x), expected)


def keras_fit(measurement, *, observed, seed, num_steps, learning_rate=0.01):
    """Returns the fit by a loop over Keras' Adam and the formula of the running average."""
    network = hourglass(16, channels=1, num_channels=8)
    rng = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        if len(weight.shape) == 4:
            bound = 1 / np.sqrt(np.prod(weight.shape[:3]))
            weight.assign(rng.uniform(-bound, bound, weight.shape))
    # Keras adds epsilon before the bias correction of s, so epsilon is scaled for the first step.
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=1e-8 * (1 - 0.999) ** 0.5)
    z = tf.random.stateless_uniform(network.input_shape, [seed, 0], maxval=0.1)
    pictures = []
    for step in range(1, num_steps + 1):
        noise = tf.random.stateless_normal(network.input_shape, [seed, step], stddev=1 / 30)
        with tf.GradientTape() as tape:
            pictures.append(network(z + noise)[0])
            loss = tf.reduce_mean(tf.square(pictures[-1] - measurement)[observed[..., 0]])
        weights = network.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)
    return np.average(pictures, axis=0, weights=0.99 ** np.arange(num_steps)[::-1])


def test_the_result_is_the_running_average_of_a_fit_by_keras_adam():
    y = waves()
    expected = keras_fit(y, observed=~MISSING, seed=3, num_steps=5)
    restored = dip(y, corruption=MASK, seed=3, num_steps=5, **SMALL)
    np.testing.assert_allclose(restored, expected, atol=1e-4)


def test_a_step_equals_keras_adam():
    rng = np.random.default_rng(0)
    theirs = keras.Variable(rng.random(5), dtype="float32")
    optimizer = keras.optimizers.Adam(0.01, epsilon=1e-8)
    weight, m, s = theirs.value + 0.0, tf.zeros(5), tf.zeros(5)
    for step in range(1, 21):
        gradient = tf.constant(rng.normal(size=5), tf.float32)
        optimizer.apply([gradient], [theirs])
        weight, m, s = deep_image_prior._adam(weight, m, s, gradient, step=tf.constant(float(step)))
    np.testing.assert_allclose(weight, theirs.value, rtol=1e-5)


def test_a_filled_hole_is_better_than_the_mean_of_the_known_pixels():
    truth = waves()
    restored = dip(truth, corruption=MASK, num_steps=150, **SMALL)
    error = np.abs(restored - truth)[MISSING].mean()
    assert error < 0.5 * np.abs(truth[~MISSING].mean() - truth)[MISSING].mean()


def test_the_enlarged_picture_agrees_with_the_measurement():
    corruption = Downsample(factor=4)
    y = corruption.forward(waves()[None])[0].numpy()
    restored = dip(y, corruption=corruption, num_steps=150, **SMALL)
    assert restored.shape == (16, 16, 1)
    assert restored.dtype == np.float32
    residual = corruption.forward(restored[None])[0].numpy() - y
    assert np.sqrt(np.square(residual).mean()) < 0.2 * y.std()


def test_a_noise_stage_does_not_change_the_result():
    y = waves(channels=1)[::4, ::4]
    restored = [
        dip(y, corruption=corruption, num_steps=3, **SMALL)
        for corruption in (Downsample(factor=4), Downsample(factor=4) + Noise(5.0))
    ]
    np.testing.assert_array_equal(restored[0], restored[1])


def test_the_same_seed_gives_the_same_bytes():
    first, second = (dip(waves(), corruption=MASK, seed=1, num_steps=20, **SMALL) for _ in "ab")
    assert first.tobytes() == second.tobytes()


def test_another_seed_gives_another_picture():
    first, second = (dip(waves(), corruption=MASK, seed=s, num_steps=2, **SMALL) for s in (1, 2))
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_missing_pixels_are_ignored(value):
    first, second = (
        dip(np.where(MISSING, v, waves()), corruption=MASK, num_steps=5, **SMALL)
        for v in (0.3, value)
    )
    assert first.tobytes() == second.tobytes()


def test_masks_share_a_program():
    fit = deep_image_prior._fit_of(
        Mask, (("fill", 1.0),), resolution=16, channels=1, num_channels=8
    )
    for missing in (MISSING, ~MISSING):
        corruption = Mask().with_data(missing=missing[None])
        dip(waves(), corruption=corruption, num_steps=2, **SMALL)
    assert fit.num_traces == 1


@pytest.mark.parametrize("resolution", [8, 24])
def test_a_resolution_that_is_not_a_power_of_two_from_16_is_refused(resolution):
    with pytest.raises(InputError, match="`resolution` must be a power of two from 16"):
        dip(waves(), corruption=MASK, resolution=resolution)
