"""Masks: read from files and given as arrays, matched to images, refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
from PIL import Image

from brgm_tf import images, masks
from brgm_tf.errors import InputError

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


def test_a_mask_that_misses_all_is_refused_and_none_is_allowed(tmp_path):
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
    with pytest.raises(InputError, match=r"for 'a.jpg' there are 2"):
        masks.match_masks([Path("a.jpg")], tmp_path)


def test_an_image_without_a_mask_is_named_even_if_the_folder_has_one_file(tmp_path):
    mask_file(tmp_path, KNOWN, "a.png")
    with pytest.raises(InputError, match=r"`masks` .*'b.png' there are 0"):
        masks.match_masks([Path("a.png"), Path("b.png")], tmp_path)


# Found in a damaged picture.


def photograph(*, grey=False):
    """Levels [96, 96, C] of a photograph that has no colour in plenty."""
    picture = skimage.data.chelsea()[60:156, 120:216]
    return picture.mean(axis=-1, keepdims=True).round() if grey else picture.astype(float)


def ellipse():
    y, x = np.mgrid[:96, :96]
    return ((y - 40) / 25) ** 2 + ((x - 60) / 17) ** 2 < 1


def damaged(hole, *, fill=255, grey=False):
    picture = photograph(grey=grey)
    picture[hole] = fill
    return picture


@pytest.mark.parametrize("fill", [None, (255,), (255, 255, 255)])
def test_the_hole_of_a_photograph_is_found(fill):
    missing = masks.find_missing(damaged(ellipse()), fill=fill)
    assert missing.dtype == np.bool_
    np.testing.assert_array_equal(missing, ellipse()[..., None])


def test_holes_of_any_shape_are_found_together():
    hole = ellipse()
    hole[80:90, 5:50] = True
    np.fill_diagonal(hole[:60, :60], True)  # a scratch of one pixel's width
    np.testing.assert_array_equal(masks.find_missing(damaged(hole))[..., 0], hole)


def test_the_hole_of_a_grey_picture_is_found():
    missing = masks.find_missing(damaged(ellipse(), fill=0, grey=True), fill=(0,))
    np.testing.assert_array_equal(missing[..., 0], ellipse())


def test_a_coloured_fill_is_that_colour_only():
    picture = damaged(ellipse(), fill=(255, 0, 0))
    picture[:8, :8] = (76, 76, 76)  # the same grey as red
    picture[:8, 20:28] = (255, 0, 1)
    for fill in (None, (255, 0, 0)):
        np.testing.assert_array_equal(masks.find_missing(picture, fill=fill)[..., 0], ellipse())


def test_pixels_of_the_fill_outside_the_hole_are_known():
    picture = damaged(ellipse())
    picture[90, 3::5] = 255  # highlights
    picture[2:5, 2:7] = 255  # 15 pixels: one less than a region
    np.testing.assert_array_equal(masks.find_missing(picture)[..., 0], ellipse())
    picture[5, 2] = 255
    assert masks.find_missing(picture).sum() == ellipse().sum() + 16


def test_a_hole_that_was_compressed_is_found_with_a_tolerance():
    rng = np.random.default_rng(0)
    picture = damaged(ellipse(), fill=0)
    picture[ellipse()] += rng.integers(0, 4, (ellipse().sum(), 3))
    missing = masks.find_missing(picture, fill=(0,), tolerance=3)
    np.testing.assert_array_equal(missing[..., 0], ellipse())


def test_levels_of_floats_are_rounded():
    picture = damaged(ellipse(), fill=200) + np.random.default_rng(0).uniform(-0.01, 0.01)
    np.testing.assert_array_equal(masks.find_missing(picture, fill=(200,))[..., 0], ellipse())


@pytest.mark.parametrize("grey", [True, False])
def test_a_whole_photograph_has_no_hole(grey):
    with pytest.raises(InputError, match="`masks` found no colour that fills holes") as caught:
        masks.find_missing(photograph(grey=grey))
    assert "found(fill=255)" in str(caught.value)


def test_a_small_hole_must_be_named():
    hole = np.zeros((96, 96), bool)
    hole[10:20, 10:20] = True
    with pytest.raises(InputError, match="found no colour"):
        masks.find_missing(damaged(hole))
    np.testing.assert_array_equal(masks.find_missing(damaged(hole), fill=(255,))[..., 0], hole)


def test_of_two_frequent_colours_one_must_be_named():
    picture = damaged(ellipse())
    picture[:, :10] = 0  # a background
    with pytest.raises(InputError, match="several are frequent") as caught:
        masks.find_missing(picture)
    assert "(255, 255, 255)" in str(caught.value)
    assert "(0, 0, 0)" in str(caught.value)
    np.testing.assert_array_equal(masks.find_missing(picture, fill=(255,))[..., 0], ellipse())


def test_pixels_missing_one_by_one_are_refused():
    hole = np.random.default_rng(0).random((96, 96)) < 0.06
    for fill in (None, (255,)):
        with pytest.raises(InputError, match=r"^`masks` found no"):
            masks.find_missing(damaged(hole), fill=fill)


def test_a_colour_is_no_fill_of_a_grey_picture():
    with pytest.raises(InputError, match="must name a grey level"):
        masks.find_missing(photograph(grey=True), fill=(255, 0, 0))


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.42, 0.6, 1])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (50, 70)])
def test_regions_are_scipys(share, size):
    inside = np.random.default_rng(1).random(size) < share
    labels = masks.connected_regions(inside)
    expected, count = scipy.ndimage.label(inside, np.ones((3, 3)))
    np.testing.assert_array_equal(labels > 0, inside)
    pairs = np.unique(np.stack([labels[inside], expected[inside]]), axis=1)
    assert pairs.shape[1] == count == len(np.unique(labels[inside]))


def test_a_region_that_winds_is_one():
    inside = np.zeros((41, 41), bool)
    inside[::2] = True
    inside[1::4, -1] = inside[3::4, 0] = True
    assert len(np.unique(masks.connected_regions(inside))) == 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("found", masks.Found()),
        ("found()", masks.Found()),
        ("found(fill=255)", masks.Found(fill=(255.0,))),
        ("found(fill=(1, 2, 3), tolerance=4)", masks.Found((1, 2, 3), tolerance=4)),
        ("./found", None),
        ("founder.png", None),
        (Path("found"), None),
        (None, None),
    ],
)
def test_a_finder_is_spelled_as_a_call(spec, expected):
    assert masks.finder(spec) == expected


@pytest.mark.parametrize(
    "spec",
    [
        "found(fill=256)",
        "found(fill=(1, 2))",
        "found(fill='white')",
        "found(tolerance=-1)",
        "found(colour=3)",
        "found(",
    ],
)
def test_a_finder_that_is_spelled_wrong_is_refused(spec):
    with pytest.raises(InputError, match=r"^`masks` "):
        masks.finder(spec)


def test_what_took_of_a_hole_when_resized_is_missing():
    hole = np.zeros((96, 96), bool)
    hole[:, :31] = True
    missing = masks.Found().mask_of(damaged(hole), resolution=24, name="a")
    # 31 columns are 7 3/4 pixels: the eighth is a mixture.
    expected = np.broadcast_to(np.arange(24)[:, None] < 8, (24, 24, 1))
    np.testing.assert_array_equal(missing, expected)


def test_a_found_mask_is_that_of_the_central_square():
    picture = np.concatenate([np.zeros((96, 40, 3)), damaged(ellipse()), np.zeros((96, 40, 3))], 1)
    missing = masks.Found().mask_of(picture, resolution=96, name="a")
    np.testing.assert_array_equal(missing[..., 0], ellipse())


def test_a_picture_of_one_colour_leaves_nothing_known():
    with pytest.raises(InputError, match="must leave a part of the image known"):
        masks.Found().mask_of(np.full((9, 9, 3), 7.0), resolution=9, name="a")
