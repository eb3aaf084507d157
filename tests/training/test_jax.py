"""A training step on JAX with each discriminator, if JAX is installed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_features import tiny_features

from brgm_tf.training import state as states
from brgm_tf.training.config import DISCRIMINATORS, TrainingConfig
from brgm_tf.training.step import Step, build

SIZES = {
    "resolution": 8,
    "channels": 1,
    "z_dim": 4,
    "w_dim": 4,
    "channel_base": 64,
    "channel_max": 8,
    "mapping_depth": 1,
    "batch_size": 8,
    "ada_start": 0.5,
    # With a path penalty the generator is updated twice, so the second update would use noise, and
    # the backends draw different noise.
    "path_weight": 0.0,
}


def after_one_step(discriminator):
    config = TrainingConfig(discriminator=discriminator, **SIZES)
    networks = build(config, features=tiny_features)
    state = states.to_tensors(states.initial(*networks, strength=config.ada_start))
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
    return states.to_arrays(Step(networks, config, jit=False)(state, images, step=0))


def after_one_step_of_each():
    return {
        f"{discriminator}/{key}": value
        for discriminator in DISCRIMINATORS
        for key, value in after_one_step(discriminator).items()
    }


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_a_step_on_jax_equals_a_step_on_tensorflow(tmp_path):
    code = (
        "import numpy, test_jax as test;"
        f"numpy.savez({str(tmp_path / 'jax.npz')!r}, **test.after_one_step_of_each())"
    )
    tests = Path(__file__).parents[1]
    folders = [str(path) for path in (Path(__file__).parent, tests / "helpers", tests.parent)]
    path = os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    expected = after_one_step_of_each()
    with np.load(tmp_path / "jax.npz") as jax:
        assert set(jax.files) == set(expected)
        for key in expected:
            # The first step of Adam depends on the sign of the gradient alone, so rounding errors
            # of small gradients change weights. Squared gradients and losses are compared instead.
            if key.split("/")[1] in ("generator", "discriminator", "ema"):
                continue
            if key.endswith("noise_strength"):
                continue
            scale = np.abs(expected[key]).max() + 1e-12
            np.testing.assert_allclose(jax[key], expected[key], atol=1e-2 * scale, err_msg=key)
