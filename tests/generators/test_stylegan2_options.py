"""StyleGAN2's architectures, labels and other options.

`tests/weights/formats/test_checkpoints.py` compares them with the original networks.
"""

import numpy as np
import numpy_reference as reference
import pytest
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.generators.stylegan2_config import ARCHITECTURES, NORMALIZATIONS
from brgm_tf.generators.weight_shapes import weight_shapes
from brgm_tf.ops.bias_act import ACTIVATIONS
from brgm_tf.weights.formats import options as format_options

TINY = {"z_dim": 6, "w_dim": 5, "channel_base": 64, "channel_max": 8, "mapping_depth": 2}
LABELS = {"c_dim": 4, "embedding_width": 3, "mapping_width": 7}


def build(resolution=4, **options):
    """Returns a tiny network without zeros among its weights."""
    model = StyleGAN2(resolution, **{**TINY, "dtype": "float64", **options})
    rng = np.random.RandomState(7)
    for weight in model.weights:
        weight.assign(np.asarray(weight) + 0.3 * rng.randn(*weight.shape))
    return model


def weights_of(model):
    return {w.path.removeprefix(f"{model.name}/"): np.asarray(w) for w in model.weights}


def normalised(x):
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "skip", "resolution": 4},
        {"architecture": "resnet", "resolution": 16},
        {"architecture": "orig", "resolution": 8, "channels": 1},
        {"use_noise": False, "kernel_size": 5, "resolution": 8},
        {**LABELS, "normalization": "separate"},
        {**LABELS, "normalization": "joint", "mapping_depth": 1},
    ],
    ids=str,
)
def test_weight_shapes_equal_the_shapes_of_the_network(options):
    model = build(**options)
    built = {name: weight.shape for name, weight in weights_of(model).items()}
    assert weight_shapes(model.config) == built


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_equals_the_numpy_network(activation):
    model = build(activation=activation, conv_clamp=2.0)
    network = reference.StyleGAN2(
        weights_of(model), resolution=4, depth=2, activation=activation, conv_clamp=2.0
    )
    ws = np.random.RandomState(0).randn(2, 2, 5)
    assert np.allclose(model.synthesis(ws), network.synthesis(ws), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_gradient_of_every_architecture_under_jit_equals_finite_differences(architecture):
    model = build(8, architecture=architecture)

    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec([None, 4, 5], "float64")])
    def gradient(ws):
        with tf.GradientTape() as tape:
            tape.watch(ws)
            loss = tf.reduce_sum(tf.sin(model.synthesis(ws)))
        return tape.gradient(loss, ws)

    rng = np.random.RandomState(0)
    ws, direction = rng.randn(2, 2, 4, 5)
    plus, minus = (np.sin(model.synthesis(ws + h * direction)).sum() for h in (1e-6, -1e-6))
    slope = np.sum(gradient(tf.constant(ws)) * direction)
    assert np.isclose(slope, (plus - minus) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_labels_are_embedded_and_joined_to_z_according_to_the_normalization(normalization):
    model = build(**LABELS, normalization=normalization, mapping_activation="tanh")
    weights = weights_of(model)
    rng = np.random.RandomState(0)
    z, c = rng.randn(3, 6), np.eye(4)[[0, 2, 3]]
    e = c @ weights["mapping/embed/weight"] / np.sqrt(4)
    if normalization == "separate":
        x = np.concatenate([normalised(z), normalised(e + weights["mapping/embed/bias"])], axis=1)
    else:
        x = np.concatenate([z, e], axis=1)
        x = normalised(x) if normalization == "joint" else x
    for i in range(2):
        weight, bias = (weights[f"mapping/fc{i}/{name}"] for name in ("weight", "bias"))
        x = np.tanh(0.01 * (x @ weight / np.sqrt(len(weight)) + bias))
    assert np.allclose(model.mapping(z, c), x, rtol=1e-12)


@pytest.fixture(scope="module")
def conditional():
    return build(**LABELS)


def test_a_missing_label_equals_a_label_of_zeros(conditional):
    z = np.random.RandomState(0).randn(3, 6)
    assert np.array_equal(conditional.mapping(z), conditional.mapping(z, np.zeros((3, 4))))


def test_one_label_applies_to_all_codes(conditional):
    z, c = np.random.RandomState(0).randn(3, 6), np.eye(4)[:1]
    expected = conditional.mapping(z, np.repeat(c, 3, axis=0))
    assert np.array_equal(conditional.mapping(z, c), expected)


def test_latent_statistics_depend_on_the_class(conditional):
    c = np.eye(4)[2:3]
    z = np.random.RandomState(5).randn(50, 6).astype("float32")
    w = np.asarray(conditional.mapping(z, c))
    assert np.allclose(conditional.latent_statistics(50, seed=5, c=c).mean, w.mean(axis=0))
    assert not np.allclose(conditional.latent_statistics(50, seed=5).mean, w.mean(axis=0))


@pytest.mark.parametrize("shape", [(3, 5), (4,), (3, 4, 1)])
def test_labels_of_another_size_are_refused(conditional, shape):
    with pytest.raises(InputError, match=r"`c` must be labels \[B or 1, 4\]"):
        conditional.mapping(np.zeros((3, 6)), np.zeros(shape))


@pytest.mark.parametrize("mode", ["const", "random", "none"])
def test_a_network_without_noise_has_the_same_image_in_every_noise_mode(mode):
    model = build(8, use_noise=False)
    ws = np.random.RandomState(0).randn(2, 4, 5)
    assert model.noise_shapes == []
    assert np.array_equal(model.synthesis(ws, noise_mode=mode, seed=1), model.synthesis(ws))


def test_the_config_rebuilds_the_network_with_all_its_options():
    model = build(8, **LABELS, architecture="resnet", activation="selu", use_noise=False)
    copy = StyleGAN2.from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    assert weights_of(copy).keys() == weights_of(model).keys()


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"architecture": "residual"}, "architecture"),
        ({"activation": "gelu"}, "activation"),
        ({"mapping_activation": "gelu"}, "mapping_activation"),
        ({"normalization": "both"}, "normalization"),
        ({"kernel_size": 4}, "kernel_size"),
    ],
)
def test_an_unknown_option_is_refused(options, argument):
    with pytest.raises(InputError, match=f"`{argument}` must be"):
        StyleGAN2(4, **TINY, **options)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_files_may_name_every_activation(name):
    assert format_options.activation(name) == name


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_files_may_name_every_architecture(name):
    assert format_options.architecture(name) == name
