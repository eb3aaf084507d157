"""Which files a path, folder, glob or handle stands for, and what their results are called."""

import time
from pathlib import Path

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.io import discovery


def test_a_folder_gives_its_images_sorted_by_name(tmp_path):
    for name in ("b.png", "a.JPG", "c.txt", "._b.png", "d.tiff"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner.png").mkdir()
    found = discovery.find_images(tmp_path)
    assert [path.name for path in found] == ["a.JPG", "b.png", "d.tiff"]


def test_a_file_with_any_suffix_is_taken(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(b"")
    assert discovery.find_images(str(path)) == [path]


def test_a_glob_gives_the_images_that_match(tmp_path):
    for name in ("a1.png", "a2.png", "b1.png", "a3.txt"):
        (tmp_path / name).write_bytes(b"")
    found = discovery.find_images(f"{tmp_path}/a*")
    assert [path.name for path in found] == ["a1.png", "a2.png"]


def test_brackets_in_the_name_of_a_file_are_not_a_pattern(tmp_path):
    path = tmp_path / "a[1].png"
    path.write_bytes(b"")
    assert discovery.find_images(path) == [path]


def test_the_home_folder_may_be_abbreviated(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.png").write_bytes(b"")
    assert discovery.find_images("~/a.png") == [tmp_path / "a.png"]


@pytest.mark.parametrize(
    "spec", ["", " ", "none.png", "none*.png", "~nobody-here/a.png", "a\0b", "x" * 5000]
)
def test_nothing_found_is_refused(tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="`input`"):
        discovery.find_images(spec)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(InputError, match="`truth` must be a folder with images"):
        discovery.find_images(tmp_path, argument="truth")


def test_an_unknown_example_lists_the_examples():
    with pytest.raises(InputError, match="example:astronaut, ") as caught:
        discovery.find_images("example:nobody")
    assert caught.value.argument == "input"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.png", "b.jpg"], ["a", "b"]),
        (["a.png", "a.jpg", "b.png"], ["a_png", "a_jpg", "b"]),
        (["x/a.png", "y/a.png"], ["a_png", "a_png_2"]),
        (["A.png", "a.jpg"], ["A_png", "a_jpg"]),
        (["a.png", "a.jpg", "a_png.gif"], ["a_png", "a_jpg", "a_png_2"]),
        (["a", "a.png"], ["a", "a_png"]),
    ],
)
def test_output_names_differ(files, names):
    assert discovery.make_unique_names([Path(file) for file in files]) == names


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("metrics.csv.png", "metrics.csv_2"),
        ("Flags.cfg.png", "Flags.cfg_2"),
        ("..png", "._2"),
        ("...png", ".._2"),
        ("a\\b.png", "a_b"),
        ("caf\udce9.png", "caf_xe9"),
    ],
)
def test_an_output_name_is_a_folder_beside_the_runs_own_files(file, name):
    assert discovery.make_unique_names([Path(file)]) == [name]


def test_the_time_to_name_equal_files_is_proportional_to_their_number():
    paths = [Path(f"{i}/scan.png") for i in range(20000)]
    start = time.process_time()
    names = discovery.make_unique_names(paths)
    assert time.process_time() - start < 2
    assert len(set(names)) == 20000
    assert names[:3] == ["scan_png", "scan_png_2", "scan_png_3"]


@pytest.mark.parametrize("suffix", [".jpe", ".jfif", ".pgm", ".ppm", ".jp2", ".avif", ".JFIF"])
def test_a_folder_gives_pictures_of_further_formats(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    assert discovery.find_images(tmp_path) == [path]
