"""Masks: read from files, given as arrays, and refused in one line."""

import numpy as np
import pytest
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import images, masks
from brgm_tf.io.decoding import decode


def mask_file(folder, known, name="mask.png"):
    Image.fromarray(np.asarray(known, np.uint8)).save(folder / name)
    return folder / name


# Files.


def test_black_pixels_are_missing(tmp_path):
    mask = masks.load_mask(mask_file(tmp_path, [[0, 127], [128, 255]]), resolution=2)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, np.array([[True, True], [False, False]])[..., None])


def test_a_transparent_pixel_is_known(tmp_path):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    path = tmp_path / "mask.png"
    picture.resize((2, 2), Image.Resampling.NEAREST).save(path)
    assert masks.load_mask(path, resolution=2)[0, :, 0].tolist() == [True, False]


@pytest.mark.parametrize(("size", "resolution"), [(4, 4), (4, 8), (4, 12), (12, 8), (97, 5)])
def test_a_pixel_is_missing_if_any_part_of_it_is_missing(tmp_path, size, resolution):
    known = np.full((size, size), 255)
    known[tuple(np.random.default_rng(3).integers(0, size, (2, 3)))] = 0
    mask = masks.load_mask(mask_file(tmp_path, known), resolution=resolution)
    # In units of 1 / (size resolution) all edges are integers.
    fine = np.repeat(np.repeat(known == 0, resolution, axis=0), resolution, axis=1)
    parts = fine.reshape(resolution, size, resolution, size).any(axis=(1, 3))
    np.testing.assert_array_equal(mask[..., 0], parts)


def test_a_thin_line_in_a_large_mask_is_preserved(tmp_path):
    known = np.full((1000, 1000), 255)
    known[:, 503] = 0
    mask = masks.load_mask(mask_file(tmp_path, known), resolution=64)
    np.testing.assert_array_equal(mask.sum(axis=1), np.ones((64, 1)))


@pytest.mark.parametrize(("side", "resolution"), [(1000, 64), (250, 64), (48, 64), (64, 64)])
def test_no_known_pixel_is_mixed_with_a_hole(tmp_path, side, resolution):
    picture = np.random.default_rng(0).uniform(-1, 0, (side, side, 1)).astype(np.float32)
    cross = np.zeros((side, side), bool)
    width, middle = max(1, side * 14 // 1000), side // 2
    cross[middle : middle + width] = cross[:, middle : middle + width] = True
    damaged = np.where(cross[..., None], np.float32(1), picture)
    path = mask_file(tmp_path, np.where(cross, 0, 255))
    missing = masks.load_mask(path, resolution=resolution, side=side)
    whole, white = (images.fit(image, resolution=resolution) for image in (picture, damaged))
    mixed = np.abs(white - whole) > 1 / 127.5
    assert (mixed & ~missing).sum() == 0
    assert missing.mean() < 0.35


def test_a_mask_may_have_more_pixels_than_the_picture(tmp_path):
    known = np.full((800, 800), 255)
    known[401, 401] = 0
    missing = masks.load_mask(mask_file(tmp_path, known), resolution=50, side=100)
    assert np.argwhere(missing[..., 0]).tolist() == [[25, 25]]


def test_a_mask_of_the_image_shape_is_cropped_like_the_image(tmp_path):
    known = np.full((4, 10), 255)
    known[1, 5] = 0
    mask = masks.load_mask(mask_file(tmp_path, known), resolution=4, aspect=(10, 4))
    image = images.fit(images.from_uint8(known[..., None]), resolution=4)
    np.testing.assert_array_equal(mask, image < 0)
    assert mask.sum() == 1


def test_a_mask_may_have_the_rounded_shape_of_the_image(tmp_path):
    known = np.full((33, 50), 255)
    known[16, 25] = 0
    path = mask_file(tmp_path, known)
    assert masks.load_mask(path, resolution=4, aspect=(1000, 667)).any()


def test_a_square_mask_applies_to_every_image(tmp_path):
    path = mask_file(tmp_path, [[0, 255], [255, 255]])
    assert masks.load_mask(path, resolution=2, aspect=(30, 10)).sum() == 1


@pytest.mark.parametrize("aspect", [(4, 4), (6, 8), (16, 9)])
def test_a_mask_of_another_shape_is_refused(tmp_path, aspect):
    path = mask_file(tmp_path, np.full((60, 80), 255))
    with pytest.raises(InputError, match=r"`masks` must be square or have the shape.*width=80"):
        masks.load_mask(path, resolution=4, aspect=aspect)


def test_a_mask_of_everything_or_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="`masks` must leave a part"):
        masks.load_mask(mask_file(tmp_path, np.zeros((4, 4))), resolution=4)
    with pytest.raises(InputError, match=r"`masks` must hide a part.*Paint the missing pixels"):
        masks.load_mask(mask_file(tmp_path, np.full((4, 4), 255)), resolution=4)


