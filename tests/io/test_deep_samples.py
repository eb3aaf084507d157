"""Colours of 16 bits and floats keep their precision."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import png_files, profiles
from brgm_tf.io.decoding import decode
from brgm_tf.io.pictures import PictureFile

SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def deep(channels=3):
    return np.random.default_rng(0).integers(0, 65536, (9, 7, channels)).astype(np.uint16)


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_16_bits_in_png_are_exact(tmp_path, channels):
    values, path = deep(channels), tmp_path / "a.png"
    path.write_bytes(png_files.encode(values))
    decoded = decode(path)
    np.testing.assert_allclose(decoded.colours, values[..., :3] / 257, rtol=1e-6, atol=1e-6)
    assert decoded.notes == ()


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "adobe_deflate"])
def test_colours_of_16_bits_in_tiff_are_exact(tmp_path, byteorder, compression):
    values, path = deep(), tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        values.astype(f"{byteorder}u2"),
        photometric="rgb",
        byteorder=byteorder,
        compression=compression,
    )
    np.testing.assert_allclose(decode(path).colours, values / 257, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_colours_are_exact(tmp_path, dtype):
    values, path = (deep() / 65535).astype(dtype), tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    expected = 255 * np.rot90(values.astype(np.float32), 3)
    np.testing.assert_allclose(decode(path).colours, expected, rtol=1e-6, atol=1e-5)
    assert PictureFile(path).header()[:2] == (7, 9)


def test_colours_of_16_bits_are_converted_in_floats(tmp_path):
    values, path = deep(), tmp_path / "a.png"
    linear = profiles.make_profile(1.0, chromaticities=SRGB)
    path.write_bytes(png_files.encode(values, png_files.make_metadata(profile=linear, exif=None)))
    v = values / 65535
    expected = 255 * np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)
    # ICC profiles store primaries with 16 bits behind the point.
    np.testing.assert_allclose(decode(path).colours, expected, atol=0.04)


def test_a_transparent_colour_of_16_bits_is_transparent(tmp_path):
    values, path = deep(), tmp_path / "a.png"
    key = values[0, 0].astype(">u2").tobytes()
    path.write_bytes(png_files.encode(values, [(b"tRNS", key)]))
    alpha = decode(path).alpha[..., 0]
    assert alpha[0, 0] == 0
    assert alpha.sum() == alpha.size - 1


def test_floats_out_of_range_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.full((2, 2, 3), 1.5, np.float32), photometric="rgb")
    with pytest.raises(InputError, match=r"must have samples in \[0, 1\]"):
        decode(path)


def test_rounded_samples_are_reported(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_files.encode(deep(2)))
    (note,) = decode(path).notes
    assert note.startswith("Samples of 16 bits are read to 8 bits")


def test_the_code_points_of_a_png_are_used(tmp_path):
    path = tmp_path / "a.png"
    green = np.full((1, 1, 3), (100, 200, 100), np.uint8)
    path.write_bytes(png_files.encode(green, [(b"cICP", bytes([12, 13, 0, 1]))]))
    p3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
    Image.fromarray(green).save(
        tmp_path / "b.png", icc_profile=profiles.make_profile(None, chromaticities=p3)
    )
    expected = decode(tmp_path / "b.png").levels
    np.testing.assert_array_equal(decode(path).levels, expected)
    assert np.abs(expected - green).max() > 10


def test_a_high_dynamic_range_is_reported(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_files.encode(np.uint8(deep() >> 8), [(b"cICP", bytes([9, 16, 0, 1]))]))
    (note,) = decode(path).notes
    assert "high dynamic range" in note
