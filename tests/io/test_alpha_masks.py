"""Transparent pixels are missing, and transparent masks are never read inverted."""

import numpy as np
import pytest
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import inputs
from brgm_tf.io.masks import load_mask

SIZE = 8


def erased(folder, name="a.png", *, alpha=0, dtype=np.uint8):
    values = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 4)).astype(dtype)
    values[..., 3] = 255
    values[2:5, 3:6, 3] = alpha
    path = folder / name
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(values).save(path, **options)
    return path


def expected():
    missing = np.zeros((SIZE, SIZE), bool)
    missing[2:5, 3:6] = True
    return missing


def load(source, resolution=SIZE):
    requirements = inputs.InputRequirements(resolution, True, resolution, resolution, channels=3)
    [spec] = inputs.plan(source, masks="alpha", needs_masks=True)
    inputs.check(spec, expected=requirements)
    return inputs.load(spec, expected=requirements)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("alpha", [0, 1, 254])
def test_pixels_with_any_transparency_are_missing(tmp_path, name, alpha):
    missing = load(str(erased(tmp_path, name, alpha=alpha))).missing
    np.testing.assert_array_equal(missing[..., 0], expected())


def test_a_picture_in_memory_has_its_transparency(tmp_path):
    with Image.open(erased(tmp_path)) as picture:
        picture.load()
        np.testing.assert_array_equal(load(picture).missing[..., 0], expected())


def test_a_pixel_is_missing_if_any_part_of_it_is_transparent(tmp_path):
    missing = load(str(erased(tmp_path)), resolution=4).missing[..., 0]
    np.testing.assert_array_equal(missing, expected().reshape(4, 2, 4, 2).any(axis=(1, 3)))


def test_an_opaque_picture_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (SIZE, SIZE)).save(path)
    with pytest.raises(InputError, match="a has no transparency"):
        load(str(path))


def test_a_picture_without_an_opaque_pixel_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (SIZE, SIZE), (1, 2, 3, 100)).save(path)
    with pytest.raises(InputError, match="must leave a part of the image known"):
        load(str(path))


def test_clean_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match="damaged pictures only"):
        inputs.plan(str(erased(tmp_path)), masks="alpha", needs_masks=True, kind="clean")


# Mask files.


@pytest.mark.parametrize("colour", ["black", "picture"])
def test_a_mask_whose_hole_may_be_the_transparent_part_is_refused(tmp_path, colour):
    path = erased(tmp_path)
    if colour == "black":
        picture = Image.open(path)
        Image.merge("RGBA", [Image.new("L", (SIZE, SIZE))] * 3 + [picture.getchannel(3)]).save(path)
    with pytest.raises(InputError, match="transparent pixels that may be the missing ones"):
        load_mask(path, resolution=SIZE)


def test_black_strokes_on_a_transparent_layer_are_missing(tmp_path):
    values = np.zeros((SIZE, SIZE, 4), np.uint8)
    values[2:5, 3:6, 3] = 255
    Image.fromarray(values).save(tmp_path / "a.png")
    missing = load_mask(tmp_path / "a.png", resolution=SIZE)
    np.testing.assert_array_equal(missing[..., 0], expected())
