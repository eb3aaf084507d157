"""The StyleGAN2 network against plain NumPy, and the contract of a generator."""

import json

import keras
import numpy as np
import numpy_reference as reference
import pytest
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.generators.stylegan2 import StyleGAN2

TINY = {"z_dim": 6, "w_dim": 5, "channel_base": 64, "channel_max": 8, "mapping_depth": 3}


def build(resolution=16, **options):
    """Returns a tiny network with nonzero biases, noise strengths and w_avg."""
    model = StyleGAN2(resolution, **{**TINY, **options})
    rng = np.random.RandomState(7)
    for weight in model.weights:
        if weight.path.endswith(("/bias", "noise_strength", "w_avg")):
            weight.assign(np.asarray(weight) + 0.3 * rng.randn(*weight.shape))
    return model


def numpy_network(model):
    weights = {w.path.removeprefix(f"{model.name}/"): np.asarray(w) for w in model.weights}
    return reference.StyleGAN2(
        weights,
        resolution=model.resolution,
        depth=TINY["mapping_depth"],
        conv_clamp=model.get_config()["conv_clamp"],
    )


def latents(model, *, batch=2, seed=0):
    return np.random.RandomState(seed).randn(batch, model.num_ws, model.w_dim)


def relative_error(actual, expected):
    return np.abs(np.asarray(actual) - expected).max() / np.abs(expected).max()


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def model64():
    return build(dtype="float64")


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_the_mapping_equals_the_numpy_network(dtype, tolerance):
    model = build(4, dtype=dtype)
    z = np.random.RandomState(0).randn(3, 6)
    assert relative_error(model.mapping(z), numpy_network(model).mapping(z)) < tolerance


@pytest.mark.parametrize(
    "options",
    [{}, {"channels": 1}, {"conv_clamp": 0.8}, {"resolution": 4}, {"resample_filter": (1, 2, 1)}],
    ids=str,
)
def test_the_synthesis_equals_the_numpy_network(options):
    model = build(**{"dtype": "float64", **options})
    network = numpy_network(model)
    taps = np.array(options.get("resample_filter", (1, 3, 3, 1)))
    network.kernel = np.outer(taps, taps) / taps.sum() ** 2
    ws = latents(model)
    assert relative_error(model.synthesis(ws), network.synthesis(ws)) < 1e-12


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("mixed_bfloat16", 2e-2)])
def test_low_precision_synthesis_returns_float32(dtype, tolerance):
    model = build(dtype=dtype)
    ws = latents(model)
    image = model.synthesis(ws)
    assert image.dtype == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert relative_error(image, numpy_network(model).synthesis(ws)) < tolerance


def test_given_noise_maps_replace_the_constants(model64):
    ws = latents(model64)
    rng = np.random.RandomState(3)
    batches = [1, 2, 1, 2, 1]
    noise = [rng.randn(b, *s) for b, s in zip(batches, model64.noise_shapes, strict=True)]
    expected = numpy_network(model64).synthesis(ws, noise=noise)
    assert relative_error(model64.synthesis(ws, noise=noise), expected) < 1e-12


def test_noise_mode_none_equals_noise_of_zeros(model64):
    ws = latents(model64)
    zeros = [np.zeros((1, *shape)) for shape in model64.noise_shapes]
    expected = numpy_network(model64).synthesis(ws, noise=zeros)
    assert relative_error(model64.synthesis(ws, noise_mode="none"), expected) < 1e-12


@pytest.mark.parametrize("seed", [5, (5, 6)])
def test_random_noise_depends_on_the_seed_alone(model, seed):
    ws = latents(model)
    other = 8 if seed == 5 else (5, 7)
    first, again, different = (
        np.asarray(model.synthesis(ws, noise_mode="random", seed=s)) for s in (seed, seed, other)
    )
    assert np.array_equal(first, again)
    assert np.abs(first - different).max() > 1e-3


def test_random_noise_is_standard_normal_and_independent_between_images(model):
    maps = [np.asarray(m) for m in model.draw_noise(4, seed=1)]
    assert [m.shape for m in maps] == [(4, *shape) for shape in model.noise_shapes]
    values = np.concatenate([m.reshape(4, -1) for m in maps], axis=1)
    assert abs(values.mean()) < 0.1
    assert abs(values.std() - 1) < 0.1
    assert np.abs(np.corrcoef(values) - np.eye(4)).max() < 0.2


def test_random_noise_takes_a_traced_seed_under_jit(model):
    ws = tf.constant(latents(model), "float32")

    @tf.function(jit_compile=True)
    def image(ws, seed):
        return model.synthesis(ws, noise_mode="random", seed=seed)

    first, second = (image(ws, tf.constant([1, s])) for s in (2, 3))
    assert np.abs(first - second).max() > 1e-3


