"""Names of results depend on the input and the path alone, and differ for different paths."""

import os
from pathlib import Path, PurePath

import pytest

from brgm_tf.io import inputs
from brgm_tf.io.names import make_unique, scheme_of


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def names_of(text):
    return [spec.name for spec in inputs.plan(str(text))]


@pytest.mark.parametrize(
    ("pattern", "files", "names"),
    [
        ("*.png", ["a.png", "b.png"], ["a", "b"]),
        ("*.jpg", ["a.jpg", "b.jpg"], ["a", "b"]),
        ("*", ["a.jpg", "a.png", "b.jpg"], ["a_jpg", "a", "b_jpg"]),
        (".", ["a.jpg", "a.png"], ["a_jpg", "a"]),
        ("a.jpg", ["a.jpg", "a.png"], ["a"]),
        ("*/scan.png", ["A/scan.png", "B/scan.png"], ["A__scan", "B__scan"]),
        ("**/*.png", ["A/x/1.png", "A/1.png", "1.png"], ["1", "A__1", "A__x__1"]),
    ],
)
def test_a_name_is_the_path_below_the_fixed_part_of_the_pattern(tmp_path, pattern, files, names):
    touch(tmp_path, *files)
    assert names_of(tmp_path / pattern) == names


@pytest.mark.parametrize(
    ("pattern", "files", "added"),
    [
        ("sub/*/scan.png", ["sub/A/scan.png", "sub/C/scan.png"], "sub/B/scan.png"),
        (".", ["p.png"], "p.jpg"),
        (".", ["p.jpg"], "p.png"),
        ("**/*", ["A/p.png", "p.png"], "A/A/p.tif"),
        ("**/*.png", ["A__b.png"], "A/b.png"),
        (".", ["p_jpg.png"], "p.jpg"),
    ],
)
def test_an_added_image_renames_no_other_image(tmp_path, pattern, files, added):
    touch(tmp_path, *files)
    before = names_of(tmp_path / pattern)
    touch(tmp_path, added)
    after = names_of(tmp_path / pattern)
    assert set(before) < set(after)
    assert len(set(after)) == len(files) + 1


def test_the_names_of_a_list_do_not_depend_on_its_other_lines(tmp_path):
    touch(tmp_path, "A/scan.png", "B/scan.png")
    (tmp_path / "list.txt").write_text("B/scan.png\n")
    before = names_of(tmp_path / "list.txt")
    (tmp_path / "list.txt").write_text("A/scan.png\nB/scan.png\n")
    assert before == ["B__scan"]
    assert names_of(tmp_path / "list.txt") == ["A__scan", "B__scan"]


def test_a_line_outside_the_folder_of_its_list_has_a_checksum(tmp_path):
    touch(tmp_path, "one/scan.png", "two/scan.png", "lists/x.txt")
    (tmp_path / "lists" / "x.txt").write_text("../one/scan.png\n../two/scan.png\n")
    first, second = names_of(tmp_path / "lists" / "x.txt")
    assert first != second
    assert first.startswith("scan-")
    assert len(first) == len("scan-") + 8


def test_members_of_several_archives_have_the_name_of_their_archive():
    scheme, member = scheme_of("shards/*.tar"), PurePath("0.png")
    names = [scheme.name_of_member(Path(f"shards/{one}.tar"), member) for one in "ab"]
    assert names == ["a__0", "b__0"]


def test_a_suffix_of_two_parts_is_removed():
    assert scheme_of("*").name_of(Path("a.nii.gz"), stem="a_axial4") == "a_axial4"
    assert scheme_of("*").name_of(Path("a.nii"), stem="a_axial4") == "a_axial4_nii"


@pytest.mark.parametrize(
    ("file", "start"),
    [
        ("metrics.csv.png", "metrics.csv-"),
        ("Flags.cfg.png", "Flags.cfg-"),
        ("failures-00001-of-00002.csv.png", "failures-00001-of-00002.csv-"),
        ("state.npz.png", "state.npz-"),
        ("..png", ".-"),
        ("...png", "..-"),
        ("a\\b.png", "a_b-"),
        ("x" * 240 + ".png", "x" * 200 + "-"),
        ("é" * 120 + ".png", "é" * 100 + "-"),
    ],
)
def test_a_name_differs_from_the_files_of_a_run_and_is_a_valid_folder_name(file, start):
    name = scheme_of("*.png").name_of(Path(file))
    assert name.startswith(start)
    assert len(name) == len(start) + 8


def test_equal_names_are_numbered():
    assert make_unique(["p", "q", "P", "p"]) == ["p", "q", "P_2", "p_3"]


def test_numbering_many_equal_names_takes_one_try_for_each():
    tries = []

    class Name(str):
        def __format__(self, spec):
            tries.append(self)
            return str.__format__(self, spec)

    assert len(set(make_unique([Name("p")] * 100))) == 100
    assert len(tries) == 99


def test_undecodable_bytes_of_a_path_are_escaped_with_a_checksum():
    scheme = scheme_of("in/*")
    name = scheme.name_of(Path(os.fsdecode(b"in/\xffa.png")))
    assert name.startswith("_xffa-")
    assert name != scheme.name_of(Path("in/_xffa.png"))
