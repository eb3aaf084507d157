"""Downloads from a server that breaks off, has a newer file, or sends another one."""

import hashlib
import threading

import numpy as np
import pytest
import tensorflow as tf
from file_server import serving

from brgm_tf.core import cache
from brgm_tf.core.errors import InputError
from brgm_tf.weights import http

DATA = np.random.RandomState(0).bytes(3 * 2**20 + 5)
SHA256 = hashlib.sha256(DATA).hexdigest()
MILLION = 10**6


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(http, "_PAUSE", 0)
    with serving() as server:
        server.files["/net.pkl"] = DATA
        yield server


def fetch(server, path="/net.pkl", **options):
    return http.fetch(server.url(path), progress=lambda line: None, **options)


def fetch_error(server, path="/net.pkl", **options):
    with pytest.raises(InputError) as caught:
        fetch(server, path, **options)
    message = str(caught.value)
    assert message.startswith("`generator` ")
    assert "\n" not in message
    return message


def partial(server):
    path = http.cached_path(server.url("/net.pkl"))
    return path.with_name(f".{path.name}.part")


def partial_download(server):
    """Leaves the partial file of a download that gives up after a million bytes."""
    server.breaks = [MILLION] + [0] * 4
    fetch_error(server)
    server.ranges.clear()
    return partial(server)


def test_a_file_is_fetched_once(server):
    path = fetch(server, sha256=SHA256)
    assert path.read_bytes() == DATA
    assert path.name.endswith("-net.pkl")
    assert fetch(server) == fetch(server, sha256=SHA256) == path
    assert len(server.ranges) == 1
    assert http.is_cached(server.url("/net.pkl"))


def test_only_the_file_its_checksum_and_its_lock_remain(server):
    path = fetch(server)
    names = {path.name, f"{path.name}.sha256", f".{path.name}.lock"}
    assert {file.name for file in cache.cache_folder().iterdir()} == names


def test_progress_states_the_address_the_size_and_every_tenth(server):
    lines = []
    server.files["/large"] = bytes(20 * 2**20)
    http.fetch(server.url("/large"), progress=lines.append)
    assert lines[0] == f"fetching {server.url('/large')} (20.0 MB)"
    assert [line[:4] for line in lines[1:]] == [f"{10 * i:3d}%" for i in range(1, 11)]


def test_a_broken_download_is_resumed(server):
    server.breaks = [MILLION, 500]
    assert fetch(server).read_bytes() == DATA
    assert server.ranges == [None, f"bytes={MILLION}-", f"bytes={MILLION + 500}-"]


def test_a_download_that_breaks_repeatedly_is_given_up(server):
    server.breaks = [0] * 10
    assert "0 of 3145733 bytes came" in fetch_error(server)
    assert len(server.ranges) == 5


def test_another_run_resumes_a_partial_download(server):
    assert partial_download(server).stat().st_size == MILLION
    assert fetch(server, sha256=SHA256).read_bytes() == DATA
    assert server.ranges == [f"bytes={MILLION}-"]


def test_without_ranges_a_download_starts_again(server):
    partial_download(server)
    server.has_ranges = False
    assert fetch(server).read_bytes() == DATA


def test_a_newer_file_replaces_a_partial_older_file(server):
    partial_download(server)
    server.files["/net.pkl"] = DATA[::-1]
    assert fetch(server).read_bytes() == DATA[::-1]


def test_a_partial_file_larger_than_the_file_is_dropped(server):
    with open(partial_download(server), "ab") as file:
        file.write(bytes(len(DATA)))
    assert fetch(server).read_bytes() == DATA
    assert server.ranges == [f"bytes={MILLION + len(DATA)}-", None]


def test_another_checksum_is_refused_and_leaves_no_file(server):
    message = fetch_error(server, sha256="0" * 64)
    assert "must be the file with the given checksum" in message
    assert SHA256 in message
    assert not http.is_cached(server.url("/net.pkl"))
    assert not partial(server).exists()


def test_a_damaged_file_in_the_cache_is_fetched_again(server):
    path = fetch(server)
    path.write_bytes(DATA[:-1])
    assert fetch(server).read_bytes() == DATA
    assert len(server.ranges) == 2


def test_a_web_page_is_refused(server):
    server.content_type = "text/html; charset=utf-8"
    assert "it is a web page and not a file" in fetch_error(server)
    assert not http.is_cached(server.url("/net.pkl"))


def test_the_error_for_a_missing_file_states_the_remedy(server):
    message = fetch_error(server, "/none.pkl")
    assert "404" in message
    assert "Fetch it by other means and give the path" in message


def test_simultaneous_fetches_download_once(server):
    paths = []
    threads = [threading.Thread(target=lambda: paths.append(fetch(server))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 3
    assert len(server.ranges) == 1


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://host/a/net.pkl?dl=1", "net.pkl"),
        ("https://host/..%2F..%2Fnet.pkl", "net.pkl"),
        ("https://host/a b\\c:d", "a_b_c_d"),
        ("https://host", "file"),
        ("gs://bucket/folder/", "folder"),
    ],
)
def test_the_cache_uses_the_name_of_the_file(address, name, tmp_path, monkeypatch):
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path))
    path = http.cached_path(address)
    assert path.parent == tmp_path
    assert path.name.partition("-")[2] == name


def test_files_with_equal_names_have_separate_cache_entries():
    assert http.cached_path("https://a/net.pkl") != http.cached_path("https://b/net.pkl")


def test_a_folder_is_copied_once_through_gfile(server):
    address = "ram://bucket/model"
    for name in ("saved_model.pb", "variables/data"):
        tf.io.gfile.makedirs(f"{address}/variables")
        with tf.io.gfile.GFile(f"{address}/{name}", "wb") as file:
            file.write(name.encode())
    path = http.copy(address, progress=lambda line: None)
    tf.io.gfile.rmtree(address)
    assert http.copy(address) == path
    assert (path / "variables" / "data").read_bytes() == b"variables/data"
    assert (path / "saved_model.pb").read_bytes() == b"saved_model.pb"


def test_an_unreadable_gfile_address_is_refused_in_one_line(server):
    with pytest.raises(InputError, match="`generator` could not be fetched") as caught:
        http.copy("ram://bucket/none", progress=lambda line: None)
    assert "\n" not in str(caught.value)
    assert not http.is_cached("ram://bucket/none")
