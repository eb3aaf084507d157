"""A training step on JAX, if JAX is installed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from brgm_tf.training import state as states
from brgm_tf.training.config import TrainingConfig
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


def after_one_step():
    config = TrainingConfig(**SIZES)
    networks = build(config)
    state = states.to_tensors(states.initial(*networks, strength=config.ada_start))
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
    return states.to_arrays(Step(networks, config, jit=False)(state, images, step=0))


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_a_step_on_jax_equals_a_step_on_tensorflow(tmp_path):
    code = (
        "import numpy, test_jax as test;"
        f"numpy.savez({str(tmp_path / 'jax.npz')!r}, **test.after_one_step())"
    )
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    path = os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    expected = after_one_step()
    with np.load(tmp_path / "jax.npz") as jax:
        assert set(jax.files) == set(expected)
        for key in expected:
            # The first step of Adam depends on the sign of the gradient alone, so rounding errors
            # of small gradients change weights. Squared gradients and losses are compared instead.
            if key.startswith(("generator/", "discriminator/", "ema/")):
                continue
            if key.endswith("noise_strength"):
                continue
            scale = np.abs(expected[key]).max() + 1e-12
            np.testing.assert_allclose(jax[key], expected[key], atol=1e-2 * scale, err_msg=key)
