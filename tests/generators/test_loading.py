"""Generators by name, path and address, and their description without TensorFlow."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from file_server import serving

from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import (
    check_generator,
    describe_generator,
    list_generators,
    load_generator,
    origin_of,
)
from brgm_tf.generators.preset import save_preset
from brgm_tf.generators.saved_model import export
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.weights import catalogue
from brgm_tf.weights.catalogue import GENERATORS, GeneratorRow

ROOT = Path(__file__).parents[2]
CHECKPOINTS = Path(__file__).parents[1] / "golden" / "checkpoints"
PICKLE = CHECKPOINTS / "tf1_skip.pkl"
SHA256 = hashlib.sha256(PICKLE.read_bytes()).hexdigest()
TINY = {"z_dim": 4, "w_dim": 6, "channel_base": 32, "channel_max": 4, "mapping_depth": 1}


@pytest.fixture(scope="module")
def network():
    return StyleGAN2(8, channels=1, **TINY)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(cache, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        server.files["/net.pkl"] = PICKLE.read_bytes()
        yield server


def refusal(handle, function=load_generator):
    with pytest.raises(InputError) as caught:
        function(handle)
    message = str(caught.value)
    assert message.startswith("`generator` ")
    assert "\n" not in message
    return message


def test_a_generator_object_is_returned_unchanged(network):
    assert load_generator(network) is network
    row = describe_generator(network)
    assert (row.resolution, row.channels) == (8, 1)


@pytest.mark.parametrize(
    ("file", "size"),
    [("tf1_skip.pkl", 16), ("ada_half.pkl", 16), ("rosinality_zip.pt", 16)],
)
def test_a_checkpoint_is_described_and_loaded(file, size):
    row = describe_generator(CHECKPOINTS / file)
    generator = load_generator(str(CHECKPOINTS / file))
    assert (row.resolution, row.channels) == (generator.resolution, generator.channels)
    assert generator.resolution == size


def test_a_preset_and_a_saved_model_are_described_and_loaded(network, tmp_path):
    ws = np.random.RandomState(0).randn(2, network.num_ws, 6).astype("float32")
    for folder in (save_preset(network, tmp_path / "a"), export(network, tmp_path / "b")):
        row = describe_generator(folder)
        assert (row.resolution, row.channels) == (8, 1)
        images = load_generator(folder).synthesis(ws)
        np.testing.assert_allclose(images, network.synthesis(ws), atol=1e-5)


def test_a_description_imports_no_heavy_library(network, tmp_path):
    save_preset(network, tmp_path / "preset")
    export(network, tmp_path / "saved_model")
    code = (
        "import sys\nfrom brgm_tf.generators import loading\n"
        "for handle in sys.argv[1:]: print(loading.describe_generator(handle).resolution)\n"
        "print(sorted({'tensorflow', 'keras', 'h5py'} & set(sys.modules)))"
    )
    handles = [PICKLE, tmp_path / "preset", tmp_path / "saved_model", "ffhq-mobile-1024"]
    out = subprocess.run(
        [sys.executable, "-c", code, *map(str, handles)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert out.split() == ["16", "8", "8", "1024", "[]"]


def test_an_address_with_a_checksum_is_downloaded_once(server):
    handle = f"{server.url('/net.pkl')}#sha256={SHA256}"
    check_generator(handle)
    assert server.ranges == []
    assert describe_generator(handle).resolution == 16
    assert load_generator(handle).resolution == 16
    assert len(server.ranges) == 1


def test_a_named_address_is_fetched_and_described_from_its_file(server, monkeypatch):
    row = GeneratorRow(
        64, None, "", "a test", f"{server.url('/net.pkl')}#sha256={SHA256}", "Free.", tried=False
    )
    monkeypatch.setitem(GENERATORS, "named", row)
    assert describe_generator("named").resolution == 16
    assert load_generator("named").resolution == 16
    assert "checksum" in refusal(f"named#sha256={'0' * 64}")


@pytest.mark.parametrize("function", [check_generator, load_generator])
def test_the_error_for_an_unknown_name_lists_the_known_names(function):
    message = refusal("nobody", function)
    assert "ffhq-mobile-1024, " in message
    assert message.endswith("Received: generator='nobody'")


@pytest.mark.parametrize("handle", [None, 5, b"bytes"])
def test_a_value_that_is_not_a_handle_is_refused(handle):
    assert "must be a handle or a generator" in refusal(handle, check_generator)


def test_a_checksum_for_packaged_weights_is_refused():
    handle = f"ffhq-mobile-1024#sha256={SHA256}"
    assert "must be without a checksum" in refusal(handle, check_generator)


@pytest.mark.parametrize(
    ("name", "contents"),
    [("page.pkl", b"<!doctype html>"), ("cut.pkl", PICKLE.read_bytes()[:2000]), ("no.h5", b"x")],
)
@pytest.mark.parametrize("function", [describe_generator, load_generator])
def test_a_file_that_is_not_a_generator_is_refused(tmp_path, name, contents, function):
    (tmp_path / name).write_bytes(contents)
    refusal(tmp_path / name, function)


@pytest.mark.parametrize("text", ["{", "[]", '{"config": {"resolution": "x", "channels": 1}}'])
def test_a_damaged_config_is_refused(network, tmp_path, text):
    save_preset(network, tmp_path)
    (tmp_path / "config.json").write_text(text)
    assert "usable config.json" in refusal(tmp_path, describe_generator)


def test_bundled_generators_are_listed_by_their_folder_name(network, tmp_path):
    about = {"description": "squares", "licence": "Apache-2.0"}
    save_preset(network, tmp_path / "squares-8", about=about)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.json").write_text("{}")
    rows = catalogue.bundled([tmp_path])
    row = rows.pop("squares-8")
    assert rows == {}
    assert (row.resolution, row.channels, row.help) == (8, 1, "squares")
    assert (row.source, row.licence) == (str(tmp_path / "squares-8"), "Apache-2.0")


def test_a_bundled_generator_is_loaded_by_its_name(network, tmp_path, monkeypatch):
    save_preset(network, tmp_path / "squares-8")
    for name, row in catalogue.bundled([tmp_path]).items():
        monkeypatch.setitem(GENERATORS, name, row)
    assert describe_generator("squares-8").channels == 1
    assert load_generator("squares-8").get_config() == network.get_config()


def test_the_list_states_source_licence_and_cache_status(cache):
    blocks = dict(
        zip(GENERATORS, list_generators().replace("\n    ", "|").splitlines(), strict=True)
    )
    for name, row in GENERATORS.items():
        first, help, origin, licence = blocks[name].split("|")
        assert first.startswith(f"{name}: {row.resolution} x {row.resolution}")
        assert first.rpartition(", ")[2] in ("cached", "not cached", "bundled")
        assert help == row.help
        assert licence
        assert origin.endswith("(not tested)") != row.tried
    assert (
        "https://dl.dropboxusercontent.com/s/gphxjioth6dn5kb/xray.pkl" in blocks["brgm-xray-1024"]
    )
    assert "stylegan2-ffhq-config-f.pkl" in blocks["stylegan2-ffhq-1024"]


def test_the_list_states_whether_an_address_is_cached(server, monkeypatch):
    url = f"{server.url('/net.pkl')}#sha256={SHA256}"
    monkeypatch.setitem(GENERATORS, "named", GeneratorRow(16, 3, "", "a test", url, "Free."))
    assert "named: 16 x 16, RGB, not cached\n" in list_generators()
    describe_generator("named")
    assert "named: 16 x 16, RGB, cached\n" in list_generators()


def test_the_origin_of_a_generator_includes_its_checksum():
    assert origin_of(PICKLE) == {"source": "tf1_skip.pkl", "licence": "", "sha256": SHA256}
    origin = origin_of("ffhq-mobile-1024")
    assert origin["source"] == "random-face==2021.7.21.1"
    assert "Non-commercial" in origin["licence"]


def test_every_row_is_complete():
    for name, row in GENERATORS.items():
        assert bool(row.weights) != bool(row.source and row.licence), name
        assert row.help, name
