"""Layers models of TensorFlow.js: their arrays, and refused files."""

import json

import numpy as np
import pytest
import tfjs_files

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import tfjs


@pytest.fixture
def arrays():
    return tfjs_files.residual_arrays(np.random.default_rng(0))


@pytest.mark.parametrize("shard_size", [7, 100, 10_000])
def test_arrays_may_continue_in_the_next_shard(tmp_path, arrays, shard_size):
    layers = tfjs_files.residual_layers()
    path = tfjs_files.write(tmp_path, layers, arrays, shard_size=shard_size)
    model = tfjs.read(path, argument="baselines")
    assert list(model.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(model.arrays[name], array)
    assert model.config["layers"] == layers


@pytest.mark.parametrize("tail", [b"", b"\0" * 500])
def test_shards_of_another_size_are_refused(tmp_path, arrays, tail):
    path = tfjs_files.write(tmp_path, tfjs_files.residual_layers(), arrays)
    sorted(tmp_path.glob("*.bin"))[-1].write_bytes(tail)
    with pytest.raises(InputError, match="must have shards of the size"):
        tfjs.read(path, argument="baselines")


@pytest.mark.parametrize("changed", [{"format": "graph-model"}, {"modelTopology": {"node": []}}])
def test_another_kind_of_model_is_refused(tmp_path, arrays, changed):
    path = tfjs_files.write(tmp_path, tfjs_files.residual_layers(), arrays, **changed)
    with pytest.raises(InputError, match="must be a functional layers model"):
        tfjs.read(path, argument="baselines")


@pytest.mark.parametrize("changed", [{"dtype": "int32"}, {"quantization": {"dtype": "uint8"}}])
def test_arrays_other_than_float32_are_refused(tmp_path, arrays, changed):
    path = tfjs_files.write(tmp_path, tfjs_files.residual_layers(), arrays)
    model = json.loads(path.read_text())
    model["weightsManifest"][0]["weights"][2].update(changed)
    path.write_text(json.dumps(model))
    with pytest.raises(InputError, match="must hold plain float32 arrays"):
        tfjs.read(path, argument="baselines")
