"""SavedModels: exports in a process without brgm_tf, and models of other projects as priors."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from refusals import refusal

from brgm_tf.core.errors import InputError
from brgm_tf.generators.saved_model import SavedModelGenerator, export
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.pipeline.api import restore
from brgm_tf.weights.formats import saved_model

Z, SIZE = 4, 8
TINY = {"z_dim": Z, "w_dim": 6, "channel_base": 32, "channel_max": 4, "mapping_depth": 1}


@pytest.fixture(scope="module")
def generator():
    return StyleGAN2(SIZE, **TINY)


@pytest.fixture(scope="module")
def folder(generator, tmp_path_factory):
    return export(generator, tmp_path_factory.mktemp("exported") / "model")


def save(folder, functions):
    """Writes a SavedModel with a signature for each (function, shape of its input)."""
    module = tf.Module()
    module.weight = tf.Variable(np.random.RandomState(1).randn(Z, SIZE**2 * 3).astype("float32"))
    signatures = {}
    for name, (function, shape) in functions.items():
        bound = tf.function(lambda x, function=function: {"y": function(module.weight, x)})
        signatures[name] = bound.get_concrete_function(tf.TensorSpec(shape, name="x"))
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


def pictures(weight, z):
    return tf.reshape(tf.tanh(z @ weight), [-1, SIZE, SIZE, 3])


def normal(*shape):
    return np.random.RandomState(2).randn(*shape).astype("float32")


# Exports.

ELSEWHERE = """
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
given = np.load(sys.argv[2])
z, ws = tf.constant(given["z"]), tf.constant(given["ws"])
with tf.GradientTape() as tape:
    tape.watch(ws)
    images = model.signatures["synthesis"](ws=ws)["images"]
    loss = tf.reduce_sum(images**2)
