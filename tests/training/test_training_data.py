"""Images from folders, zip files and data sets, and the order in which they are shown."""

import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.resolution.resampling import box_matrix
from brgm_tf.training import data

SIZE = {"resolution": 8, "channels": 1}


def numbered(count):
    """Returns images [count, 2, 2, 1], each filled with its index."""
    return np.tile(np.arange(count, dtype="uint8")[:, None, None, None], (1, 2, 2, 1))


def shown(count, *, steps, size=3, seed=0, **options):
    images = numbered(count)
    options = {"size": size, "seed": seed, "mirror": False, **options}
    batches = [data.batch(images, step=step, **options) for step in range(steps)]
    return np.concatenate(batches)[:, 0, 0, 0]


@pytest.fixture
def folder(tmp_path):
    """Returns a folder with two images in subfolders, a hidden image and a text file."""
    for i, name in enumerate(["a/first.png", "b/second.png", "b/.hidden.png"]):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (24, 16), 100 + i).save(path)
    (tmp_path / "images" / "notes.txt").write_text("no image")
    return tmp_path / "images"


def test_a_folder_is_read_recursively(folder):
    images = data.load(folder, **SIZE)
    assert (images.shape, images.dtype) == ((2, 8, 8, 1), np.uint8)
    np.testing.assert_array_equal(images[:, 0, 0, 0], [100, 101])


def test_a_zip_file_equals_its_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    images = data.load(tmp_path / "images.zip", **SIZE)
    np.testing.assert_array_equal(images, data.load(folder, **SIZE))


def test_larger_images_are_area_averaged():
    fine = np.random.default_rng(0).integers(0, 256, (16, 16, 3), "uint8")
    image = data.load([fine], resolution=8, channels=3)[0]
    means = fine.reshape(8, 2, 8, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(image, means, atol=0.51)


def test_larger_images_are_area_averaged_at_any_ratio():
    fine = np.random.default_rng(0).integers(0, 256, (12, 12, 1), "uint8")
    matrix = box_matrix(8, factor=1.5)
    means = matrix @ fine[..., 0] @ matrix.T
    image = data.load([fine], resolution=8, channels=1)[0, ..., 0]
    np.testing.assert_allclose(image, means, atol=0.51)


def test_a_tf_dataset_of_bytes_or_floats_is_accepted():
    levels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), "uint8")
    for images in (levels, levels / np.float32(127.5) - 1):
        dataset = tf.data.Dataset.from_tensor_slices(images)
        np.testing.assert_array_equal(data.load(dataset, **SIZE), levels)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nowhere", "must be a folder or a zip file"),
        (".", "must hold images"),
        ([], "must hold images"),
        ([np.zeros((8, 8, 3), "uint8")], "must hold images of 1 channels"),
        ([np.zeros((8, 8), "uint8")], "must hold images"),
        (3, "must be a path or an iterable"),
    ],
)
def test_a_source_without_images_is_refused(tmp_path, monkeypatch, source, expected):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"`data` {expected}"):
        data.load(source, **SIZE)


@pytest.mark.parametrize("image", [np.full((8, 8, 1), 255.0), np.zeros((8, 8, 1), int)])
def test_arrays_of_another_range_or_type_are_refused(image):
    with pytest.raises(InputError, match=r"`data` must hold .*floats in \[-1, 1\]"):
        data.load([image], **SIZE)


def test_floats_that_all_lie_in_the_unit_range_emit_a_warning():
    bright, whole = np.linspace(0, 1, 64).reshape(8, 8, 1), np.linspace(-1, 1, 64).reshape(8, 8, 1)
    data.load([bright, whole], **SIZE)
    with pytest.warns(UserWarning, match=r"`data` lie in \[0, 1\]"):
        data.load([bright, bright], **SIZE)


def test_further_frames_emit_one_warning(folder):
    frames = [Image.new("L", (8, 8), 100), Image.new("L", (8, 8), 200)]
    for name in ("c.tif", "d.tif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="2 of 4 images: Only the first of 2 frames") as caught:
        data.load(folder, **SIZE)
    assert len(caught) == 1


def test_a_damaged_image_is_named(folder):
    (folder / "a" / "first.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"first\.png"):
        data.load(folder, **SIZE)


def test_every_pass_shows_each_image_once_in_a_new_order():
    order = shown(7, steps=7).reshape(3, 7)
    assert [sorted(epoch) for epoch in order] == [list(range(7))] * 3
    assert len({tuple(epoch) for epoch in order}) == 3


def test_the_order_depends_on_the_seed_alone():
    np.testing.assert_array_equal(shown(20, steps=5), shown(20, steps=5))
    assert np.any(shown(20, steps=5) != shown(20, steps=5, seed=1))


def test_a_batch_may_be_larger_than_the_data_set():
    counts = np.bincount(shown(4, steps=1, size=8))
    np.testing.assert_array_equal(counts, [2, 2, 2, 2])


def test_mirror_flips_half_of_the_images():
    image = np.arange(4, dtype="uint8").reshape(1, 1, 4, 1)
    many = np.repeat(image, 400, axis=0)
    batch = data.batch(many, step=0, size=400, seed=0, mirror=True)
    flipped = np.all(batch == image[:, :, ::-1], axis=(1, 2, 3))
    assert np.all(flipped | np.all(batch == image, axis=(1, 2, 3)))
    assert 0.4 < flipped.mean() < 0.6


def test_held_out_images_are_removed():
    remaining = data.without(numbered(5), numbered(5)[[1, 3]])
    np.testing.assert_array_equal(remaining[:, 0, 0, 0], [0, 2, 4])


def test_the_fingerprint_depends_on_the_images_and_their_order():
    assert data.fingerprint(numbered(5)) == data.fingerprint(numbered(5))
    assert data.fingerprint(numbered(5)) != data.fingerprint(numbered(5)[::-1])
