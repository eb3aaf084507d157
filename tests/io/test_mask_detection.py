"""Mask detection in a damaged picture, by the colour that fills its holes."""

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from brgm_tf.core.errors import InputError
from brgm_tf.io import mask_detection
from brgm_tf.io.sources import Content


def photograph(*, grey=False):
    """Returns levels [96, 96, C] of a photograph without a frequent colour."""
    picture = skimage.data.chelsea()[60:156, 120:216]
    return picture.mean(axis=-1, keepdims=True).round() if grey else picture.astype(float)


def ellipse():
    y, x = np.mgrid[:96, :96]
    return ((y - 40) / 25) ** 2 + ((x - 60) / 17) ** 2 < 1


def content(levels):
    return Content(np.asarray(levels, np.float32) / 127.5 - 1)


def damaged(hole, *, fill=255, grey=False):
    picture = photograph(grey=grey)
    picture[hole] = fill
    return picture


@pytest.mark.parametrize("fill", [None, (255,), (255, 255, 255)])
def test_the_hole_of_a_photograph_is_detected(fill):
    missing = mask_detection.find_missing(damaged(ellipse()), fill=fill)
    assert missing.dtype == np.bool_
    np.testing.assert_array_equal(missing, ellipse()[..., None])


def test_holes_of_any_shape_are_detected_together():
    hole = ellipse()
    hole[80:90, 5:50] = True
    np.fill_diagonal(hole[:60, :60], True)  # a scratch with a width of one pixel
    np.testing.assert_array_equal(mask_detection.find_missing(damaged(hole))[..., 0], hole)


def test_the_hole_of_a_grey_picture_is_detected():
    missing = mask_detection.find_missing(damaged(ellipse(), fill=0, grey=True), fill=(0,))
    np.testing.assert_array_equal(missing[..., 0], ellipse())


def test_a_coloured_fill_does_not_match_its_grey_level():
    picture = damaged(ellipse(), fill=(255, 0, 0))
    picture[:8, :8] = (76, 76, 76)  # the same grey level as red
    picture[:8, 20:28] = (255, 0, 1)
    for fill in (None, (255, 0, 0)):
        np.testing.assert_array_equal(
            mask_detection.find_missing(picture, fill=fill)[..., 0], ellipse()
        )


def test_pixels_of_the_fill_colour_outside_the_hole_are_known():
    picture = damaged(ellipse())
    picture[90, 3::5] = 255  # highlights
    picture[2:5, 2:7] = 255  # 15 pixels, one less than a region
    np.testing.assert_array_equal(mask_detection.find_missing(picture)[..., 0], ellipse())
    picture[5, 2] = 255
    assert mask_detection.find_missing(picture).sum() == ellipse().sum() + 16


def test_a_hole_in_a_compressed_picture_is_detected_with_a_tolerance():
    rng = np.random.default_rng(0)
    picture = damaged(ellipse(), fill=0)
    picture[ellipse()] += rng.integers(0, 4, (ellipse().sum(), 3))
    missing = mask_detection.find_missing(picture, fill=(0,), tolerance=3)
    np.testing.assert_array_equal(missing[..., 0], ellipse())


def test_float_levels_are_rounded():
    picture = damaged(ellipse(), fill=200) + np.random.default_rng(0).uniform(-0.01, 0.01)
    np.testing.assert_array_equal(
        mask_detection.find_missing(picture, fill=(200,))[..., 0], ellipse()
    )


@pytest.mark.parametrize("grey", [True, False])
def test_a_photograph_without_a_hole_is_refused(grey):
    with pytest.raises(InputError, match="`masks` found no colour that fills holes") as caught:
        mask_detection.find_missing(photograph(grey=grey))
    assert "found(fill=255)" in str(caught.value)


