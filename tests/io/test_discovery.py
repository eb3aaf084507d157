"""Files that a path, folder, pattern or example name selects."""

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.io import discovery


def test_a_folder_selects_its_images_sorted_by_name(tmp_path):
    for name in ("b.png", "a.JPG", "c.txt", "._b.png", "d.tiff"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner.png").mkdir()
    paths = discovery.find_images(tmp_path)
    assert [path.name for path in paths] == ["a.JPG", "b.png", "d.tiff"]


def test_a_file_with_any_suffix_is_accepted(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(b"")
    assert discovery.find_images(str(path)) == [path]


def test_a_pattern_selects_the_images_that_match(tmp_path):
    for name in ("a1.png", "a2.png", "b1.png", "a3.txt"):
        (tmp_path / name).write_bytes(b"")
    paths = discovery.find_images(f"{tmp_path}/a*")
    assert [path.name for path in paths] == ["a1.png", "a2.png"]


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
def test_a_selection_without_files_is_refused(tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="`input`"):
        discovery.find_images(spec)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(InputError, match="`truth` must be a folder with images"):
        discovery.find_images(tmp_path, argument="truth")


def test_the_error_for_an_unknown_example_lists_the_examples():
    with pytest.raises(InputError, match="example:astronaut, ") as caught:
        discovery.find_images("example:nobody")
    assert caught.value.argument == "input"


@pytest.fixture
def study(tmp_path):
    """Returns a folder with two pictures and a subfolder with the results of one picture."""
    (tmp_path / "out" / "a").mkdir(parents=True)
    for name in ("a.png", "b.png", "out/a/figure.png", "out/a/latents.npz", "out/odd.png"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def relative(paths, folder):
    return [str(path.relative_to(folder)) for path in paths]


def test_files_in_the_output_folder_are_never_inputs(study):
    images = discovery.find_images(f"{study}/**/*.png", output_dir=study / "out")
    assert relative(images, study) == ["a.png", "b.png"]


def test_results_next_to_the_inputs_are_never_inputs(study):
    images = discovery.find_images(f"{study}/out/**/*.png", output_dir=study / "out")
    assert relative(images, study) == ["out/odd.png"]


def test_a_pattern_selects_files_in_another_output_folder(study):
    images = discovery.find_images(f"{study}/**/*.png", output_dir=study / "elsewhere")
    assert len(images) == 4


def test_a_pattern_that_selects_only_results_is_refused(study):
    with pytest.raises(InputError, match="Nothing was found"):
        discovery.find_images(f"{study}/out/a/*.png", output_dir=study / "out")


@pytest.mark.parametrize("suffix", [".jpe", ".jfif", ".pgm", ".ppm", ".jp2", ".avif", ".JFIF"])
def test_a_folder_selects_pictures_of_other_formats(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    assert discovery.find_images(tmp_path) == [path]
