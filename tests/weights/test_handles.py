"""Handles: parsing, and local files for paths, models in TF-Hub's cache and checksums."""

import hashlib
import sys

import pytest
from refusals import refusal

from brgm_tf.weights import handles
from brgm_tf.weights.handles import Handle

MODEL = "https://tfhub.dev/google/progan-128/1"
SHA256 = hashlib.sha256(b"weights").hexdigest()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.pkl"
    path.write_bytes(b"weights")
    return path


@pytest.fixture(autouse=True)
def _no_hub_cache(monkeypatch):
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ffhq-mobile-1024", "path"),
        ("~/nets/a#b.pkl", "path"),
        ("C:/nets/a.pkl", "path"),
        ("https://host/net.pkl", "http"),
        ("https://host/tfhub.dev/net.pkl", "http"),
        ("gs://bucket/net.pkl", "gs"),
        (MODEL, "tfhub"),
        ("https://www.kaggle.com/models/google/progan-128", "tfhub"),
    ],
)
def test_the_kind_of_a_handle_follows_from_its_text(text, kind):
    assert handles.parse(text) == Handle(kind, text)
    assert handles.parse(f"{text}#sha256={SHA256.upper()}") == Handle(kind, text, SHA256)


def test_plain_http_requires_a_checksum():
    assert handles.parse(f"http://host/net.pkl#sha256={SHA256}").kind == "http"
    assert "http:// with #sha256=... only" in refusal(handles.parse, "http://host/net.pkl")


@pytest.mark.parametrize("text", ["ftp://host/net.pkl", "file:///net.pkl", "s3://bucket/net.pkl"])
def test_other_schemes_are_refused(text):
    assert "must be a name, a path, or an address" in refusal(handles.parse, text)


@pytest.mark.parametrize("digits", ["", "12ab", "z" * 64, "0" * 65])
def test_a_checksum_must_have_64_digits(digits):
    assert "64 hexadecimal digits" in refusal(handles.parse, f"net.pkl#sha256={digits}")


def test_a_path_is_resolved(file, monkeypatch):
    assert handles.local_path(handles.parse(file)) == file
    assert handles.local_path(handles.parse(f"{file}#sha256={SHA256}")) == file
    monkeypatch.setenv("HOME", str(file.parent))
    assert handles.local_path(handles.parse("~/net.pkl")) == file


def test_a_missing_path_is_refused(tmp_path):
    assert "must exist" in refusal(handles.local_path, Handle("path", str(tmp_path / "none")))


def test_a_file_with_another_checksum_is_refused(file):
    message = refusal(handles.local_path, Handle("path", str(file), "0" * 64))
    assert SHA256 in message


def test_a_checksum_for_a_folder_is_refused(tmp_path):
    message = refusal(handles.local_path, Handle("path", str(tmp_path), SHA256))
    assert "must be a file because #sha256=... is given" in message


@pytest.mark.parametrize("location", [MODEL, "https://host/any/model/1"])
def test_a_model_in_the_cache_of_tfhub_is_used_without_tfhub(location, tmp_path, monkeypatch):
    folder = tmp_path / hashlib.sha1(location.encode()).hexdigest()
    folder.mkdir()
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tensorflow_hub", None)
    assert handles.local_path(handles.parse(location)) == folder


def test_the_error_without_tfhub_states_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tensorflow_hub", None)
    message = refusal(handles.local_path, handles.parse(MODEL))
    assert "Install brgm_tf[hub], or set TFHUB_CACHE_DIR" in message


def test_a_relative_path_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert handles.make_absolute("tf1_skip.pkl", names=()) == str(tmp_path / "tf1_skip.pkl")
    assert (
        handles.make_absolute(f"tf1_skip.pkl#sha256={'0' * 64}", names=())
        == f"{tmp_path}/tf1_skip.pkl#sha256={'0' * 64}"
    )
    for handle in (
        "ffhq-mobile-1024",
        "vgg16-lpips",
        "https://host/net.pkl",
        "gs://bucket/net.pkl",
    ):
        assert handles.make_absolute(handle, names=("ffhq-mobile-1024", "vgg16-lpips")) == handle
