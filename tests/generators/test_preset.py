"""Generators saved as folders and loaded again."""

import json

import h5py
import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.generators.preset import load_preset, save_preset
from brgm_tf.generators.stylegan2 import StyleGAN2

TINY = {"z_dim": 4, "w_dim": 4, "channel_base": 32, "channel_max": 4, "mapping_depth": 1}


@pytest.fixture(scope="module")
def generator():
    model = StyleGAN2(8, channels=1, **TINY)
    model.w_avg.assign(np.arange(4.0))
    return model


@pytest.fixture
def folder(generator, tmp_path):
    return save_preset(generator, tmp_path / "preset", about={"kimg": 3})


def change(folder, function):
    with h5py.File(folder / "model.weights.h5", "a") as file:
        function(file)


@pytest.mark.parametrize(("storage", "digits"), [("float32", 0), ("float16", 2**-11)])
def test_a_preset_round_trips(generator, tmp_path, storage, digits):
    read = load_preset(save_preset(generator, tmp_path / "new" / "preset", storage=storage))
    assert read.get_config() == generator.get_config()
    for first, second in zip(generator.weights, read.weights, strict=True):
        assert second.dtype == "float32"
        np.testing.assert_allclose(second, first, rtol=digits, atol=digits * 1e-3)


def test_half_precision_is_stored_as_float16(generator, tmp_path):
    save_preset(generator, tmp_path, storage="float16")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert file["synthesis/b8/conv0/weight"].dtype == np.float16
        assert file["w_avg"].shape == (4,)


def test_arguments_can_be_overridden(folder):
    assert load_preset(folder, dtype="float64").w_avg.dtype == "float64"


def test_the_config_describes_the_generator(folder):
    text = json.loads((folder / "config.json").read_text())
    assert (text["class_name"], text["about"]) == ("StyleGAN2", {"kimg": 3})


def test_a_weight_too_large_for_half_precision_is_refused(tmp_path):
    model = StyleGAN2(8, channels=1, **TINY)
    model.w_avg.assign(np.full(4, 1e5))
    with pytest.raises(InputError, match="`storage` must be float32"):
        save_preset(model, tmp_path, storage="float16")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda file: file.pop("w_avg"), r"missing=\['w_avg'\]"),
        (lambda file: file.create_dataset("more", data=1.0), r"extra=\['more'\]"),
    ],
)
def test_missing_and_extra_weights_are_named(folder, damage, expected):
    change(folder, damage)
    with pytest.raises(InputError, match=expected):
        load_preset(folder)


def test_a_weight_of_another_shape_is_named(folder):
    def damage(file):
        del file["w_avg"]
        file.create_dataset("w_avg", data=np.zeros(5))

    change(folder, damage)
    with pytest.raises(InputError, match=r"w_avg has another.*\(4,\).*\(5,\)"):
        load_preset(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"class_name": "No", "config": {}}'])
def test_a_damaged_config_is_refused_in_one_line(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"`generator` must have a usable config\.json") as error:
        load_preset(folder)
    assert "\n" not in str(error.value)


def test_an_unknown_argument_in_the_config_is_refused(folder):
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"z_dim"', '"zdim"'))
    with pytest.raises(InputError, match="zdim"):
        load_preset(folder)


def test_damaged_weights_are_refused(folder):
    (folder / "model.weights.h5").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"usable model\.weights\.h5"):
        load_preset(folder)


def test_a_folder_without_a_preset_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"must be a folder with config\.json"):
        load_preset(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("channel_max", 10**9),
        ("mapping_depth", 10**9),
        ("mapping_depth", "8"),
        ("w_dim", 10**9),
        ("resolution", [8]),
        ("name", "a/b:c"),
    ],
)
def test_a_config_of_another_network_is_refused_before_the_network_is_built(folder, key, value):
    text = json.loads((folder / "config.json").read_text())
    text["config"] |= {key: value, "channel_base": 10**12 if key == "channel_max" else 32}
    (folder / "config.json").write_text(json.dumps(text))
    with pytest.raises(InputError, match="`generator` must have") as error:
        load_preset(folder)
    assert "\n" not in str(error.value)


def test_a_deeply_nested_config_is_refused(folder):
    (folder / "config.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="`generator` must have"):
        load_preset(folder)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: file.create_dataset("x", (10**12,), "f4", chunks=(1000,)), "in pieces"),
        (lambda file: file.create_dataset("x", (10**12,), "f4"), "more data than the size"),
        (lambda file: file.create_dataset("x", data=np.zeros(9), compression="gzip"), "in pieces"),
        (lambda file: file.create_dataset("x", data=b"text"), "other things than real numbers"),
        (lambda file: file.create_dataset("x", data=np.zeros(3, "i4")), "other things than real"),
    ],
)
def test_data_sets_other_than_plain_numbers_are_refused(folder, make, words):
    change(folder, make)
    with pytest.raises(InputError, match=words):
        load_preset(folder)


def test_links_to_other_files_are_not_followed(folder, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["w"] = np.zeros(4)

    def link(file):
        del file["w_avg"]
        file["w_avg"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "w")

    change(folder, link)
    with pytest.raises(InputError, match=r"missing=\['w_avg'\]"):
        load_preset(folder)
