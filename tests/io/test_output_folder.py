"""The folder of a run is created and checked, and files are written completely or not at all."""

import os

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.io import output_folder


def test_the_folder_is_created_with_its_parents_and_stays_empty(tmp_path):
    folder = output_folder.check_writable(tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b"
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_path_of_a_file_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^`output_dir` must be a folder that can be written"):
        output_folder.check_writable(tmp_path / name)


@pytest.mark.parametrize("name", ["", "a\0b", "/proc/no_such_folder"])
def test_an_error_names_the_argument_of_the_user(name):
    with pytest.raises(InputError, match=r"^`cache_dir` must") as caught:
        output_folder.check_writable(name, argument="cache_dir")
    assert caught.value.argument == "cache_dir"


def test_a_failed_write_preserves_the_old_file_and_leaves_no_temporary_file(tmp_path, monkeypatch):
    path = output_folder.write(tmp_path / "a.txt", b"old")

    def fail(source, target):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match=r"^`output_dir` must .*no space left"):
        output_folder.write(path, b"new")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_temporary_files_of_the_given_names_are_removed(tmp_path):
    others = [tmp_path / "a.txt", tmp_path / ".b.txt.01234567.tmp", tmp_path / ".a.txt.tmp"]
    for path in [tmp_path / ".a.txt.89abcdef.tmp", *others]:
        path.touch()
    output_folder.tidy(tmp_path, ["a.txt"])
    assert set(tmp_path.iterdir()) == set(others)
