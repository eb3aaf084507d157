"""The kind of a checkpoint follows from its content."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch_files as build

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import detect

GOLDEN = Path(__file__).parents[2] / "golden"


def kind(path):
    return detect.kind(path, argument="x")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("zip.pt", "torch_zip"),
        ("legacy.pt", "torch_legacy"),
        ("script.pt", "torchscript"),
        ("modules.pkl", "pickle"),
    ],
)
@pytest.mark.parametrize("version", ["1.13.1", "2.13.0"])
def test_files_of_torch_are_distinguished(version, form, expected):
    assert kind(GOLDEN / f"torch-{version}-{form}") == expected


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_any_protocol_is_detected(tmp_path, protocol):
    for tree in ({"a": 1}, [1], (1, 2)):
        (tmp_path / "x").write_bytes(pickle.dumps(tree, protocol))
        assert kind(tmp_path / "x") == "pickle"


def test_npz_and_other_archives_are_distinguished(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.ones(2))
    assert kind(tmp_path / "x.npz") == "npz"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    assert kind(tmp_path / "x.zip") == "zip"
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert kind(tmp_path / "empty.zip") == "zip"


def test_an_hdf5_file_is_detected(tmp_path):
    h5py = pytest.importorskip("h5py")
    h5py.File(tmp_path / "x.h5", "w").close()
    assert kind(tmp_path / "x.h5") == "hdf5"


def test_the_kind_of_a_folder_follows_from_its_files(tmp_path):
    assert kind(tmp_path) == "unknown"
    assert "folder without" in detect.describe(tmp_path, argument="x")
    (tmp_path / "saved_model.pb").touch()
    assert kind(tmp_path) == "saved_model"
    (tmp_path / "config.json").touch()
    (tmp_path / "model.weights.h5").touch()
    assert kind(tmp_path) == "preset"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\n <html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "Git LFS"),
        (b"\x1f\x8b\x08\0\0\0", "gzip"),
        (b"\x89PNG\r\n", "PNG"),
        (b'\x08\0\0\0\0\0\0\0{"__metadata__"', "safetensors"),
        (b"weights".ljust(257, b"\0") + b"ustar\x0000", "tar archive"),
        (b"\x01\x02\x03", "01 02 03"),
        (b"(no end", "28 6e"),
    ],
)
def test_other_files_are_described_in_words(tmp_path, data, words):
    (tmp_path / "x").write_bytes(data)
    assert kind(tmp_path / "x") == "unknown"
    assert words in detect.describe(tmp_path / "x", argument="x")


def test_the_name_of_a_file_does_not_matter(tmp_path):
    (tmp_path / "x.pt").write_bytes(pickle.dumps({}))
    assert kind(tmp_path / "x.pt") == "pickle"


def test_a_truncated_archive_is_an_error(tmp_path):
    whole = build.zipped(build.storage("0", 6), {"0": bytes(24)})
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="whole file"):
        kind(tmp_path / "x")


def test_a_missing_and_an_empty_file_are_errors(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        kind(tmp_path / "missing")
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="empty"):
        kind(tmp_path / "empty")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="device"):
        kind(tmp_path / "pipe")