def test_the_fill_of_a_small_hole_must_be_given():
    hole = np.zeros((96, 96), bool)
    hole[10:20, 10:20] = True
    with pytest.raises(InputError, match="found no colour"):
        mask_detection.find_missing(damaged(hole))
    np.testing.assert_array_equal(
        mask_detection.find_missing(damaged(hole), fill=(255,))[..., 0], hole
    )


def test_two_frequent_colours_require_a_fill():
    picture = damaged(ellipse())
    picture[:, :10] = 0  # a background
    with pytest.raises(InputError, match="several colours are frequent") as caught:
        mask_detection.find_missing(picture)
    assert "(255, 255, 255)" in str(caught.value)
    assert "(0, 0, 0)" in str(caught.value)
    np.testing.assert_array_equal(
        mask_detection.find_missing(picture, fill=(255,))[..., 0], ellipse()
    )


def test_isolated_missing_pixels_are_refused():
    hole = np.random.default_rng(0).random((96, 96)) < 0.06
    for fill in (None, (255,)):
        with pytest.raises(InputError, match=r"^`masks` found no"):
            mask_detection.find_missing(damaged(hole), fill=fill)


def test_a_coloured_fill_for_a_grey_picture_is_refused():
    with pytest.raises(InputError, match="must name a grey level"):
        mask_detection.find_missing(photograph(grey=True), fill=(255, 0, 0))


@pytest.mark.parametrize("fraction", [0, 0.1, 0.3, 0.42, 0.6, 1])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (50, 70)])
def test_regions_equal_scipys(fraction, size):
    inside = np.random.default_rng(1).random(size) < fraction
    labels = mask_detection.label_regions(inside)
    expected, count = scipy.ndimage.label(inside, np.ones((3, 3)))
    np.testing.assert_array_equal(labels > 0, inside)
    pairs = np.unique(np.stack([labels[inside], expected[inside]]), axis=1)
    assert pairs.shape[1] == count == len(np.unique(labels[inside]))


def test_a_winding_region_is_one_region():
    inside = np.zeros((41, 41), bool)
    inside[::2] = True
    inside[1::4, -1] = inside[3::4, 0] = True
    assert len(np.unique(mask_detection.label_regions(inside))) == 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("found", mask_detection.MaskDetector()),
        ("found()", mask_detection.MaskDetector()),
        ("found(fill=255)", mask_detection.MaskDetector(fill=(255.0,))),
        ("found(fill=(1, 2, 3), tolerance=4)", mask_detection.MaskDetector((1, 2, 3), tolerance=4)),
        ("./found", None),
        ("founder.png", None),
        (Path("found"), None),
        (None, None),
    ],
)
def test_a_detector_is_parsed_from_a_call(spec, expected):
    assert mask_detection.parse_detector(spec) == expected


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
def test_an_invalid_detector_is_refused(spec):
    with pytest.raises(InputError, match=r"^`masks` "):
        mask_detection.parse_detector(spec)


def test_pixels_with_a_part_of_a_hole_after_resizing_are_missing():
    hole = np.zeros((96, 96), bool)
    hole[:, :31] = True
    missing = mask_detection.MaskDetector().detect(content(damaged(hole)), resolution=24, name="a")
    # 31 columns are 7 3/4 pixels, so the eighth pixel is a mixture.
    expected = np.broadcast_to(np.arange(24)[:, None] < 8, (24, 24, 1))
    np.testing.assert_array_equal(missing, expected)


def test_a_mask_is_detected_in_the_central_square():
    picture = np.concatenate([np.zeros((96, 40, 3)), damaged(ellipse()), np.zeros((96, 40, 3))], 1)
    missing = mask_detection.MaskDetector().detect(content(picture), resolution=96, name="a")
    np.testing.assert_array_equal(missing[..., 0], ellipse())


def test_a_picture_of_one_colour_is_refused():
    with pytest.raises(InputError, match="must leave a part of the image known"):
        mask_detection.MaskDetector().detect(
            content(np.full((9, 9, 3), 7.0)), resolution=9, name="a"
        )