def test_the_gradient_under_jit_with_a_dynamic_batch_equals_finite_differences(model64):
    signature = tf.TensorSpec([None, model64.num_ws, model64.w_dim], "float64")

    @tf.function(input_signature=[signature], jit_compile=True)
    def image_and_gradient(ws):
        with tf.GradientTape() as tape:
            tape.watch(ws)
            image = model64.synthesis(ws)
            loss = tf.reduce_sum(tf.sin(image))
        return image, tape.gradient(loss, ws)

    network = numpy_network(model64)
    for batch in (1, 3):
        ws, direction = latents(model64, batch=batch), latents(model64, batch=batch, seed=1)
        image, gradient = image_and_gradient(tf.constant(ws))
        plus, minus = (np.sin(network.synthesis(ws + h * direction)).sum() for h in (1e-6, -1e-6))
        assert relative_error(image, network.synthesis(ws)) < 1e-12
        assert np.isclose(np.sum(gradient * direction), (plus - minus) / 2e-6, rtol=1e-6)


def image_and_gradient(model, ws):
    """Returns an image, and the gradient in its latents of the sum of its squares."""
    ws = tf.constant(ws)
    with tf.GradientTape() as tape:
        tape.watch(ws)
        image = model.synthesis(ws)
        loss = tf.reduce_sum(image**2)
    return image.numpy(), tape.gradient(loss, ws).numpy()


@pytest.mark.parametrize("architecture", ["skip", "resnet"])
def test_a_frozen_network_has_the_same_images_and_gradients(architecture):
    model = build(dtype="float64", architecture=architecture)
    ws = latents(model)
    expected = image_and_gradient(model, ws)
    model.freeze()
    for actual, other in zip(image_and_gradient(model, ws), expected, strict=True):
        np.testing.assert_allclose(actual, other, rtol=1e-12, atol=1e-12)


def test_a_frozen_network_convolves_in_low_precision():
    model = build(dtype="mixed_bfloat16")
    ws = latents(model)
    expected = model.synthesis(ws).numpy()
    model.freeze()
    np.testing.assert_allclose(model.synthesis(ws), expected, atol=0.02 * np.abs(expected).max())


def test_a_frozen_network_ignores_later_weights_and_has_no_gradient_in_them():
    model = build()
    ws = latents(model)
    expected = model.synthesis(ws).numpy()
    model.freeze()
    weight = model.synthesis_network.convs[-1].weight
    weight.assign(2 * weight + 1)
    with tf.GradientTape() as tape:
        image = model.synthesis(ws)
    np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-5)
    assert tape.gradient(image, weight.value) is None


def test_a_frozen_network_lists_the_same_weights():
    model = build()
    names = [weight.path for weight in model.weights]
    model.freeze()
    assert [weight.path for weight in model.weights] == names


def test_an_image_does_not_depend_on_the_batch(model64):
    ws = latents(model64, batch=3)
    together = model64.synthesis(ws)
    for i in range(3):
        assert relative_error(model64.synthesis(ws[i : i + 1]), together[i : i + 1]) < 1e-12


def test_each_latent_reaches_its_layers(model):
    """Sets all other affine weights to zero, so that a layer depends on exactly one latent."""
    ws = np.zeros((1, model.num_ws, model.w_dim), "float32")
    base = np.asarray(model.synthesis(ws))
    expected = {
        "b4/conv1": 0, "b4/torgb": 1, "b8/conv0": 1, "b8/conv1": 2, "b8/torgb": 3,
        "b16/conv0": 3, "b16/conv1": 4, "b16/torgb": 5,
    }  # fmt: skip
    weights = {w.path: w for w in model.weights if w.path.endswith("affine/weight")}
    saved = {path: np.asarray(w) for path, w in weights.items()}
    for layer, index in expected.items():
        for path, weight in weights.items():
            weight.assign(saved[path] if f"/{layer}/" in path else np.zeros_like(saved[path]))
        reached = []
        for i in range(model.num_ws):
            moved = ws.copy()
            moved[:, i] = 1.0
            if np.abs(np.asarray(model.synthesis(moved)) - base).max() > 1e-4:
                reached.append(i)
        assert reached == [index], layer
    for path, weight in weights.items():
        weight.assign(saved[path])


def test_calling_the_model_repeats_the_latent_at_every_layer(model):
    z = np.random.RandomState(0).randn(2, 6).astype("float32")
    ws = np.repeat(np.asarray(model.mapping(z))[:, None], model.num_ws, axis=1)
    assert relative_error(model(z), np.asarray(model.synthesis(ws))) < 1e-6