def test_a_hole_outside_the_central_square_is_refused(tmp_path):
    known = np.full((4, 10), 255)
    known[:, 0] = 0
    path = mask_file(tmp_path, known)
    masks.check_mask_file(path)
    with pytest.raises(InputError, match="hide a part of the image's central square"):
        masks.load_mask(path, resolution=4, aspect=(10, 4))


def test_a_white_picture_with_a_transparent_hole_is_refused(tmp_path):
    picture = Image.new("RGBA", (4, 4), "white")
    picture.putpixel((1, 1), (0, 0, 0, 0))
    picture.save(tmp_path / "mask.png")
    with pytest.raises(InputError, match="Transparent pixels count as known: make the missing"):
        masks.check_mask_file(tmp_path / "mask.png")


def test_light_coloured_strokes_are_refused(tmp_path):
    picture = Image.new("RGB", (4, 4), "white")
    picture.putpixel((1, 1), (255, 255, 0))
    picture.save(tmp_path / "mask.png")
    with pytest.raises(InputError, match="Colours count by their luma: paint"):
        masks.check_mask_file(tmp_path / "mask.png")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_values_0_and_1_are_black_and_white(tmp_path, dtype):
    Image.fromarray(np.array([[0, 1], [1, 1]], dtype)).save(tmp_path / "mask.png")
    mask = masks.load_mask(tmp_path / "mask.png", resolution=2)
    assert mask[..., 0].tolist() == [[True, False], [False, False]]
    assert masks.mask_notes(tmp_path / "mask.png") == ()


def test_a_palette_mask_is_read_by_its_colours(tmp_path):
    picture = Image.fromarray(np.array([[0, 1], [0, 0]], np.uint8)).convert("P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(tmp_path / "mask.png")
    mask = masks.load_mask(tmp_path / "mask.png", resolution=2)
    assert mask[..., 0].tolist() == [[False, True], [False, False]]
    picture.putpalette([0, 0, 0, 128, 0, 0])  # labels of PASCAL VOC
    picture.save(tmp_path / "dark.png")
    with pytest.raises(InputError, match=r"must leave a part.*darkest=0\.0, lightest=38\.2"):
        masks.check_mask_file(tmp_path / "dark.png")


def test_black_strokes_on_transparency_are_not_reported(tmp_path):
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.putpixel((1, 1), (0, 0, 0, 255))
    picture.save(tmp_path / "mask.png")
    assert masks.mask_notes(tmp_path / "mask.png") == ()
    assert masks.load_mask(tmp_path / "mask.png", resolution=4).sum() == 1


def test_transparent_black_pixels_are_reported(tmp_path):
    picture = Image.new("RGBA", (4, 4), "white")
    picture.putpixel((1, 1), (0, 0, 0, 255))
    picture.putpixel((1, 2), (0, 0, 0, 0))
    picture.save(tmp_path / "mask.png")
    (note,) = masks.mask_notes(tmp_path / "mask.png")
    assert note == "6.2% of the mask is black but transparent, and counts as known"


def test_a_photograph_used_as_a_mask_is_reported(tmp_path):
    known = np.tile(np.linspace(0, 255, 32), (32, 1))
    (note,) = masks.mask_notes(mask_file(tmp_path, known))
    assert "of the mask is neither black nor white; grey levels below 128 are missing" in note


def test_a_mask_for_many_images_is_decoded_once(tmp_path, monkeypatch):
    path = mask_file(tmp_path, [[0, 255], [255, 255]])
    reads = []
    monkeypatch.setattr(masks, "decode", lambda *a, **k: reads.append(a) or decode(*a, **k))
    for _ in range(5):
        masks.load_mask(path, resolution=2)
    assert len(reads) == 1
    mask_file(tmp_path, [[255, 255, 255], [255, 255, 255], [255, 255, 0]])
    assert masks.load_mask(path, resolution=3).sum() == 1


# Arrays.


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1)])
def test_a_mask_array_receives_one_channel(shape):
    mask = np.random.default_rng(4).random(shape) < 0.5
    checked = masks.check_mask(mask, resolution=4)
    np.testing.assert_array_equal(checked, mask.reshape(4, 4, 1))


def test_equal_channels_of_a_mask_array_are_merged():
    mask = np.random.default_rng(4).random((4, 4, 1)) < 0.5
    checked = masks.check_mask(np.repeat(mask, 3, axis=-1), resolution=4)
    np.testing.assert_array_equal(checked, mask)


def test_a_mask_array_from_pillow_is_normalised_to_ones():
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


def test_a_mask_array_of_everything_has_the_same_error_as_a_file(tmp_path):
    messages = []
    for refused in (
        lambda: masks.check_mask(np.ones((4, 4, 1), bool), resolution=4),
        lambda: masks.load_mask(mask_file(tmp_path, np.zeros((4, 4))), resolution=4),
    ):
        with pytest.raises(InputError, match="`masks` must leave a part") as caught:
            refused()
        messages.append(str(caught.value).partition("Received")[0])
    assert messages[0] == messages[1]


def test_a_mask_array_of_nothing_is_refused():
    with pytest.raises(InputError, match="`masks` must hide a part"):
        masks.check_mask(np.zeros((4, 4), bool), resolution=4)
