"""The contract of every registered corruption and of chains."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from corruption_cases import (
    CHAINS,
    EXAMPLES,
    GREY_ONLY,
    ONE_OF_EACH,
    RGB_ONLY,
    SIZE,
    VOLUME_EXAMPLES,
    all_of,
    create,
    images,
    images_for,
    masks_for,
    noise_like,
)

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import REQUIRED
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.base import Chain
from brgm_tf.corruptions.measurement import Measurement
from brgm_tf.corruptions.table import CORRUPTIONS
from brgm_tf.testing import check_corruption

PARAMS = {"noise_scale": 5.0}
every_name = pytest.mark.parametrize("name", [*EXAMPLES, *CHAINS])
one_of_each = pytest.mark.parametrize(
    ("name", "arguments"), ONE_OF_EACH, ids=[name for name, _ in ONE_OF_EACH]
)


def bound(corruption, batch, rng):
    return corruption.with_data(**masks_for(corruption, batch, rng))


def has_normal_noise(corruption):
    last = corruption.stages[-1] if isinstance(corruption, Chain) else corruption
    return type(last).log_density is Measurement.log_density


def product(a, b):
    """Returns Re <a, b>."""
    return tf.reduce_sum(tf.math.real(tf.math.conj(a) * b))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# The registry.


def test_every_row_has_an_example():
    assert {*EXAMPLES, *VOLUME_EXAMPLES} == set(CORRUPTIONS)
    assert all(EXAMPLES.values())
    assert all(VOLUME_EXAMPLES.values())


def test_a_class_declares_all_its_parameters_and_accepts_their_defaults():
    for name, row in CORRUPTIONS.items():
        kind = row.load()
        data = {*kind.data_names, *getattr(kind, "optional_data_names", ())}
        taken = {f.name for f in dataclasses.fields(kind) if f.init} - data
        assert set(row.parameters) == taken, name
        for parameter in row.parameters.values():
            assert parameter.help[0].isupper() or parameter.help.startswith(("box", "luma", "["))
            if parameter.default is not REQUIRED:
                assert parameter.check(parameter.default) == parameter.default


# The operator.


@every_name
@pytest.mark.parametrize("channels", [1, 3])
def test_every_corruption_passes_the_checks_for_users(name, channels):
    """Checks the dot test, gradients, shapes, dtypes, and the independence of images in a batch."""
    if name in (RGB_ONLY if channels == 1 else GREY_ONLY):
        return
    for corruption in all_of(name):
        check_corruption(corruption, (*SIZE, channels))


def test_a_nonlinear_corruption_has_no_adjoint():
    for name, arguments in ONE_OF_EACH:
        corruption = create(name, arguments)
        if not corruption.linear:
            with pytest.raises(TypeError, match="no adjoint"):
                corruption.adjoint(np.zeros((1, *SIZE, 3)))


@one_of_each
def test_forward_and_reverse_derivatives_agree_in_compiled_code(name, arguments, rng):
    corruption = bound(create(name, arguments), 1, rng)
    x, direction = tf.constant(images_for(name, rng, batch=1)), images_for(name, rng, batch=1)
    weights = tf.constant(noise_like(corruption.forward(x), rng))

    @tf.function
    def products(x, direction):
        with (
            tf.autodiff.ForwardAccumulator(x, direction) as forward,
            tf.GradientTape() as reverse,
        ):
            reverse.watch(x)
            y = corruption.forward(x)
        pulled = reverse.gradient(y, x, output_gradients=weights)
        return product(weights, forward.jvp(y)), tf.reduce_sum(pulled * direction)

    forward, reverse = products(x, tf.constant(direction))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9)


@one_of_each
def test_one_compiled_program_takes_any_data_and_any_batch_size(name, arguments, rng):
    corruption = create(name, arguments)
    shape = [None, *images_for(name, rng, batch=1).shape[1:]]
    masks = {
        n: tf.TensorSpec([None, *m.shape[1:]], tf.bool)
        for n, m in masks_for(corruption, 1, rng).items()
    }
    traces = []

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float64), masks], jit_compile=True)
    def measure(x, data):
        traces.append(1)
        return corruption.with_data(**data).forward(x)

    for batch in (2, 2):
        x, data = images_for(name, rng, batch=batch), masks_for(corruption, batch, rng)
        y = measure(tf.constant(x), {key: tf.constant(value) for key, value in data.items()})
        np.testing.assert_allclose(y, corruption.with_data(**data).forward(x), atol=1e-14)
    assert len(traces) == 1


def test_corruptions_of_grey_or_colour_images_refuse_other_channels(rng):
    for names, channels in ((GREY_ONLY, 3), (RGB_ONLY, 1)):
        for name in names:
            with pytest.raises(InputError, match=rf"^`corruption` .* of {4 - channels} channel"):
                create(name, EXAMPLES[name][0]).forward(images(rng, channels=channels))


@every_name
def test_the_dtype_is_preserved(name, rng):
    for corruption in all_of(name):
        corruption = bound(corruption, 2, rng)
        x = images_for(name, rng)
        y = corruption.forward(x)
        assert y.dtype.real_dtype == tf.float64
        if corruption.linear:
            assert corruption.adjoint(y).dtype == tf.float64
        assert corruption.log_prob(y, x, PARAMS).dtype == tf.float64
        x = tf.cast(x, tf.bfloat16)
        short, exact = corruption.forward(x), corruption.forward(tf.cast(x, tf.float64))
        assert short.dtype == corruption.dtype_for(tf.bfloat16)
        np.testing.assert_allclose(tf.cast(short, exact.dtype), exact, atol=0.02)


@one_of_each
def test_a_measurement_has_an_image(name, arguments, rng):
    corruption = bound(create(name, arguments), 2, rng)
    y = corruption.forward(images_for(name, rng, dtype=np.float32))
    picture = corruption.as_image(y)
    assert picture.dtype == tf.float32
    assert picture.shape[:3] == y.shape[:3]
    assert picture.shape[-1] in (1, 3)


# Configuration.


def test_the_configuration_and_the_text_rebuild_the_corruption(rng):
    for name in [*EXAMPLES, *CHAINS]:
        for corruption in all_of(name):
            again = type(corruption).from_config(corruption.get_config())
            data, x = masks_for(corruption, 2, rng), images_for(name, rng)
            np.testing.assert_array_equal(
                again.with_data(**data).forward(x), corruption.with_data(**data).forward(x)
            )
            assert again.get_config() == corruption.get_config()
            if name in EXAMPLES:
                assert repr(parsing.parse(repr(corruption)).create()) == repr(corruption)


def test_objects_are_immutable():
    for name, arguments in ONE_OF_EACH:
        corruption = create(name, arguments)
        for attribute in [*corruption.get_config(), "linear", "new"]:
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(corruption, attribute, None)


def test_with_data_returns_a_new_object_and_refuses_other_names(rng):
    for name, arguments in ONE_OF_EACH:
        corruption = create(name, arguments)
        before = dict(vars(corruption))
        corruption.with_data(**masks_for(corruption, 2, rng))
        assert vars(corruption) == before
        with pytest.raises(TypeError, match="with_data takes"):
            corruption.with_data(surprise=1)


# Noise. `check_corruption` checks that the noise of an image depends on its seed alone.


@one_of_each
def test_samples_depend_on_their_seed_if_and_only_if_the_corruption_adds_noise(
    name, arguments, rng
):
    corruption = bound(create(name, arguments), 1, rng)
    x = np.repeat(images_for(name, rng, batch=1), 2, axis=0)
    first = corruption.sample(x, [[0, 1], [0, 2]])
    np.testing.assert_array_equal(first, corruption.sample(x, [[0, 1], [0, 2]]))
    assert first.shape == corruption.forward(x).shape
    assert first.dtype == corruption.dtype_for(x.dtype)
    assert (np.abs(first[0] - first[1]).max() > 1e-14) == corruption.adds_noise


@one_of_each
def test_the_gradient_of_log_prob_points_to_the_true_image_and_is_zero_there(name, arguments, rng):
    corruption = bound(create(name, arguments), 1, rng)
    truth = tf.constant(images_for(name, rng, batch=1))
    y = corruption.forward(truth)

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            log_prob = corruption.log_prob(y, x, PARAMS)
        return tape.gradient(log_prob, x)

    x = truth + rng.normal(size=truth.shape)
    assert np.sum(gradient(x) * (truth - x)) > 0
    if has_normal_noise(corruption):
        np.testing.assert_array_equal(gradient(truth), np.zeros_like(truth))


@one_of_each
def test_log_prob_sums_the_distribution_over_observed_values(name, arguments, rng):
    corruption, params = bound(create(name, arguments), 2, rng), {"noise_scale": [4.0, 9.0]}
    x = images_for(name, rng)
    mean = corruption.forward(x)
    y = corruption.distribution(mean, params).sample(seed=[0, 1])
    density = corruption.distribution(mean, params).log_prob(y)
    observed = np.broadcast_to(corruption.observation_mask(y), y.shape)
    expected = np.sum(density * observed, axis=(1, 2, 3))
    np.testing.assert_allclose(corruption.log_prob(y, x, params), expected, rtol=1e-9)


# The default noise, real and complex; the three noise models; a chain.
DENSITIES = ("none", "kspace", "noise", "poisson", "salt_and_pepper", CHAINS[2])


@pytest.mark.parametrize("name", DENSITIES)
def test_variance_equals_the_variance_of_samples(name, rng):
    for corruption in all_of(name):
        corruption = bound(corruption, 1, rng)
        mean = corruption.forward(images_for(name, rng, batch=1))
        distribution = corruption.distribution(mean, {"noise_scale": 6.0})
        y = distribution.sample(3000, seed=[0, 1])
        variance = np.broadcast_to(corruption.variance(mean, {"noise_scale": 6.0}), mean.shape)
        error = corruption.components(y) - corruption.components(mean)
        expected = np.concatenate([variance] * (error.shape[-1] // mean.shape[-1]), axis=-1)
        error = np.mean(np.square(error), axis=0) / expected
        assert abs(error.mean() - 1) < 0.015


@every_name
def test_log_prob_is_the_normal_density_over_observed_values(name, rng):
    for corruption in all_of(name):
        if not has_normal_noise(corruption):
            continue
        corruption = bound(corruption, 2, rng)
        x = images_for(name, rng)
        mean = corruption.forward(x).numpy()
        y = mean + noise_like(tf.constant(mean), rng) * 0.1
        # For complex values a grey level is 1 / 255, and both parts count.
        scale = 7.5 * (1 if np.iscomplexobj(y) else 2) / 255
        error = (y - mean).view(np.float64).reshape(*y.shape, -1)
        density = scipy.stats.norm.logpdf(error, scale=scale).sum(axis=-1)
        observed = np.broadcast_to(corruption.observation_mask(tf.constant(y)), y.shape) == 1
        expected = [density[i][observed[i]].sum() for i in range(2)]
        result = corruption.log_prob(tf.constant(y), x, {"noise_scale": 7.5})
        assert np.all(np.isfinite(result))
        np.testing.assert_allclose(result, expected, rtol=1e-12)


# Observed values.


@every_name
def test_observed_values_do_not_depend_on_missing_pixels(name, rng):
    for corruption in all_of(name):
        corruption = bound(corruption, 2, rng)
        x = images_for(name, rng)
        y = corruption.forward(x)
        observed = np.broadcast_to(corruption.observation_mask(y), y.shape) == 1
        hidden = tf.constant(np.where(observed, y, np.nan))
        filled = corruption.fill_unobserved(hidden).numpy()
        assert np.all(np.isfinite(filled))
        np.testing.assert_array_equal(filled[observed], y.numpy()[observed])
        composite = corruption.composite(y, x)
        assert composite is None or composite.shape == x.shape
