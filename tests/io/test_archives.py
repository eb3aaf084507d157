"""Pictures in tar archives and TFRecord files, and lists of paths."""

import tarfile

import numpy as np
import pytest
import tensorflow as tf
from example_results import image

from brgm_tf.core.errors import InputError
from brgm_tf.io import images, inputs, listing
from brgm_tf.io.archives import is_archive, list_pictures
from brgm_tf.io.discovery import find_images

EXPECTED = inputs.InputRequirements(
    size=8, resizable=False, resolution=8, mask_resolution=8, channels=1
)


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    images.save_image(path, image(8, 8, 1, seed=seed))
    return path


@pytest.fixture
def folder(tmp_path):
    """Returns a folder with the pictures b, a and deep/c, and a text file."""
    for seed, name in enumerate(("b", "a", "deep/c")):
        picture(tmp_path / "in" / f"{name}.png", seed)
    (tmp_path / "in" / "notes.md").write_text("no picture")
    return tmp_path


@pytest.fixture
def tar(folder):
    with tarfile.open(folder / "x.tar", "w") as archive:
        for name in ("b.png", "notes.md", "a.png", "deep/c.png"):
            archive.add(folder / "in" / name, arcname=name)
    return folder / "x.tar"


def records(path, *values, feature="image/encoded"):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for value in values:
            feature_dict = {feature: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))}
            example = tf.train.Example(features=tf.train.Features(feature=feature_dict))
            writer.write(example.SerializeToString())
    return path


@pytest.fixture
def tfrecord(folder):
    names = ("b", "a", "deep/c")
    return records(
        folder / "x.tfrecord-00003-of-00010",
        *((folder / "in" / f"{name}.png").read_bytes() for name in names),
    )


@pytest.fixture
def listed(folder):
    lines = f"in/b.png\n\n{folder / 'in' / 'a.png'}\nin/deep/c.png\n"
    (folder / "x.txt").write_text(lines)
    return folder / "x.txt"


@pytest.mark.parametrize("kind", ["tar", "tfrecord", "listed"])
def test_pictures_are_planned_in_the_order_of_the_file(request, kind):
    specs = inputs.plan(request.getfixturevalue(kind))
    assert len(specs) == 3
    for seed, spec in enumerate(specs):
        inputs.check(spec, expected=EXPECTED)
        np.testing.assert_array_equal(
            inputs.load(spec, expected=EXPECTED).image, image(8, 8, 1, seed=seed)
        )


def test_members_of_an_archive_have_the_names_of_their_paths(tar):
    assert [spec.name for spec in inputs.plan(tar)] == ["b", "a", "deep__c"]


def test_records_are_named_by_shard_and_index(tfrecord):
    assert [spec.name for spec in inputs.plan(tfrecord)] == [f"x-00003_{i:02}" for i in range(3)]


def test_masks_are_matched_by_the_names_of_members(tar, folder):
    for name in "abc":
        picture(folder / "masks" / f"{name}.png")
    specs = inputs.plan(tar, masks=folder / "masks", needs_masks=True)
    assert [spec.mask.name for spec in specs] == ["b.png", "a.png", "c.png"]


def test_shards_are_selected_by_a_pattern(tfrecord, folder):
    assert find_images(folder / "x.tfrecord-*", suffixes=listing.SUFFIXES) == [tfrecord]


def test_text_files_in_a_folder_of_pictures_are_ignored(folder):
    (folder / "in" / "readme.txt").write_text("no list of paths")
    assert [spec.name for spec in inputs.plan(folder / "in")] == ["a", "b"]


@pytest.mark.parametrize("name", ["a.png", "tar", "a.tar.gz", "records.md"])
def test_other_files_are_not_archives(tmp_path, name):
    assert not is_archive(tmp_path / name)


def test_only_the_missing_file_of_a_list_fails(listed):
    (listed.parent / "in" / "a.png").unlink()
    specs = inputs.plan(listed)
    inputs.check(specs[0], expected=EXPECTED)
    with pytest.raises(InputError, match="Nothing was found"):
        inputs.check(specs[1], expected=EXPECTED)


def test_the_error_for_a_damaged_picture_names_the_archive(folder):
    (folder / "in" / "a.png").write_bytes(b"no picture")
    with tarfile.open(folder / "x.tar", "w") as archive:
        archive.add(folder / "in" / "a.png", arcname="a.png")
    (spec,) = inputs.plan(folder / "x.tar")
    with pytest.raises(InputError, match=r"image file that can be read.*x\.tar: a\.png"):
        inputs.check(spec, expected=EXPECTED)


def test_the_error_for_a_record_without_a_picture_lists_its_features(tmp_path):
    path = records(tmp_path / "x.tfrecord", b"1", feature="label")
    (spec,) = inputs.plan(path)
    with pytest.raises(InputError, match=r"feature image/encoded.*features='label'"):
        inputs.check(spec, expected=EXPECTED)


@pytest.mark.parametrize(
    ("name", "message"),
    [("x.tar", "not compressed, that can be read. Decompress"), ("x.tfrecord", "TFRecords")],
)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"nothing of the kind, but long enough to be something" * 40)
    with pytest.raises(InputError, match=message):
        list_pictures(tmp_path / name)


def test_the_error_for_a_compressed_archive_states_the_remedy(folder):
    with tarfile.open(folder / "x.tar", "w:gz") as archive:
        archive.add(folder / "in" / "a.png", arcname="a.png")
    with pytest.raises(InputError, match="Decompress it"):
        list_pictures(folder / "x.tar")


def test_a_file_that_ends_inside_a_record_is_refused(tfrecord):
    tfrecord.write_bytes(tfrecord.read_bytes()[:-9])
    with pytest.raises(InputError, match="in the middle of a record"):
        list_pictures(tfrecord)


@pytest.mark.parametrize("name", ["x.txt", "x.tar"])
def test_a_file_without_pictures_is_refused(tmp_path, name):
    if name.endswith("tar"):
        tarfile.open(tmp_path / name, "w").close()
    else:
        (tmp_path / name).write_text("\n")
    with pytest.raises(InputError, match="at least one image"):
        list_pictures(tmp_path / name)


# Lists.


def paths_of(path, data):
    path.write_bytes(data)
    return [entry.name for entry in list_pictures(path)]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_is_read_in_every_encoding(tmp_path, encoding, end):
    text = end.join(["a.png", "", "# a comment", "  b.png  ", "\u00e9.png"])
    assert paths_of(tmp_path / "x.txt", text.encode(encoding)) == ["a.png", "b.png", "\u00e9.png"]


def test_names_in_an_older_encoding_are_read_as_utf_8_file_names_or_bytes(tmp_path):
    picture(tmp_path / "\u00e9.png")
    assert paths_of(tmp_path / "x.txt", "\u00e9.png".encode("cp1252")) == ["\u00e9.png"]
    (tmp_path / "\udce8.png").write_bytes(b"")
    assert paths_of(tmp_path / "x.txt", b"\xe8.png") == ["\udce8.png"]


def test_a_line_with_the_name_of_a_file_is_not_a_comment(tmp_path):
    picture(tmp_path / "#1.png")
    assert paths_of(tmp_path / "x.txt", b"#1.png\n#2.png") == ["#1.png"]


def test_a_list_that_contains_its_name_is_read_once(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "x.txt").write_text("a.png\nx.txt\n")
    assert [spec.name for spec in inputs.plan(tmp_path / "x.txt")] == ["a"]
