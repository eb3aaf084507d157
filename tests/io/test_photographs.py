"""Whole photographs: boxes in sRGB, and boxes written back."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from brgm_tf.core.errors import InputError
from brgm_tf.io import png_files, profiles, tiff_files
from brgm_tf.io.photograph_writing import save_photograph, without_thumbnail
from brgm_tf.io.photographs import read_photograph

P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
DISPLAY_P3 = profiles.make_profile(None, chromaticities=P3)
ADOBE_RGB = profiles.make_profile(563 / 256, chromaticities=ADOBE)
HEIGHT, WIDTH = 24, 32
LOSSLESS = ["a.png", "a.tif", "a.webp", "a.bmp", "a.ppm", "a.qoi", "a.jp2"]


def samples(*, dtype=np.uint8, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max + 1, (HEIGHT, WIDTH, channels)).astype(dtype)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    data[271] = "Maker"
    data[0x8769] = {36867: "2020:01:01 00:00:00"}
    return data.tobytes()


def file_of(folder, name, values=None, **options):
    path = folder / name
    if name.endswith(("webp",)):
        options |= {"lossless": True, "exact": True}
    Image.fromarray(samples() if values is None else values).save(path, **options)
    return path


def whole(photograph):
    width, height = photograph.size
    return photograph.box(0, 0, height, width)


def round_trip(path, changes=()):
    photograph = read_photograph(path)
    saved = save_photograph(photograph, changes, path.parent / "restored.any")
    return photograph, saved, read_photograph(saved.path)


# Nothing is restored.


@pytest.mark.parametrize("name", LOSSLESS)
def test_samples_of_lossless_formats_stay_equal(tmp_path, name):
    original, saved, result = round_trip(file_of(tmp_path, name))
    assert saved.path.suffix == (tmp_path / name).suffix
    assert saved.notes == ()
    np.testing.assert_array_equal(result.samples, original.samples)
    np.testing.assert_array_equal(original.samples, samples())


@pytest.mark.parametrize("profile", [DISPLAY_P3, ADOBE_RGB], ids=["P3", "Adobe RGB"])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_unchanged_boxes_of_wide_colours_stay_equal(tmp_path, name, profile):
    path = file_of(tmp_path, name, icc_profile=profile)
    box = whole(read_photograph(path))
    original, _, result = round_trip(path, [(0, 0, box, 1.0)])
    assert result.icc_profile == profile
    np.testing.assert_array_equal(result.samples, original.samples)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_orientation_and_exif_stay(tmp_path, name, orientation):
    path = file_of(tmp_path, name, exif=exif(orientation))
    original, saved, result = round_trip(path)
    assert result.orientation == orientation
    assert result.size == ((HEIGHT, WIDTH) if orientation > 4 else (WIDTH, HEIGHT))
    with Image.open(saved.path) as picture:
        result_exif = picture.getexif()
        assert result_exif[271] == "Maker"
        assert result_exif.get_ifd(0x8769)[36867] == "2020:01:01 00:00:00"
    if name != "a.jpg":
        np.testing.assert_array_equal(result.samples, original.samples)
        np.testing.assert_array_equal(original.samples, samples())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_upright(tmp_path, orientation):
    path = file_of(tmp_path, "a.png", exif=exif(orientation))
    with Image.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))[3:10, 5:11]
    np.testing.assert_allclose(
        read_photograph(path).box(3, 5, 7, 6), expected / 127.5 - 1, atol=1e-6
    )


def test_metadata_of_png_stay(tmp_path):
    path = tmp_path / "a.png"
    chunks = [(b"tEXt", b"Title\0A"), (b"gAMA", bytes(3) + b"1")]
    path.write_bytes(png_files.encode(samples(), chunks))
    _, saved, _ = round_trip(path)
    with saved.path.open("rb") as file:
        names = [name for name, _ in png_files.read_metadata(file)]
    assert names == [b"tEXt", b"gAMA"]


# Colours of more than 8 bits.


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_samples_of_16_bits_stay_equal(tmp_path, name, channels):
    values, path = samples(dtype=np.uint16, channels=channels), tmp_path / name
    write_deep(path, values)
    original, saved, result = round_trip(path)
    assert original.bit_depth == 16
    assert saved.notes == original.notes == ()
    for photograph in (original, result):
        np.testing.assert_array_equal(photograph.samples, values[..., :3])


def write_deep(path, values):
    if path.suffix == ".png":
        path.write_bytes(png_files.encode(values))
    elif values.shape[-1] == 1:
        Image.fromarray(values[..., 0]).save(path)
    else:
        alpha = ["unassalpha"] if values.shape[-1] == 4 else None
        tifffile.imwrite(path, values, photometric="rgb", extrasamples=alpha)


def test_floats_stay_equal(tmp_path):
    values, path = (samples() / 255).astype(np.float32), tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="rgb", iccprofile=DISPLAY_P3)
    original, _, result = round_trip(path)
    assert result.bit_depth == 32
    assert result.icc_profile == DISPLAY_P3
    np.testing.assert_array_equal(original.samples, values)
    np.testing.assert_array_equal(result.samples, values)


def test_exif_of_floats_stays(tmp_path):
    directories = {34665: {36867: "2020:01:01 00:00:00"}}
    values = np.full((2, 2, 3), 0.5, np.float32)
    (tmp_path / "a.tif").write_bytes(
        tiff_files.write(values, mode="RGB", tags={271: "Maker"}, directories=directories)
    )
    _, _, result = round_trip(tmp_path / "a.tif")
    assert result.metadata.tags[271] == "Maker"
    assert result.metadata.directories == directories


# Changes.


@pytest.mark.parametrize("profile", [None, DISPLAY_P3, ADOBE_RGB], ids=["sRGB", "P3", "Adobe"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_only_the_changed_pixels_change(tmp_path, profile, orientation):
    path = file_of(tmp_path, "a.png", icc_profile=profile, exif=exif(orientation))
    weight = np.zeros((10, 8))
    weight[2:8, 1:7] = 1
    grey = np.full((10, 8, 3), 0.25, np.float32)
    original, _, result = round_trip(path, [(4, 6, grey, weight)])
    changed, before = whole(result), whole(original)
    np.testing.assert_allclose(changed[6:12, 7:13], 0.25, atol=1 / 127.5)
    changed[6:12, 7:13] = before[6:12, 7:13]
    np.testing.assert_array_equal(changed, before)


def test_a_weight_of_one_half_mixes(tmp_path):
    path = file_of(tmp_path, "a.png", np.full((4, 4, 3), 100, np.uint8))
    _, _, result = round_trip(path, [(0, 0, np.full((4, 4, 3), 200 / 127.5 - 1), 0.5)])
    np.testing.assert_array_equal(result.samples, 150)


def test_a_filled_hole_becomes_opaque(tmp_path):
    values = samples(channels=4)
    values[..., 3] = 255
    values[2:6, 2:6, 3] = 0
    path = file_of(tmp_path, "a.png", values)
    _, _, result = round_trip(path, [(2, 2, np.zeros((4, 4, 3)), 1.0)])
    np.testing.assert_array_equal(result.alpha, 255)
    np.testing.assert_array_equal(result.samples[2:6, 2:6], 128)


def test_a_grey_photograph_takes_the_luma(tmp_path):
    path = file_of(tmp_path, "a.png", samples()[..., 0])
    red = np.array([1.0, -1.0, -1.0]) * np.ones((2, 2, 1))
    _, _, result = round_trip(path, [(0, 0, red, 1.0)])
    np.testing.assert_array_equal(result.samples[:2, :2], 76)


def test_inks_without_a_profile_are_written(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(samples(channels=4), "CMYK").save(path)
    original, _, result = round_trip(path, [(0, 0, np.zeros((2, 2, 3)), 1.0)])
    assert result.mode == "CMYK"
    np.testing.assert_allclose(result.box(0, 0, 2, 2), 0, atol=1 / 127.5)
    np.testing.assert_array_equal(result.samples[2:], original.samples[2:])


# Formats.


def test_jpeg_is_encoded_again_and_says_so(tmp_path):
    path = tmp_path / "a.jpeg"
    Image.linear_gradient("L").convert("RGB").save(path, quality=90)
    original, saved, result = round_trip(path)
    assert saved.path.name == "restored.jpeg"
    assert saved.notes[0].startswith("JPEG is encoded again with quality 95")
    difference = result.samples.astype(int) - original.samples
    assert np.abs(difference).max() <= 2


def test_a_format_that_cannot_be_written_becomes_png(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    pillow_heif.from_pillow(Image.fromarray(samples())).save(path)
    original, saved, result = round_trip(path)
    assert saved.path.name == "restored.png"
    assert saved.notes == ("The photograph is written as PNG, not as HEIF",)
    np.testing.assert_array_equal(result.samples, original.samples)


def test_the_thumbnail_of_exif_is_cut_off():
    # A directory of one entry, followed by the offset of the thumbnail's directory.
    entry = struct.pack("<HHII", 0x0112, 3, 1, 6)
    data = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry
    assert without_thumbnail(data + b"abcdrest") == data + bytes(4) + b"rest"


def test_damaged_exif_is_kept():
    assert without_thumbnail(b"Exif\0\0II*\0\xff\xff\xff\xff") == b"Exif\0\0II*\0\xff\xff\xff\xff"


# Bad input.


@pytest.mark.parametrize("box", [(-1, 0, 2, 2), (0, WIDTH - 1, 2, 2), (0, 0, 0, 2)])
def test_a_box_outside_is_refused(tmp_path, box):
    photograph = read_photograph(file_of(tmp_path, "a.png"))
    with pytest.raises(InputError, match="must lie inside the photograph of 32 x 24 pixels"):
        photograph.box(*box)


def test_a_truncated_file_is_refused_in_one_line(tmp_path):
    path = file_of(tmp_path, "a.png")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="must be an image file that can be read") as caught:
        read_photograph(path)
    assert "\n" not in str(caught.value)


def test_a_profile_that_cannot_be_parsed_is_one_line(tmp_path):
    path = file_of(tmp_path, "a.png", icc_profile=DISPLAY_P3[:200])
    original, _, result = round_trip(path)
    (note,) = original.notes
    assert note.startswith("The colour profile cannot be used (it is truncated)")
    assert result.icc_profile == DISPLAY_P3[:200]


@pytest.mark.parametrize("image", [np.zeros((2, 2)), np.full((2, 2, 3), np.nan)])
def test_changes_that_are_no_images_are_refused(tmp_path, image):
    photograph = read_photograph(file_of(tmp_path, "a.png"))
    with pytest.raises(InputError, match="changes"):
        save_photograph(photograph, [(0, 0, image, 1.0)], tmp_path / "b.png")


# Reduction.


def test_the_reduced_photograph_has_means_of_squares(tmp_path):
    photograph = read_photograph(file_of(tmp_path, "a.png"))
    reduced, n = photograph.reduced(12)
    assert n == 3
    expected = samples()[:24, :30].reshape(8, 3, 10, 3, 3).mean(axis=(1, 3)) / 127.5 - 1
    np.testing.assert_allclose(reduced, expected, atol=1e-5)
