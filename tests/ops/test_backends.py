"""Layers give the same results with JAX and TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.generators.stylegan2 import StyleGAN2

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = {"channel_base": 64, "channel_max": 8, "w_dim": 8, "z_dim": 8, "mapping_depth": 2}


def weights(network):
    """Returns random weights, because the backends draw different weights from the same seed."""
    rng = np.random.RandomState(0)
    return [rng.standard_normal(w.shape).astype("float32") for w in network.weights]


UNDER_JAX = f"""
import sys
import jax
import numpy as np
from brgm_tf.generators.stylegan2 import StyleGAN2

given = np.load("given.npz")
network = StyleGAN2(8, **{OPTIONS})
network.set_weights([given[f"weight{{i}}"] for i in range(len(network.weights))])
image, pullback = jax.vjp(network.synthesis, jax.numpy.asarray(given["ws"]))
np.savez("found.npz", image=image, gradient=pullback(given["upstream"])[0])
sys.exit("tensorflow" in sys.modules)
"""


def test_stylegan2_and_its_gradient_agree_with_jax(tmp_path):
    pytest.importorskip("jax", reason="needs JAX, which the package itself does not")
    network = StyleGAN2(8, **OPTIONS)
    network.set_weights(weights(network))
    rng = np.random.RandomState(1)
    ws = rng.standard_normal((2, network.num_ws, 8)).astype("float32")
    upstream = rng.standard_normal((2, 8, 8, 3)).astype("float32")
    named = {f"weight{i}": value for i, value in enumerate(network.get_weights())}
    np.savez(tmp_path / "given.npz", ws=ws, upstream=upstream, **named)
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    subprocess.run([sys.executable, "-c", UNDER_JAX], cwd=tmp_path, env=environment, check=True)
    with tf.GradientTape() as tape:
        variable = tf.Variable(ws)
        image = network.synthesis(variable)
    gradient = tape.gradient(image, variable, output_gradients=upstream)
    with np.load(tmp_path / "found.npz") as from_jax:
        np.testing.assert_allclose(from_jax["image"], image, atol=1e-5 * np.abs(image).max())
        np.testing.assert_allclose(
            from_jax["gradient"], gradient, atol=1e-5 * np.abs(gradient).max()
        )