np.savez(
    sys.argv[3], w=model.signatures["mapping"](z=z)["w"], images=images,
    one=model.synthesis(ws[:1])["images"], gradient=tape.gradient(loss, ws),
)
assert not any(name.startswith("brgm_tf") for name in sys.modules)
"""


def test_an_export_works_in_a_process_without_this_package(generator, folder, tmp_path):
    z, ws = normal(3, Z), normal(3, generator.num_ws, generator.w_dim)
    np.savez(tmp_path / "given.npz", z=z, ws=ws)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    arguments = [str(folder), "given.npz", "made.npz"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", ELSEWHERE, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "made.npz") as outputs:
        images = generator.synthesis(ws).numpy()
        np.testing.assert_allclose(outputs["w"], generator.mapping(z), atol=1e-6)
        np.testing.assert_allclose(outputs["images"], images, atol=1e-5)
        np.testing.assert_allclose(outputs["one"], images[:1], atol=1e-5)
        assert (np.abs(outputs["gradient"]).max(axis=2) > 0).all()


def test_an_export_is_loaded_as_the_same_generator(generator, folder):
    again = SavedModelGenerator(folder)
    for name in ("resolution", "channels", "num_ws", "w_dim", "z_dim"):
        assert getattr(again, name) == getattr(generator, name)
    z, ws = normal(2, Z), normal(2, generator.num_ws, generator.w_dim)
    np.testing.assert_allclose(again.mapping(z), generator.mapping(z), atol=1e-6)
    np.testing.assert_allclose(again.synthesis(ws), generator.synthesis(ws), atol=1e-5)


def test_a_saved_model_cannot_be_exported_again(folder, tmp_path):
    with pytest.raises(InputError, match="must not be a SavedModel already"):
        export(SavedModelGenerator(folder), tmp_path / "again")


# Signatures, read without TensorFlow.


def test_signatures_equal_those_of_tensorflow(folder):
    signatures = saved_model.signatures(folder, argument="generator")
    loaded = tf.saved_model.load(str(folder)).signatures
    assert signatures.keys() == loaded.keys()
    for name, signature in loaded.items():
        inputs = signature.structured_input_signature[1]
        assert signatures[name].inputs == {key: tuple(spec.shape) for key, spec in inputs.items()}
        outputs = signature.structured_outputs
        assert signatures[name].outputs == {key: tuple(spec.shape) for key, spec in outputs.items()}


def test_a_damaged_file_is_parsed_or_refused(folder, tmp_path):
    data = (folder / "saved_model.pb").read_bytes()
    whole = saved_model.signatures(folder, argument="generator")
    random = np.random.RandomState(0)
    refused = 0
    for _ in range(100):
        changed = bytearray(data[: random.randint(1, len(data))])
        changed[random.randint(len(changed))] ^= 1 << random.randint(8)
        (tmp_path / "saved_model.pb").write_bytes(changed)
        try:
            signatures = saved_model.signatures(tmp_path, argument="generator")
            assert signatures.keys() <= whole.keys()
        except InputError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((None, 8, 8, 3), (8, 3)),
        ((None, 1, 16, 16), (16, 1)),
        ((None, 8, 16, 3), None),
        ((None, None, None, 3), None),
        ((None, 8, 8, 4), None),
        ((None, 192), None),
        (None, None),
    ],
)
def test_the_image_size_follows_from_the_shape_if_possible(shape, size):
    assert saved_model.image_size(shape) == size


# Models of other projects.


def test_a_mapping_and_a_synthesis_of_one_latent_are_a_prior(tmp_path):
    save(
        tmp_path,
        {"mapping": (lambda _, z: z + 1, [None, Z]), "synthesis": (pictures, [None, Z])},
    )
    generator = SavedModelGenerator(tmp_path)
    assert (generator.num_ws, generator.w_dim, generator.resolution) == (1, Z, SIZE)
    assert np.array_equal(generator.mapping(np.zeros((2, Z))), np.ones((2, Z)))


def test_a_mapping_that_repeats_w_for_each_layer_returns_it_once(tmp_path):
    functions = {
        "mapping": (lambda _, z: tf.repeat(z[:, None], 3, axis=1), [None, Z]),
        "synthesis": (lambda weight, ws: pictures(weight, ws[:, 0] - ws[:, 2]), [None, 3, Z]),
    }
    generator = SavedModelGenerator(save(tmp_path, functions))
    assert generator.num_ws == 3
    z = normal(2, Z)
    assert np.array_equal(generator.mapping(z), z)


@pytest.mark.parametrize(
    "function",
    [
        pictures,
        lambda weight, z: (pictures(weight, z) + 1) / 2,
        lambda weight, z: (pictures(weight, z) + 1) * 127.5,
        lambda weight, z: tf.transpose(pictures(weight, z), [0, 3, 1, 2]),
    ],
    ids=["[-1, 1]", "[0, 1]", "[0, 255]", "channels first"],
)
def test_a_single_signature_is_a_prior_of_any_range_and_axis_order(tmp_path, function):
    generator = SavedModelGenerator(save(tmp_path, {"serving_default": (function, [None, Z])}))
    weight = np.random.RandomState(1).randn(Z, SIZE**2 * 3).astype("float32")
    z = normal(3, Z)
    assert np.array_equal(generator.mapping(z), z)
    np.testing.assert_allclose(generator.synthesis(z[:, None]), pictures(weight, z), atol=1e-5)


def test_an_image_is_restored_with_a_prior_of_one_latent(tmp_path):
    folder = save(tmp_path / "dcgan", {"default": (pictures, [None, Z])})
    target = SavedModelGenerator(folder)(normal(1, Z)).numpy()[0]
    result = restore(
        target, generator=str(folder), num_steps=20, overrides={"perceptual_scale": 0.0}
    )
    assert result.images[0].metrics["residual"] < 20


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        ({"a": (pictures, [None, Z]), "b": (pictures, [None, Z])}, "must be a SavedModel with"),
        ({"mapping": (pictures, [None, Z])}, "must be a SavedModel with"),
        ({"default": (pictures, [1, Z])}, "for any number of z"),
        ({"default": (lambda weight, z: z @ weight, [None, Z])}, "must make square images"),
        ({"default": (lambda w, z: pictures(w, z[:, :Z]), [None, None])}, "say these sizes"),
    ],
)
def test_a_model_that_is_not_a_generator_is_refused(tmp_path, functions, expected):
    assert expected in refusal(SavedModelGenerator, save(tmp_path, functions))


def test_a_folder_without_its_variables_is_refused(folder, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes())
    assert "must be a usable SavedModel" in refusal(SavedModelGenerator, tmp_path)
