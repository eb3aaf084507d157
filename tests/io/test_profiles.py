"""Colour profiles: ICC profiles, gAMA and cHRM, and EXIF, against formulas in NumPy."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from brgm_tf.io import images, profiles
from brgm_tf.io.decoding import decode

# x and y of white, red, green and blue
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 563 / 256
GREEN = (30, 200, 30)


def decoded_curve(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encoded_curve(v):
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0) ** (1 / 2.4) - 0.055)


def to_xyz(chromaticities):
    x, y = np.reshape(chromaticities, (4, 2)).T
    white, *colours = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=-1)
    return np.transpose(colours) * np.linalg.solve(np.transpose(colours), white)


def in_adobe_rgb(levels):
    """Returns samples in Adobe RGB of colours in sRGB; both have the same white point."""
    linear = decoded_curve(np.array(levels) / 255)
    adobe = np.linalg.solve(to_xyz(ADOBE), to_xyz(SRGB) @ linear)
    return np.rint(255 * adobe ** (1 / ADOBE_GAMMA)).astype(np.uint8)


def colour_file(folder, samples, name="a.png", **options):
    path = folder / name
    Image.fromarray(np.full((2, 2, 3), samples, np.uint8)).save(path, **options)
    return path


def grey_file(folder, samples, name="a.png", **options):
    path = folder / name
    Image.fromarray(np.asarray(samples)[None]).save(path, **options)
    return path


def with_chunks(path, **chunks):
    """Adds chunks to a PNG file after its header."""
    data = path.read_bytes()
    added = b""
    for name, content in chunks.items():
        body = name.encode() + content
        added += struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + added + data[33:])
    return path


def hundred_thousandths(*values):
    return struct.pack(f">{len(values)}I", *(round(value * 100000) for value in values))


def levels(path, *, channels):
    return (images.load_image(path, channels=channels) + 1) * 127.5


def adobe_profile():
    return profiles.make_profile(ADOBE_GAMMA, chromaticities=ADOBE)


def linear_grey():
    return profiles.make_profile(1.0, is_grey=True)


def test_samples_of_adobe_rgb_differ_strongly_from_srgb():
    assert in_adobe_rgb(GREEN).tolist() == [115, 199, 56]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_adobe_rgb_is_converted(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    path = colour_file(tmp_path, in_adobe_rgb(GREEN), name, icc_profile=adobe_profile(), **options)
    np.testing.assert_allclose(levels(path, channels=3)[0, 0], GREEN, atol=2.01)
    assert decode(path).notes == ()


def test_converted_colours_are_accurate_within_a_grey_level(tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(samples).save(path, icc_profile=adobe_profile())
    linear = (samples / 255) ** ADOBE_GAMMA @ np.linalg.solve(to_xyz(SRGB), to_xyz(ADOBE)).T
    expected = 255 * encoded_curve(linear.clip(0, 1))
    np.testing.assert_allclose(levels(path, channels=3), expected, atol=0.75)


def test_alpha_is_not_converted(tmp_path):
    samples = np.full((1, 1, 4), (*in_adobe_rgb(GREEN), 51), np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(samples).save(path, icc_profile=adobe_profile())
    expected = 0.2 * np.array(GREEN) + 0.8 * 255
    np.testing.assert_allclose(levels(path, channels=3)[0, 0], expected, atol=0.45)


def test_the_profile_of_an_image_in_memory_is_used(tmp_path):
    path = colour_file(tmp_path, in_adobe_rgb(GREEN), icc_profile=adobe_profile())
    with Image.open(path) as picture:
        picture.load()
        np.testing.assert_allclose(levels(picture, channels=3)[0, 0], GREEN, atol=2.01)


def test_samples_in_srgb_are_unchanged(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    samples = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(samples).save(path, icc_profile=profile)
    np.testing.assert_array_equal(decode(path).levels, samples)
    Image.fromarray(samples[..., 0]).save(path, icc_profile=profile)
    np.testing.assert_array_equal(decode(path).levels[..., 0], samples[..., 0])


def test_a_linear_grey_of_8_bits_is_converted(tmp_path):
    path = grey_file(tmp_path, np.array([13, 55, 136], np.uint8), icc_profile=linear_grey())
    np.testing.assert_allclose(levels(path, channels=1)[0, :, 0], [64, 128, 193], atol=0.7)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_linear_grey_of_16_bits_has_16_bit_precision(tmp_path, name):
    samples = np.linspace(0, 65535, 101).astype(np.uint16)
    path = grey_file(tmp_path, samples, name, icc_profile=linear_grey())
    expected = 255 * encoded_curve(samples / 65535)
    np.testing.assert_allclose(levels(path, channels=1)[0, :, 0], expected, atol=0.01)


def test_a_grey_picture_with_an_rgb_profile_is_converted(tmp_path):
    samples = np.arange(256, dtype=np.uint8)
    profile = profiles.make_profile(1.0)
    path = grey_file(tmp_path, samples, icc_profile=profile)
    expected = 255 * encoded_curve(samples / 255)
    np.testing.assert_allclose(levels(path, channels=1)[0, :, 0], expected, atol=0.51)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_gamma_of_a_grey_png_is_used(tmp_path, dtype):
    samples = np.linspace(0, np.iinfo(dtype).max, 86).astype(dtype)
    path = with_chunks(grey_file(tmp_path, samples), gAMA=hundred_thousandths(1))
    expected = 255 * encoded_curve(samples / np.iinfo(dtype).max)
    np.testing.assert_allclose(levels(path, channels=1)[0, :, 0], expected, atol=0.01)


def test_gamma_and_chromaticities_of_a_colour_png_are_used(tmp_path):
    path = with_chunks(
        colour_file(tmp_path, in_adobe_rgb(GREEN)),
        gAMA=hundred_thousandths(1 / ADOBE_GAMMA),
        cHRM=hundred_thousandths(*ADOBE),
    )
    # With gAMA alone, here 0.45455 as in most files, the curve is sRGB, so only dark colours
    # differ.
    np.testing.assert_allclose(levels(path, channels=3)[0, 0], GREEN, atol=5)


def test_the_usual_gamma_means_srgb(tmp_path):
    samples = np.arange(255, dtype=np.uint8)
    path = with_chunks(
        grey_file(tmp_path, samples),
        gAMA=hundred_thousandths(0.45455),
        cHRM=hundred_thousandths(*SRGB),
    )
    np.testing.assert_array_equal(decode(path).levels[0, :, 0], samples)


def test_the_srgb_chunk_of_a_png_has_priority_over_its_gamma(tmp_path):
    path = with_chunks(colour_file(tmp_path, GREEN), sRGB=b"\0", gAMA=hundred_thousandths(1))
    np.testing.assert_array_equal(decode(path).levels[0, 0], GREEN)


@pytest.mark.parametrize("tag", ["interoperability", "colour space"])
def test_adobe_rgb_of_exif_is_converted(tmp_path, tag):
    exif = Image.Exif()
    ifd = exif.get_ifd(0x8769)
    if tag == "colour space":
        ifd[0xA001] = 2
    else:
        ifd[0xA001] = 65535
        ifd[0xA005] = {1: "R03"}
    path = colour_file(
        tmp_path, in_adobe_rgb(GREEN), "a.jpg", exif=exif, quality=100, subsampling=0
    )
    np.testing.assert_allclose(levels(path, channels=3)[0, 0], GREEN, atol=5)


def test_the_primaries_of_a_tiff_are_used(tmp_path):
    path = tmp_path / "a.tif"
    linear = np.linalg.solve(to_xyz(ADOBE), to_xyz(SRGB) @ decoded_curve(np.array(GREEN) / 255))
    samples = np.rint(255 * encoded_curve(linear)).astype(np.uint8)
    picture = Image.fromarray(np.full((1, 1, 3), samples, np.uint8))
    picture.save(path, tiffinfo={318: ADOBE[:2], 319: ADOBE[2:]})
    np.testing.assert_allclose(levels(path, channels=3)[0, 0], GREEN, atol=2.01)


def test_lab_is_converted(tmp_path):
    path = tmp_path / "a.tif"
    Image.new("LAB", (2, 2), (128, 128, 128)).save(path)
    # L* = 50.2 has the luminance 0.1862.
    expected = 255 * encoded_curve(((50.2 + 16) / 116) ** 3)
    np.testing.assert_allclose(levels(path, channels=3), expected, atol=1)


def test_cmyk_without_a_profile_is_reported(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(path, quality=95)
    np.testing.assert_allclose(levels(path, channels=3)[0, 0], [255, 0, 0], atol=3)
    (note,) = decode(path).notes
    assert "CMYK colours without a profile" in note


@pytest.mark.parametrize("profile", [b"no profile", linear_grey(), adobe_profile()[:200]])
def test_an_unusable_profile_is_reported_in_one_line(tmp_path, profile):
    path = colour_file(tmp_path, GREEN, icc_profile=profile)
    (note,) = decode(path).notes
    assert note.startswith("The colour profile cannot be used (")
    assert "\n" not in note
    np.testing.assert_array_equal(decode(path).levels[0, 0], GREEN)


def test_a_grey_picture_with_a_damaged_profile_is_read(tmp_path):
    path = grey_file(tmp_path, np.array([0, 100], np.uint8), icc_profile=b"no profile")
    assert len(decode(path).notes) == 1
    np.testing.assert_array_equal(decode(path).levels[0, :, 0], [0, 100])


def test_chromaticities_that_span_no_colours_are_reported(tmp_path):
    path = with_chunks(colour_file(tmp_path, GREEN), cHRM=hundred_thousandths(*[0.3] * 8))
    assert len(decode(path).notes) == 1
    np.testing.assert_array_equal(decode(path).levels[0, 0], GREEN)
