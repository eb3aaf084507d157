"""The discriminator against plain NumPy, and its minibatch standard deviation."""

import keras
import numpy as np
import numpy_reference as reference
import pytest

from brgm_tf.training.discriminator import Discriminator, minibatch_stddev
from brgm_tf.training.state import weights_of

SIZES = {"channel_base": 64, "channel_max": 6}
KERNEL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def pictures(count=8, size=16, channels=3):
    return np.random.default_rng(0).standard_normal((count, size, size, channels))


def build(**options):
    model = Discriminator(16, **{**SIZES, "channels": 3, "dtype": "float64", **options})
    rng = np.random.RandomState(7)
    for weight in model.weights:
        if weight.path.endswith("/bias"):
            weight.assign(0.3 * rng.randn(*weight.shape))
    return model


def convolve(x, weight, *, stride=1, padding):
    return np.stack(
        [
            sum(
                reference.upfirdn2d(
                    x[..., c : c + 1],
                    weight[:, :, c, o],
                    down=stride,
                    padding=(padding,) * 4,
                    flip=True,
                )[..., 0]
                for c in range(x.shape[-1])
            )
            for o in range(weight.shape[-1])
        ],
        axis=-1,
    )


def numpy_discriminator(model, x):
    """Returns the logits of figure 7c of arXiv 1912.04958, from the definitions."""
    weights = {path: np.asarray(weight) for path, weight in weights_of(model).items()}

    def layer(x, name, *, padding, stride=1, activation="lrelu", gain=1.0):
        weight = weights[f"{name}/weight"]
        y = convolve(x, weight / np.sqrt(np.prod(weight.shape[:3])), stride=stride, padding=padding)
        bias = weights.get(f"{name}/bias", 0.0)
        return gain * reference.bias_act(y, bias, activation=activation)

    def dense(x, name, activation):
        weight = weights[f"{name}/weight"]
        y = x @ weight / np.sqrt(len(weight))
        return reference.bias_act(y, weights[f"{name}/bias"], activation=activation)

    x = layer(x, "b16/fromrgb", padding=0)
    for block in ("b16", "b8"):
        low = reference.upfirdn2d(x, KERNEL, down=2, padding=(1, 1, 1, 1))
        skip = layer(low, f"{block}/skip", padding=0, activation="linear", gain=0.5**0.5)
        y = layer(x, f"{block}/conv0", padding=1)
        y = reference.upfirdn2d(y, KERNEL, padding=(2, 2, 2, 2))
        x = layer(y, f"{block}/conv1", padding=0, stride=2, gain=0.5**0.5) + skip
    groups = np.std(x.reshape(4, -1, *x.shape[1:]) + 0, axis=0)
    deviation = np.sqrt(groups**2 + 1e-8).mean(axis=(1, 2, 3))
    maps = np.tile(deviation, 4)[:, None, None, None] * np.ones_like(x[..., :1])
    x = layer(np.concatenate([x, maps], axis=-1), "b4/conv", padding=1)
    return dense(dense(x.reshape(len(x), -1), "b4/fc", "lrelu"), "b4/out", "linear")[:, 0]


def test_logits_equal_the_numpy_network():
    model, x = build(), pictures()
    np.testing.assert_allclose(np.asarray(model(x)), numpy_discriminator(model, x), rtol=1e-9)


def test_the_configuration_of_256_pixels_has_the_published_number_of_weights():
    # The number that NVlabs/stylegan2-ada-pytorch prints for paper256.
    model = Discriminator(256, channel_base=16384)
    assert model.count_params() == 24001089


def test_minibatch_stddev_is_the_mean_deviation_of_a_group():
    x = pictures()
    maps = np.asarray(minibatch_stddev(x, group_size=4))
    expected = [np.std(x[i::2], axis=0).mean() for i in range(2)]
    np.testing.assert_allclose(maps[:, 0, 0, 0], expected * 4, rtol=1e-6)
    np.testing.assert_array_equal(maps, maps[:, :1, :1] * np.ones((1, 16, 16, 1)))


def test_a_logit_depends_on_its_group_alone():
    model, x = build(), pictures()
    other = x.copy()
    other[1::2] += 1.0
    first, second = np.asarray(model(x)), np.asarray(model(other))
    np.testing.assert_allclose(first[::2], second[::2], rtol=1e-12)
    assert np.all(first[1::2] != second[1::2])


def test_the_weights_depend_on_the_seed_alone():
    def flat(**options):
        model = Discriminator(8, **SIZES, **options)
        return np.concatenate([np.ravel(weight) for weight in model.weights])

    np.testing.assert_array_equal(flat(seed=3), flat(seed=3))
    assert np.any(flat(seed=3) != flat(seed=4))


def test_low_precision_has_weights_and_logits_in_float32():
    exact, model = build(dtype="float32"), build(dtype="mixed_bfloat16")
    logits = model(pictures().astype("float32"))
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    np.testing.assert_allclose(logits, exact(pictures().astype("float32")), atol=0.1)


@pytest.mark.parametrize("limit", [0.2, 1.0])
def test_clamp_limits_the_outputs_of_convolutions(limit):
    features = build(conv_clamp=limit).fromrgb(pictures())
    assert np.abs(features).max() == pytest.approx(limit)