def test_truncation_moves_latents_towards_the_mean(model64):
    w, mean = latents(model64)[:, 0], np.asarray(model64.w_avg)
    assert np.allclose(model64.truncate(w, 0.25), 0.25 * w + 0.75 * mean)
    assert np.allclose(model64.truncate(w, 0.5, mean=np.ones(5)), 0.5 * w + 0.5)


@pytest.mark.parametrize("rank", [2, 3])
def test_truncation_stops_at_the_cutoff(model64, rank):
    ws = latents(model64)
    if rank == 2:
        ws = np.repeat(ws[:, :1], model64.num_ws, axis=1)
    expected = ws.copy()
    expected[:, :2] = np.asarray(model64.w_avg)
    w = ws[:, 0] if rank == 2 else ws
    assert np.allclose(model64.truncate(w, 0.0, cutoff=2), expected)


# Keras reads TensorFlow variables in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_config_and_weights_round_trip(model, tmp_path):
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    copy = StyleGAN2.from_config({**json.loads(json.dumps(model.get_config())), "seed": 1})
    copy.load_weights(path)
    for ours, theirs in zip(model.weights, copy.weights, strict=True):
        assert ours.path == theirs.path
        assert np.array_equal(ours, theirs), ours.path


def test_keras_serialisation_rebuilds_the_class(model):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert copy.get_config() == model.get_config()


def test_initial_weights_depend_on_the_seed_alone():
    first, again, different = (
        np.concatenate([np.ravel(w) for w in StyleGAN2(4, **TINY, seed=s).weights])
        for s in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, different)


def test_synthesis_is_exported_with_a_dynamic_batch(model, tmp_path):
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        name="synthesis",
        fn=model.synthesis,
        input_signature=[tf.TensorSpec([None, model.num_ws, model.w_dim], "float32")],
    )
    archive.write_out(str(tmp_path), verbose=False)
    ws = latents(model, batch=3).astype("float32")
    loaded = tf.saved_model.load(str(tmp_path))
    assert relative_error(loaded.synthesis(ws), np.asarray(model.synthesis(ws))) < 1e-5


def official_parameters(resolution, *, channel_base):
    """Returns the number of parameters of the official RGB networks with 512 latents."""
    total = 8 * (512 * 512 + 512)  # mapping
    width = {r: min(channel_base // r, 512) for r in (4, 8, 16, 32, 64, 128, 256, 512, 1024)}
    total += 4 * 4 * width[4]  # constant
    for r in (r for r in width if r <= resolution):
        inputs = [width[r]] if r == 4 else [width[r // 2], width[r]]
        for i in inputs:
            # convolution, bias, noise strength, affine
            total += 9 * i * width[r] + width[r] + 1 + 512 * i + i
        total += 3 * width[r] + 3 + 512 * width[r] + width[r]  # torgb and its affine
    return total


def test_config_f_at_1024_has_the_published_number_of_parameters():
    assert official_parameters(1024, channel_base=32768) == 30_370_060


@pytest.mark.parametrize(
    ("constructor", "resolution", "channel_base"),
    [(StyleGAN2.config_f, 1024, 32768), (StyleGAN2.config_e, 256, 16384)],
    ids=["f_1024", "e_256"],
)
def test_networks_have_the_official_number_of_parameters(constructor, resolution, channel_base):
    model = constructor(resolution)
    count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert count == official_parameters(resolution, channel_base=channel_base)
    assert model.num_ws == 2 * int(np.log2(resolution)) - 2


@pytest.mark.parametrize("resolution", [0, 2, 48, 2048, 16.0, True, "16"])
def test_a_resolution_that_is_not_a_power_of_two_in_range_is_refused(resolution):
    with pytest.raises(InputError, match="`resolution` must be a power of two"):
        StyleGAN2(resolution, **TINY)


def test_only_one_or_three_channels_are_accepted():
    with pytest.raises(InputError, match="`channels` must be 1"):
        StyleGAN2(4, channels=4, **TINY)


def test_a_channel_base_below_the_resolution_is_refused():
    with pytest.raises(InputError, match="`channel_base` must"):
        StyleGAN2(128, **TINY)


def test_a_wrong_number_of_latents_is_refused(model):
    with pytest.raises(InputError, match=r"`ws` must be latents \[B, 6, 5\]"):
        model.synthesis(latents(model)[:, :3])


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"noise_mode": "constant"}, "noise_mode"),
        ({"noise_mode": "random"}, "seed"),
        ({"noise": [np.zeros((1, 4, 4, 1))]}, "noise"),
    ],
)
def test_invalid_noise_is_refused(model, options, argument):
    with pytest.raises(InputError, match=f"`{argument}` must"):
        model.synthesis(latents(model), **options)
