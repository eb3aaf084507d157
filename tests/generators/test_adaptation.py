"""Generator weights as functions of standard normal deviations."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.generators.adaptation import Adaptation, AdaptedGenerator
from brgm_tf.generators.base import Generator
from brgm_tf.generators.loading import load_generator
from brgm_tf.generators.saved_model import SavedModelGenerator
from brgm_tf.generators.stylegan2 import StyleGAN2

TINY = {"z_dim": 4, "w_dim": 4, "channel_base": 32, "channel_max": 4, "mapping_depth": 1}


def trained(**options):
    """Returns a tiny network with nonzero biases."""
    model = StyleGAN2(8, seed=1, **{**TINY, **options})
    rng = np.random.RandomState(0)
    for weight in model.weights:
        if weight.path.endswith("bias"):
            weight.assign(weight + 0.1 * rng.randn(*weight.shape))
    return model


def latents(model, count=2):
    return np.random.RandomState(1).randn(count, model.num_ws, model.w_dim).astype(model.dtype)


def deviations(adaptation, count=2):
    return np.random.RandomState(2).randn(count, adaptation.size).astype("float32")


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_only_weights_and_biases_of_convolutions_are_adapted(architecture):
    model = trained(architecture=architecture)
    paths = {weight.path.removeprefix("stylegan2/") for weight in model.adaptable_weights}
    expected = {
        weight.path.removeprefix("stylegan2/")
        for weight in model.weights
        if weight.path.startswith("stylegan2/synthesis")
        and weight.path.endswith(("weight", "bias"))
        and "affine" not in weight.path
    }
    assert paths == expected


@pytest.mark.parametrize("channels", [1, 3])
def test_adapted_images_equal_the_images_of_a_network_with_the_adapted_weights(channels):
    model = trained(channels=channels)
    ws, adaptation = latents(model), Adaptation(model, scale=0.3)
    e = deviations(adaptation)
    model.freeze()
    computed = adaptation.synthesis(ws, e).numpy()
    shared = adaptation.synthesis(ws, e[:1]).numpy()
    for b in range(2):
        other = trained(channels=channels)
        start = 0
        for weight in other.adaptable_weights:
            value = weight.numpy()
            part = e[b, start : start + value.size].reshape(value.shape)
            weight.assign(value + 0.3 * np.sqrt(np.mean(value**2)) * part)
            start += value.size
        assert start == adaptation.size
        images = other.synthesis(ws).numpy()
        np.testing.assert_allclose(computed[b], images[b], atol=2e-5)
        if b == 0:
            np.testing.assert_allclose(shared, images, atol=2e-5)


def test_an_adapted_image_leaves_a_frozen_network_unchanged():
    model = trained()
    model.freeze()
    ws, adaptation = latents(model), Adaptation(model, scale=0.3)
    before = model.synthesis(ws).numpy()
    adaptation.synthesis(ws, deviations(adaptation))
    np.testing.assert_array_equal(model.synthesis(ws), before)


def test_gradients_in_the_deviations_equal_finite_differences():
    model = trained(dtype="float64")
    adaptation, ws = Adaptation(model, scale=0.3), latents(model)
    e = tf.constant(deviations(adaptation), tf.float64)
    direction = tf.constant(np.random.RandomState(3).randn(*e.shape))

    def total(e):
        return tf.reduce_sum(tf.square(adaptation.synthesis(ws, e)))

    with tf.GradientTape() as tape:
        tape.watch(e)
        value = total(e)
    slope = tf.reduce_sum(tape.gradient(value, e) * direction)
    step = 1e-5
    differences = (total(e + step * direction) - total(e - step * direction)) / (2 * step)
    np.testing.assert_allclose(slope, differences, rtol=1e-6)


def test_a_saved_generator_reproduces_the_images(tmp_path):
    model = trained(channels=1)
    adaptation, ws = Adaptation(model, scale=0.3), latents(model)
    adapted = AdaptedGenerator(adaptation, deviations(adaptation)[0])
    loaded = load_generator(adapted.save(tmp_path / "person"))
    np.testing.assert_allclose(loaded.synthesis(ws), adapted.synthesis(ws), atol=1e-5)
    z = np.ones([1, model.z_dim], "float32")
    np.testing.assert_array_equal(loaded.mapping(z), model.mapping(z))


def test_a_generator_without_adaptable_weights_is_refused_in_one_line():
    assert SavedModelGenerator.adaptable_weights is Generator.adaptable_weights
    with pytest.raises(InputError, match="`adaptation_steps` must be 0") as error:
        Adaptation(SimpleNamespace(adaptable_weights=[]), scale=0.3)
    assert "\n" not in str(error.value)


def test_zero_weights_stay_zero():
    weight = keras.Variable(np.zeros(3))

    adaptation = Adaptation(SimpleNamespace(adaptable_weights=[weight]), scale=0.3)
    assert not np.any(adaptation.weights(np.ones(3))[0])
