"""VGG16 in files of users: identified, loaded, and refused tensor by tensor."""

import numpy as np
import pytest
import vgg16_files as build

from brgm_tf.core.errors import InputError
from brgm_tf.perceptual.loading import (
    PERCEPTUAL_WEIGHTS,
    check_perceptual,
    load_perceptual,
    read_perceptual,
)
from brgm_tf.weights import fetching
from brgm_tf.weights.formats import vgg16

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@pytest.fixture
def arrays(monkeypatch):
    """Returns the arrays of a narrow VGG16, because the real one takes 59 MB in every file."""
    assert vgg16._WIDTHS == build.WIDTHS
    for module, name in ((vgg16, "_WIDTHS"), (build, "WIDTHS")):
        monkeypatch.setattr(module, name, (8, 8, 12, 16, 16))
    return build.random_arrays()


@pytest.fixture
def read(tmp_path):
    """Returns a function that loads the bytes of a file."""

    def read_bytes(data):
        path = tmp_path / "network"
        path.write_bytes(data)
        return vgg16.read(path)

    return read_bytes


@pytest.fixture
def refused(read):
    """Returns a function that returns the refusal of the bytes of a file, which has one line."""

    def message(data):
        with pytest.raises(InputError) as caught:
            read(data)
        assert str(caught.value).startswith("`perceptual` ")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message


def check_equal(network, arrays):
    for name in arrays:
        np.testing.assert_array_equal(network.arrays[name], arrays[name], err_msg=name)


def without_heads(arrays):
    return {name: array for name, array in arrays.items() if "head" not in name}


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_state_dict_of_torchvision_is_loaded(arrays, read, form):
    network = read(build.state_dict(build.torchvision(arrays), form=form))
    assert network.origin == "torchvision's VGG16"
    assert network.fits_heads
    assert "head0" not in network.arrays
    check_equal(network, without_heads(arrays))
    mean, deviation = np.array(IMAGENET)
    np.testing.assert_allclose(network.arrays["shift"], 2 * mean - 1, rtol=1e-6)
    np.testing.assert_allclose(network.arrays["scale"], 2 * deviation, rtol=1e-6)


@pytest.mark.parametrize("constants", [[], [255 * np.array(IMAGENET[0]), [0.5, 2.0]], IMAGENET])
def test_the_script_of_nvidia_is_loaded_with_its_heads(arrays, read, constants):
    network = read(build.script(build.nvidia(arrays), constants=constants))
    assert network.origin == "NVIDIA's VGG16"
    check_equal(network, arrays)


def test_a_script_with_other_preprocessing_is_refused(arrays, refused):
    message = refused(build.script(build.nvidia(arrays), constants=[[103.9, 116.8, 123.7]]))
    assert "must take colours as NVIDIA's VGG16 does" in message
    assert "CONSTANTS.c0" in message


@pytest.mark.parametrize(
    "names", [("{}_W_1:0", "{}_b_1:0"), ("{}/kernel:0", "{}/bias:0")], ids=["old", "new"]
)
@pytest.mark.parametrize("classifier", [False, True])
def test_a_file_of_keras_applications_is_loaded(arrays, tmp_path, names, classifier):
    path = build.keras(tmp_path / "x", arrays, names=names, classifier=classifier)
    network = vgg16.read(path)
    assert network.origin == "Keras Applications' VGG16"
    assert not network.fits_heads
    check_equal(network, without_heads(arrays))
    # Colours in [0, 255] minus the means of Caffe.
    mean = np.array([123.68, 116.779, 103.939])
    colours = np.array([10.0, 100.0, 250.0])
    scaled = (colours / 127.5 - 1 - network.arrays["shift"]) / network.arrays["scale"]
    np.testing.assert_allclose(scaled, colours - mean, atol=1e-4)


def faulty(arrays, change):
    tensors = build.torchvision(arrays)
    change(tensors)
    return build.state_dict(tensors)


def test_a_missing_tensor_is_named(arrays, refused):
    message = refused(faulty(arrays, lambda tensors: tensors.pop("features.12.bias")))
    assert "missing=['features.12.bias']" in message


def test_an_extra_tensor_is_named(arrays, refused):
    change = {"features.1.running_mean": np.zeros(64)}
    message = refused(faulty(arrays, lambda tensors: tensors.update(change)))
    assert "extra=['features.1.running_mean']" in message


def test_a_tensor_of_a_wrong_shape_is_named(arrays, refused):
    change = {"features.0.bias": np.zeros(32)}
    message = refused(faulty(arrays, lambda tensors: tensors.update(change)))
    assert "features.0.bias: (32,) instead of (8,)" in message


def test_values_that_are_not_finite_are_named(arrays, refused):
    change = {"classifier.0.bias": np.full(4, np.nan)}
    message = refused(faulty(arrays, lambda tensors: tensors.update(change)))
    assert "must have finite numbers only" in message
    assert "classifier.0.bias" in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (build.state_dict({"conv.weight": np.zeros(2)}), "tensors=['conv.weight']"),
        (b"<!doctype html>", "this is an HTML page"),
        (b"PK\x05\x06" + bytes(18), "this is of kind zip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "must be a whole file"),
    ],
)
def test_the_error_for_another_file_lists_supported_files(refused, data, words):
    assert words in refused(data)


def test_a_compressed_file_of_keras_is_refused(arrays, tmp_path):
    path = build.keras(tmp_path / "x", arrays, compression="gzip", compression_opts=1)
    with pytest.raises(InputError, match="in pieces, compressed or elsewhere"):
        vgg16.read(path)


def test_a_missing_file_is_refused_before_reading(tmp_path):
    with pytest.raises(InputError, match=r"`perceptual` must be a file, an https:// or gs://"):
        check_perceptual(tmp_path / "none.pth")


@pytest.mark.weights
def test_heads_of_the_lpips_package_equal_the_packaged_weights():
    heads = vgg16.read_heads(fetching.fetch("lpips-heads") / "vgg.pth")
    packaged = read_perceptual(PERCEPTUAL_WEIGHTS).arrays
    assert sorted(heads) == [f"head{i}" for i in range(5)]
    for name, head in heads.items():
        np.testing.assert_array_equal(head, packaged[name])


@pytest.mark.weights
def test_a_file_of_torchvision_gives_the_packaged_distance(tmp_path):
    packaged = load_perceptual()
    arrays = read_perceptual(PERCEPTUAL_WEIGHTS).arrays
    path = tmp_path / "vgg16.pth"
    path.write_bytes(build.state_dict(build.torchvision(arrays)))
    loaded = load_perceptual(path)
    assert load_perceptual(loaded) is loaded
    x, y = np.random.RandomState(0).uniform(-1, 1, (2, 1, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(loaded(x, y), packaged(x, y), rtol=1e-5)


@pytest.mark.weights
def test_distances_of_the_keras_network_are_reported_to_differ_from_lpips(tmp_path):
    lines = []
    path = build.keras(tmp_path / "x.h5", build.random_arrays())
    distance = load_perceptual(path, progress=lines.append)
    assert lines[-1].endswith("its distances differ from LPIPS")
    x = np.random.RandomState(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    # The input of the network is scaled by 1 / scale = 127.5.
    np.testing.assert_allclose(distance._scale, 1 / 127.5, rtol=1e-6)
    assert distance(x, x).numpy() == 0
