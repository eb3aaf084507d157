"""Archives of a model: unpacked once, with plain files below the target only."""

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from file_server import serving

from brgm_tf.core import cache
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import describe_generator, load_generator, origin_of
from brgm_tf.generators.preset import save_preset
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.weights import unpacking

PICKLE = Path(__file__).parents[1] / "golden" / "checkpoints" / "tf1_skip.pkl"
MILLION = 10**6


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path / "cache"))


def tar(entries, *, mode="w:gz", **attributes):
    """Returns a tar archive of bytes by name, with attributes that are set on every entry."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zipped(entries, *, mode=0o644 | stat.S_IFREG):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return file.getvalue()


@pytest.fixture
def opened(tmp_path):
    """Returns a function that unpacks the model of an archive in bytes."""

    def model_in(data):
        path = tmp_path / "model.bin"
        path.write_bytes(data)
        return unpacking.unpack_model(path, progress=lambda line: None)

    return model_in


@pytest.fixture
def refused(opened, tmp_path):
    """Returns a function that returns the refusal of an archive and checks that no file remains."""

    def message(data):
        with pytest.raises(InputError) as caught:
            opened(data)
        assert str(caught.value).startswith("`generator` must be a whole archive of one")
        assert "\n" not in str(caught.value)
        left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
        assert {name for name in left if not name.endswith(".lock")} == {"model.bin"}
        return str(caught.value)

    return message


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """Returns the files of a preset of 8 x 8 pixels by name."""
    sizes = {"z_dim": 4, "w_dim": 6, "channel_base": 32, "channel_max": 4, "mapping_depth": 1}
    folder = save_preset(StyleGAN2(8, channels=1, **sizes), tmp_path_factory.mktemp("preset"))
    return {f"models/net/{path.name}": path.read_bytes() for path in folder.iterdir()}


PACKERS = {"tar.gz": tar, "tar": lambda entries: tar(entries, mode="w"), "zip": zipped}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_preset_in_an_archive_is_unpacked_and_cached(preset, opened, pack):
    data = pack(preset)
    folder = opened(data)
    assert folder.name == "net"
    assert cache.cache_folder() in folder.parents
    assert {f"models/net/{path.name}": path.read_bytes() for path in folder.iterdir()} == preset
    written = (folder / "config.json").stat().st_mtime_ns
    assert opened(data) == folder
    assert (folder / "config.json").stat().st_mtime_ns == written


def test_the_only_file_of_an_archive_is_the_model(opened):
    assert opened(zipped({"a/net.pkl": PICKLE.read_bytes()})).name == "net.pkl"


def test_an_archive_at_an_address_is_a_generator(preset, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        server.files["/net.tar.gz"] = tar(preset)
        sum = hashlib.sha256(server.files["/net.tar.gz"]).hexdigest()
        handle = f"{server.url('/net.tar.gz')}#sha256={sum}"
        assert describe_generator(handle).resolution == 8
        assert load_generator(handle).resolution == 8
        assert origin_of(handle)["sha256"] == sum
        assert len(server.ranges) == 1


def test_other_files_are_returned_unchanged(tmp_path):
    assert unpacking.unpack_model(PICKLE) == PICKLE
    assert unpacking.unpack_model(tmp_path) == tmp_path
    torch = PICKLE.with_name("rosinality_zip.pt")
    assert unpacking.unpack_model(torch) == torch
    assert not cache.cache_folder().exists()


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize(
    "name", ["../net.pkl", "/tmp/net.pkl", "a/../../net.pkl", "a\\..\\b", "C:x"]
)
def test_paths_outside_the_target_are_refused(refused, pack, name):
    assert "leads out of it" in refused(pack({"ok.pkl": b"x", name: b"x"}))


@pytest.mark.parametrize(
    "type", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_of_a_tar_are_refused(refused, type):
    assert "a link or a device" in refused(tar({"x": b""}, type=type, linkname="/etc/passwd"))


def test_links_of_a_zip_are_refused(refused):
    assert "a link or a device" in refused(zipped({"x": b"/etc"}, mode=0o777 | stat.S_IFLNK))


@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_decompression_bomb_is_refused(refused, monkeypatch, pack):
    monkeypatch.setattr(unpacking, "_SPARE_BYTES", MILLION)
    assert "far more bytes than the archive" in refused(pack({"x": bytes(10 * MILLION)}))


def test_a_large_header_is_refused(refused):
    comment = {"comment": "x" * 4 * MILLION}
    assert "a header of many bytes" in refused(tar({"x": b"x"}, pax_headers=comment))


def test_too_many_entries_are_refused(refused, monkeypatch):
    monkeypatch.setattr(unpacking, "_MAX_ENTRIES", 9)
    assert "more than 9 entries" in refused(tar({f"{i}": b"" for i in range(10)}))


@pytest.mark.parametrize("pack", [tar, zipped])
def test_duplicate_names_are_refused(refused, pack):
    refused(pack({"x": b"1", "./x": b"2"}))


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_truncated_archive_is_refused(opened, pack):
    data = pack({"net.pkl": np.random.RandomState(0).bytes(10**5)})
    with pytest.raises(InputError, match="must be a whole"):
        opened(data[: len(data) // 2])


@pytest.mark.parametrize("entries", [{}, {"a": b"x", "b": b"x"}])
def test_an_archive_without_exactly_one_model_is_refused(opened, entries):
    with pytest.raises(InputError, match=f"and holds {len(entries)} of them"):
        opened(tar(entries))


def test_a_compressed_file_that_is_not_an_archive_is_refused(refused):
    refused(gzip.compress(b"no archive" * 99))
