"""Enlargement by ESRGAN: the network of a file against SciPy."""

import numpy as np
import pytest
import tfjs_files
from scipy.signal import correlate

from brgm_tf.evaluation.baselines import esrgan as module

RNG = np.random.default_rng(0)


def convolved(x, arrays, name):
    """Returns the 'same' convolution of x [h, w, C], by SciPy."""
    kernel, bias = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
    half = kernel.shape[0] // 2
    padded = np.pad(x, [(half, half), (half, half), (0, 0)])
    outputs = [correlate(padded, kernel[..., i], mode="valid") for i in range(kernel.shape[-1])]
    return np.concatenate(outputs, axis=-1) + bias


def shuffled(x, factor):
    """Returns pixel blocks, filled row by row from the channels."""
    h, w, depth = x.shape
    blocks = np.zeros((factor * h, factor * w, depth // factor**2))
    for row in range(factor):
        for column in range(factor):
            first = (row * factor + column) * blocks.shape[-1]
            blocks[row::factor, column::factor] = x[..., first : first + blocks.shape[-1]]
    return blocks


def test_a_network_computes_the_layers_of_its_file(tmp_path):
    arrays = tfjs_files.residual_arrays(RNG)
    path = tfjs_files.write(tmp_path, tfjs_files.residual_layers(), arrays)
    x = RNG.normal(size=(4, 5, 3)).astype("float32")
    features = np.concatenate([x, np.maximum(convolved(x, arrays, "a"), 0)], axis=-1)
    residual = x + 0.2 * convolved(features, arrays, "b")
    expected = convolved(shuffled(convolved(residual, arrays, "p"), 2), arrays, "SR")
    actual = module.load_network(path)(x[None]).numpy()[0]
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture
def repetition(monkeypatch):
    """Replaces ESRGAN by a network that repeats pixels, and returns the list of its factors."""
    factors = []

    def network(factor):
        factors.append(factor)
        return lambda x: x.repeat(factor, axis=1).repeat(factor, axis=2)

    monkeypatch.setattr(module, "_network", network)
    return factors


@pytest.mark.parametrize("channels", [1, 3])
def test_a_measurement_is_enlarged_by_each_network_in_turn(repetition, channels):
    y = RNG.uniform(-1, 1, (2, 2, channels)).astype("float32")
    x = module.esrgan(y, resolution=64, missing=None)
    assert repetition == [8, 4]
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, y.repeat(32, axis=0).repeat(32, axis=1), atol=1e-6)
