"""Checkpoints of the original implementations, compared with the outputs of these implementations.

tools/golden/make_golden_checkpoints.py and ..._tf1.py make tests/golden/checkpoints.
"""

import dataclasses
import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.generators.checkpoints import read_stylegan2
from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.generators.weight_shapes import weight_shapes
from brgm_tf.weights.formats import identify
from brgm_tf.weights.formats.checkpoint import Tensor

FOLDER = Path(__file__).parents[2] / "golden" / "checkpoints"
# Each file with the expected arguments of its network.
FILES = {
    "ada_skip.pkl": {"architecture": "skip", "conv_clamp": None, "mapping_depth": 3},
    "ada_resnet.pkl": {"architecture": "resnet", "conv_clamp": 0.8},
    "ada_orig.pkl": {"architecture": "orig", "resample_filter": [1, 2, 4, 1, 5]},
    "ada_labels.pkl": {"c_dim": 4, "channels": 1, "embedding_width": 3, "mapping_width": 7},
    "ada_swish.pkl": {"activation": "swish", "mapping_activation": "elu", "kernel_size": 5},
    "ada_half.pkl": {"resolution": 16},
    "stylegan3_resnet.pkl": {"architecture": "resnet", "conv_clamp": 0.8},
    "stylegan3_labels.pkl": {"c_dim": 4, "conv_clamp": 256},
    "tf1_skip.pkl": {"resolution": 16, "channel_base": 64, "normalization": "joint"},
    "tf1_resnet.pkl": {"architecture": "resnet"},
    "tf1_orig.pkl": {"architecture": "orig", "resample_filter": [1, 1]},
    "tf1_labels.pkl": {"c_dim": 4, "embedding_width": 6, "normalization": "joint"},
    "tf1_raw.pkl": {"normalization": "none", "mapping_lr_multiplier": 0.1},
    "tf1_ada_labels.pkl": {"c_dim": 4, "embedding_width": 3, "normalization": "separate"},
    "tf1_ada_resnet.pkl": {"architecture": "resnet", "conv_clamp": 0.8},
    "rosinality_zip.pt": {"resolution": 16, "channel_base": 64, "channel_max": 8},
    "rosinality_legacy.pt": {"resolution": 8, "resample_filter": [0.125, 0.375, 0.375, 0.125]},
}
WITHOUT_MEAN = ("ada_swish.pkl", "rosinality_legacy.pt")
# One file of each format.
EXAMPLES = ("ada_skip.pkl", "tf1_skip.pkl", "tf1_ada_labels.pkl", "rosinality_zip.pt")


def expected(file):
    with np.load(FOLDER / Path(file).with_suffix(".npz")) as arrays:
        return dict(arrays)


def difference(actual, reference):
    """Returns the largest difference, relative to the largest value if it exceeds 1."""
    return np.abs(np.asarray(actual) - reference).max() / max(1.0, np.abs(reference).max())


def after_each_block(generator, ws):
    """Returns the features 'x4', 'x8', ... and images 'image4', ... after each block."""
    x = image = None
    start, outputs = 0, {}
    noise = iter(generator._noise("const", batch=len(ws), seed=None))
    for block in generator.synthesis_network.blocks:
        end = start + len(block.convs)
        noises = [next(noise, None) for _ in block.convs]
        x, image = block(x, image, ws[:, start : end + 1], noises=noises)
        resolution = x.shape[1]
        outputs[f"x{resolution}"] = x
        if image is not None:
            outputs[f"image{resolution}"] = image
        start = end
    return outputs


def test_every_file_is_in_the_table():
    assert {path.name for path in FOLDER.glob("*.p*")} == FILES.keys()


@pytest.mark.parametrize("file", FILES)
def test_the_network_equals_the_original(file):
    arrays = expected(file)
    generator = read_stylegan2(FOLDER / file)
    labels = arrays["c"] if generator.c_dim else None
    assert difference(generator.mapping(arrays["z"], labels), arrays["w"]) < 1e-6
    ws = tf.constant(arrays["ws"])
    blocks = after_each_block(generator, ws)
    names = {name for name in arrays if name.startswith(("x", "image")) and name != "image"}
    assert len(names) >= 2
    for name in names:
        assert difference(blocks[name], arrays[name]) < 5e-6, name
    weights = np.random.RandomState(2).randn(*arrays["image"].shape)
    with tf.GradientTape() as tape:
        tape.watch(ws)
        image = generator.synthesis(ws)
        loss = tf.reduce_sum(image * weights.astype("float32"))
    assert difference(image, arrays["image"]) < 5e-6
    error = np.abs(tape.gradient(loss, ws) - arrays["gradient"]).max()
    assert error < 1e-5 * np.abs(arrays["gradient"]).max()
    assert (file in WITHOUT_MEAN) == ("w_avg" not in arrays)
    if "w_avg" in arrays:
        assert np.array_equal(generator.w_avg, arrays["w_avg"])


