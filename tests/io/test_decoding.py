"""Decoding of pictures: properties of files that are used, and properties that are reported."""

import numpy as np
import pytest
from PIL import Image

from brgm_tf.io import images
from brgm_tf.io.decoding import decode
from brgm_tf.io.pictures import PictureArray, PictureFile


def frames(path, count, **options):
    pictures = [Image.new("RGB", (4, 4), (40 * i + 40,) * 3) for i in range(count)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
    return path


# Frames.


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.png", "a.tif"])
def test_further_frames_are_reported(tmp_path, name):
    path = frames(tmp_path / name, 3)
    (note,) = decode(path).notes
    assert note == "Only the first of 3 frames or pages is read; save the others as files"
    np.testing.assert_allclose(decode(path).levels, 40, atol=2)


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.png", "a.tif"])
def test_a_single_frame_is_not_reported(tmp_path, name):
    assert decode(frames(tmp_path / name, 1)).notes == ()


def test_the_first_of_several_frames_is_rotated_upright(tmp_path):
    stored = np.zeros((4, 8), np.uint8)
    stored[:2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(stored)
    picture.save(tmp_path / "a.tif", exif=exif, save_all=True, append_images=[picture])
    decoded = decode(tmp_path / "a.tif")
    np.testing.assert_array_equal(decoded.levels[..., 0], np.rot90(stored, 3))
    assert len(decoded.notes) == 1


def test_the_selected_frame_of_an_opened_picture_is_read(tmp_path):
    with Image.open(frames(tmp_path / "a.tif", 3)) as picture:
        picture.seek(1)
        decoded = decode(picture)
    np.testing.assert_array_equal(decoded.levels, 80)
    assert decoded.notes == ()


def test_previews_of_a_photograph_are_not_frames(tmp_path):
    path = frames(tmp_path / "a.jpg", 2, format="MPO")
    with Image.open(path) as picture:
        assert picture.n_frames == 2
    assert decode(path).notes == ()


# Samples.


def test_a_transparent_grey_of_16_bits_is_white(tmp_path):
    deep = np.array([[0, 257, 65535]], np.uint16)
    path = tmp_path / "a.png"
    Image.fromarray(deep).save(path, transparency=257)
    np.testing.assert_array_equal(decode(path).levels[0, :, 0], [0, 255, 255])


def test_a_float_picture_with_white_as_zero_is_inverted(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(np.array([[0, 1]], np.float32)).save(path, tiffinfo={262: 0})
    np.testing.assert_array_equal(decode(path).levels[0, :, 0], [255, 0])


@pytest.mark.parametrize("name", ["a.jpe", "a.jfif", "a.pgm", "a.pnm", "a.jp2", "a.avif", "a.qoi"])
def test_further_formats_are_read(tmp_path, name):
    values = np.tile(np.linspace(20, 230, 32).astype(np.uint8), (32, 1))
    picture = Image.fromarray(values)
    picture = picture if name.endswith(("pgm", "pnm", "jp2")) else picture.convert("RGB")
    picture.save(tmp_path / name)
    np.testing.assert_allclose(
        images.load_image(tmp_path / name, channels=1)[..., 0], values / 127.5 - 1, atol=0.05
    )


def test_deep_greys_of_pgm_are_scaled_by_their_maximum(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 2 1 4095 " + np.array([4095, 1000], ">u2").tobytes())
    np.testing.assert_allclose(decode(path).levels[0, :, 0], [255, 1000 / 4095 * 255], atol=0.01)


# Nearly black pictures.


@pytest.mark.parametrize(
    ("values", "level"),
    [(np.array([[0, 1]], np.uint8), "1"), (np.array([[0, 4095]], np.uint16), "15.9")],
)
def test_samples_that_use_a_small_part_of_their_range_are_reported(tmp_path, values, level):
    path = tmp_path / "a.png"
    Image.fromarray(values).save(path)
    (note,) = PictureFile(path).load(channels=1).notes
    assert note.startswith(f"The brightest grey level is {level} of 255")


def test_arrays_of_zeros_and_ones_are_reported():
    values = np.array([[[0], [1]]], np.uint8)
    assert len(PictureArray(values).load(channels=1).notes) == 1
    assert PictureArray(values * 255).load(channels=1).notes == ()
