"""Masks: read from files and given as arrays, matched to images, refused in one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import images, masks

KNOWN = [[255, 0], [255, 255]]


def mask_file(folder, known, name="mask.png"):
    Image.fromarray(np.asarray(known, np.uint8)).save(folder / name)
    return folder / name


# Files.


def test_black_is_missing(tmp_path):
    mask = masks.load_mask(mask_file(tmp_path, [[0, 127], [128, 255]]), resolution=2)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, np.array([[True, True], [False, False]])[..., None])


def test_a_transparent_mask_pixel_is_known(tmp_path):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    path = tmp_path / "mask.png"
    picture.resize((2, 2), Image.Resampling.NEAREST).save(path)
    assert masks.load_mask(path, resolution=2)[0, :, 0].tolist() == [True, False]


@pytest.mark.parametrize("resolution", [2, 4, 8, 12])
def test_a_mask_is_resized_to_the_nearest_pixel(tmp_path, resolution):
    known = np.random.default_rng(3).integers(0, 2, (4, 4)) * 255
    mask = masks.load_mask(mask_file(tmp_path, known), resolution=resolution)
    centres = ((np.arange(resolution) + 0.5) * 4 / resolution).astype(int)
    np.testing.assert_array_equal(mask[..., 0], known[np.ix_(centres, centres)] == 0)


def test_a_mask_of_the_image_shape_is_cropped_like_the_image(tmp_path):
    known = np.full((4, 10), 255)
    known[1, 5] = 0
    mask = masks.load_mask(mask_file(tmp_path, known), resolution=4, aspect=(10, 4))
    image = images.fit(images.from_uint8(known[..., None]), resolution=4)
    np.testing.assert_array_equal(mask, image < 0)
    assert mask.sum() == 1


def test_a_scaled_and_rounded_mask_has_the_image_shape(tmp_path):
    known = np.full((33, 50), 255)
    path = mask_file(tmp_path, known)
    assert not masks.load_mask(path, resolution=4, aspect=(1000, 667)).any()


def test_a_square_mask_fits_every_image(tmp_path):
    path = mask_file(tmp_path, [[0, 255], [255, 255]])
    assert masks.load_mask(path, resolution=2, aspect=(30, 10)).sum() == 1


@pytest.mark.parametrize("aspect", [(4, 4), (6, 8), (16, 9)])
def test_a_mask_of_another_shape_is_refused(tmp_path, aspect):
    path = mask_file(tmp_path, np.full((60, 80), 255))
    with pytest.raises(InputError, match=r"`masks` must be square or have the shape.*width=80"):
        masks.load_mask(path, resolution=4, aspect=aspect)


def test_a_mask_may_hide_nothing_but_not_everything(tmp_path):
    with pytest.raises(InputError, match="`masks` must leave a part"):
        masks.load_mask(mask_file(tmp_path, np.zeros((4, 4))), resolution=4)
    assert not masks.load_mask(mask_file(tmp_path, np.full((4, 4), 255)), resolution=4).any()


# Arrays.


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1)])
def test_a_mask_array_gets_one_channel(shape):
    mask = np.random.default_rng(4).random(shape) < 0.5
    checked = masks.check_mask(mask, resolution=4)
    np.testing.assert_array_equal(checked, mask.reshape(4, 4, 1))


def test_equal_channels_of_a_mask_array_become_one():
    mask = np.random.default_rng(4).random((4, 4, 1)) < 0.5
    checked = masks.check_mask(np.repeat(mask, 3, axis=-1), resolution=4)
    np.testing.assert_array_equal(checked, mask)


def test_a_mask_array_that_pillow_made_holds_ones():
    mask = np.asarray(Image.fromarray(np.eye(4) > 0))
    checked = masks.check_mask(mask, resolution=4)
    assert checked.view(np.uint8).max() == 1
    np.testing.assert_array_equal(checked[..., 0], np.eye(4) > 0)


def test_different_channels_of_a_mask_array_are_refused():
    mask = np.zeros((4, 4, 3), bool)
    mask[1, 2, 1] = True
    with pytest.raises(InputError, match="`masks` must be the same in every channel"):
        masks.check_mask(mask, resolution=4)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (3, 4, 4), (4, 4, 0), ()])
def test_a_mask_array_of_another_shape_is_refused(shape):
    with pytest.raises(InputError, match="`masks` must be 4 x 4 pixels"):
        masks.check_mask(np.zeros(shape, bool), resolution=4)


def test_a_mask_array_that_misses_all_is_refused_in_the_words_for_a_file(tmp_path):
    said = []
    for refused in (
        lambda: masks.check_mask(np.ones((4, 4, 1), bool), resolution=4),
        lambda: masks.load_mask(mask_file(tmp_path, np.zeros((4, 4))), resolution=4),
    ):
        with pytest.raises(InputError, match="`masks` must leave a part") as caught:
            refused()
        said.append(str(caught.value).partition("Received")[0])
    assert said[0] == said[1]


# Matching.


def test_one_mask_serves_all_images(tmp_path):
    path = mask_file(tmp_path, KNOWN)
    assert masks.match_masks([Path("a.png"), Path("b.png")], path) == [path, path]


def test_masks_in_a_folder_are_matched_by_stem(tmp_path):
    for name in ("a.png", "b.png", "extra.png"):
        mask_file(tmp_path, KNOWN, name)
    found = masks.match_masks([Path("in/b.jpg"), Path("in/a.tif")], tmp_path)
    assert found == [tmp_path / "b.png", tmp_path / "a.png"]


def test_of_two_masks_with_the_stem_the_same_file_name_wins(tmp_path):
    for name in ("a.png", "a.bmp"):
        mask_file(tmp_path, KNOWN, name)
    assert masks.match_masks([Path("a.bmp")], tmp_path) == [tmp_path / "a.bmp"]
    (error,) = masks.match_masks([Path("a.jpg")], tmp_path)
    assert "for 'a.jpg' there are 2" in str(error)


def test_an_image_without_a_mask_is_named_even_if_the_folder_has_one_file(tmp_path):
    mask_file(tmp_path, KNOWN, "a.png")
    first, error = masks.match_masks([Path("a.png"), Path("b.png")], tmp_path)
    assert first == tmp_path / "a.png"
    assert "'b.png' there are 0" in str(error)