def test_the_options_equal_the_original_options():
    for file, options in FILES.items():
        config = identify.read(FOLDER / file, argument="generator").config
        assert {name: config[name] for name in options} == options, file


def test_a_missing_mean_latent_is_estimated_from_samples():
    generator = read_stylegan2(FOLDER / "rosinality_legacy.pt")
    assert np.allclose(generator.w_avg, generator.latent_statistics().mean, atol=1e-6)


def test_the_network_of_a_checkpoint_can_be_selected():
    chosen = {
        network: identify.read(FOLDER / "tf1_skip.pkl", argument="generator", network=network)
        for network in identify.NETWORKS
    }
    names = ("dlatent_avg", "synthesis/4x4/Conv/bias")
    for name in names:
        assert not np.array_equal(chosen["G"].arrays[name], chosen["G_ema"].arrays[name])
    # The golden arrays belong to Gs.
    assert np.array_equal(chosen["G_ema"].arrays[names[0]], expected("tf1_skip.pkl")["w_avg"])


@pytest.mark.parametrize("file", ["ada_resnet.pkl", "rosinality_zip.pt"])
def test_a_network_that_is_not_in_the_file_is_refused(file):
    with pytest.raises(InputError, match="`network` must be in the file, which has no G"):
        read_stylegan2(FOLDER / file, network="G")


def test_an_unknown_network_is_refused():
    with pytest.raises(InputError, match="`network` must be one of G_ema, G"):
        read_stylegan2(FOLDER / "ada_skip.pkl", network="D")


@pytest.mark.parametrize("file", EXAMPLES)
def test_the_format_follows_from_the_content(file, tmp_path):
    path = tmp_path / "weights.bin"
    shutil.copy(FOLDER / file, path)
    checkpoint = identify.read(path, argument="generator")
    assert checkpoint.origin == identify.read(FOLDER / file, argument="generator").origin


@functools.cache
def checkpoint_of(file):
    """Returns a checkpoint and the shapes of the weights of its network."""
    checkpoint = identify.read(FOLDER / file, argument="checkpoint")
    return checkpoint, weight_shapes(StyleGAN2Config(**checkpoint.config))


def faulty(file, change):
    """Returns the error for a checkpoint with changed arrays."""
    checkpoint, shapes = checkpoint_of(file)
    arrays = dict(checkpoint.arrays)
    change(arrays)
    checkpoint = dataclasses.replace(checkpoint, arrays=arrays)
    with pytest.raises(InputError) as caught:
        checkpoint.weights(shapes, argument="checkpoint")
    message = str(caught.value)
    assert message.startswith("`checkpoint` must have the tensors of its network")
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("file", EXAMPLES)
def test_a_missing_tensor_is_named(file):
    for name in checkpoint_of(file)[0].arrays:
        if name != "latent_avg":
            assert f"missing=['{name}']" in faulty(file, lambda arrays, n=name: arrays.pop(n))


@pytest.mark.parametrize("file", EXAMPLES)
def test_an_extra_tensor_is_named(file):
    message = faulty(file, lambda arrays: arrays.update(surplus=np.zeros(3)))
    assert "extra=['surplus']" in message


@pytest.mark.parametrize("file", EXAMPLES)
def test_the_error_for_a_wrong_shape_states_both_shapes(file):
    arrays = checkpoint_of(file)[0].arrays
    for name, array in arrays.items():
        message = faulty(file, lambda arrays, n=name: arrays.update({n: arrays[n][None]}))
        assert f"{name}: {(1, *array.shape)} instead of {array.shape}" in message


def test_a_tensor_without_real_numbers_is_named():
    message = faulty("rosinality_zip.pt", lambda a: a.update(latent_avg=np.zeros(5, "int64")))
    assert "wrong_dtype=['latent_avg: int64']" in message


def test_the_error_names_a_few_problems_and_counts_the_rest():
    message = faulty("rosinality_zip.pt", lambda arrays: arrays.clear())
    count = len(checkpoint_of("rosinality_zip.pt")[0].arrays)
    assert f"'... and {count - 5} more'" in message
    assert len(message) < 500


def test_a_tensor_is_transposed_to_keras_axes():
    tensor = Tensor("name", axes=(None, 2, 0, 1), change=lambda array: array + 1)
    ours = np.arange(24.0).reshape(2, 3, 4)
    assert tensor.shape(ours.shape) == (1, 4, 2, 3)
    stored = ours.transpose(2, 0, 1)[None].astype("float16")
    assert np.array_equal(tensor.convert(stored), ours + 1)
    assert tensor.convert(stored).dtype == "float32"
