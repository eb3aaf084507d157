"""Reading and writing of images: every format and mode from a real file, and refusals."""

import hashlib
import importlib.util
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.resolution.resampling import box_matrix
from brgm_tf.io import discovery, images, mask_matching, masks

ROOT = Path(__file__).resolve().parents[2]
GREY = np.array([[0, 50, 100], [150, 200, 255]], np.uint8)
COLOURS = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[10, 20, 30], [0, 0, 0], [255, 255, 255]]], np.uint8
)
LEVEL = 1 / 127.5


def saved(folder, picture, name="picture.png", **options):
    path = folder / name
    picture.save(path, **options)
    return path


def levels(path, *, channels):
    return (images.load_image(path, channels=channels) + 1) * 127.5


def raw_png(samples, *, colour_type):
    """Returns a 16-bit PNG, because Pillow cannot write colours with 16 bits."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    data = zlib.compress(rows)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def raw_tiff(data, *, width, height, bits, photometric, samples=1):
    """Returns a little-endian, uncompressed TIFF with one strip."""
    count = 10
    beyond = 8 + 2 + 12 * count + 4
    extra = struct.pack(f"<{samples}H", *[bits] * samples) if samples > 1 else b""
    tags = [
        (256, 1, width),
        (257, 1, height),
        (258, samples, beyond if extra else bits),
        (259, 1, 1),
        (262, 1, photometric),
        (273, 1, beyond + len(extra)),
        (274, 1, 1),
        (277, 1, samples),
        (278, 1, height),
        (279, 1, len(data)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 3, n, value) for tag, n, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + extra + data


# Levels.


def test_uint8_round_trip_is_exact_for_every_level():
    every = np.arange(256, dtype=np.uint8)
    image = images.from_uint8(every)
    assert image.dtype == np.float32
    assert image[0] == -1
    assert image[-1] == 1
    np.testing.assert_array_equal(images.to_uint8(image), every)


def test_to_uint8_clips():
    assert images.to_uint8(np.array([-9, 9, np.inf, -np.inf])).tolist() == [0, 255, 255, 0]


def test_to_uint8_rounds_half_to_even():
    # 0 is halfway between the levels 127 and 128.
    assert images.to_uint8(np.zeros(1)) == 128
    assert images.to_uint8(np.array([127.4, 127.6, 126.6]) * LEVEL - 1).tolist() == [127, 128, 127]


def test_to_uint8_refuses_nan():
    with pytest.raises(InputError, match="`image`"):
        images.to_uint8(np.array([0.0, np.nan]))


# Reading.


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.webp"])
def test_lossless_rgb_is_read_exactly(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path, Image.fromarray(COLOURS), name, **options)
    image = images.load_image(path, channels=3)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, images.from_uint8(COLOURS))


def test_the_format_follows_from_the_content_and_not_from_the_suffix(tmp_path):
    path = saved(tmp_path, Image.fromarray(COLOURS), "a.jpg", format="PNG")
    np.testing.assert_array_equal(images.load_image(path, channels=3), images.from_uint8(COLOURS))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_is_read(tmp_path, mode):
    path = saved(tmp_path, Image.new(mode, (8, 8)), "a.jpg", quality=95)
    expected = 255 if mode == "CMYK" else 0  # no ink is white
    np.testing.assert_allclose(levels(path, channels=3), expected, atol=2)


def test_a_grey_image_is_repeated_for_three_channels(tmp_path):
    path = saved(tmp_path, Image.fromarray(GREY))
    image = images.load_image(path, channels=3)
    assert image.shape == (2, 3, 3)
    np.testing.assert_array_equal(image, images.from_uint8(GREY)[..., None].repeat(3, axis=-1))


def test_colours_are_converted_to_grey_by_luma(tmp_path):
    path = saved(tmp_path, Image.fromarray(COLOURS))
    expected = COLOURS @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(levels(path, channels=1)[..., 0], expected, atol=1e-4)


def test_a_grey_image_stored_as_rgb_is_read_exactly(tmp_path):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = saved(tmp_path, Image.fromarray(every).convert("RGB"))
    np.testing.assert_array_equal(
        images.load_image(path, channels=1)[..., 0], images.from_uint8(every)
    )


def test_a_palette_image_is_read_by_its_colours(tmp_path):
    picture = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), mode=None).convert("P")
    picture.putpalette([10, 20, 30, 200, 100, 0])
    path = saved(tmp_path, picture)
    expected = np.array([[[10, 20, 30], [200, 100, 0]], [[200, 100, 0], [10, 20, 30]]], np.uint8)
    np.testing.assert_array_equal(images.load_image(path, channels=3), images.from_uint8(expected))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_one_bit_images_are_black_and_white(tmp_path, name):
    path = saved(tmp_path, Image.fromarray(GREY > 120), name)
    expected = np.where(GREY > 120, 1, -1)
    np.testing.assert_array_equal(images.load_image(path, channels=1)[..., 0], expected)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_composited_on_white_without_rounding(tmp_path, mode):
    picture = Image.new(mode, (3, 1), (100, 0) if mode == "LA" else (100, 100, 100, 0))
    picture.putalpha(Image.fromarray(np.array([[0, 127, 255]], np.uint8)))
    path = saved(tmp_path, picture)
    expected = [255, 100 * 127 / 255 + 128, 100]
    np.testing.assert_allclose(levels(path, channels=1)[0, :, 0], expected, atol=1e-4)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_a_transparent_colour_becomes_white(tmp_path, mode):
    picture = Image.new("RGB", (2, 1), (0, 0, 0))
    picture.putpixel((1, 0), (255, 255, 255))
    picture = picture.convert(mode)
    black = picture.getpixel((0, 0))
    path = saved(tmp_path, picture, transparency=black)
    np.testing.assert_array_equal(images.load_image(path, channels=1), 1)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey_has_sixteen_bit_precision(tmp_path, name):
    deep = np.array([[0, 1, 257], [1000, 65534, 65535]], np.uint16)
    path = saved(tmp_path, Image.fromarray(deep), name)
    image = images.load_image(path, channels=1)
    np.testing.assert_allclose(image[..., 0], deep / 32767.5 - 1, atol=2e-7)
    assert image[0, 1, 0] > image[0, 0, 0]


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bit_tiff_of_either_byte_order_is_read(tmp_path, order):
    deep = np.array([[0, 1000], [40000, 65535]])
    mode = "I;16" if order == "<u2" else "I;16B"
    picture = Image.frombytes(mode, (2, 2), deep.astype(order).tobytes())
    path = saved(tmp_path, picture, "a.tif")
    np.testing.assert_allclose(levels(path, channels=1)[..., 0], deep / 257, atol=1e-4)


def test_twelve_bit_tiff_is_scaled_by_its_maximum(tmp_path):
    path = tmp_path / "a.tif"
    data = bytes([0x12, 0x3F, 0xFF, 0x00, 0x0F, 0xFF])
    path.write_bytes(raw_tiff(data, width=2, height=2, bits=12, photometric=1))
    expected = np.array([[0x123, 0xFFF], [0, 0xFFF]]) * 255 / 4095
    np.testing.assert_allclose(levels(path, channels=1)[..., 0], expected, atol=1e-4)


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_with_white_as_zero_is_inverted(tmp_path, bits):
    values = np.array([[0, 2**bits - 1]], f"<u{bits // 8}")
    path = tmp_path / "a.tif"
    path.write_bytes(raw_tiff(values.tobytes(), width=2, height=1, bits=bits, photometric=0))
    np.testing.assert_array_equal(images.load_image(path, channels=1)[0, :, 0], [1, -1])


@pytest.mark.parametrize("kind", ["png", "png with alpha", "tif"])
def test_sixteen_bit_rgb_is_accurate_within_a_grey_level(tmp_path, kind):
    deep = np.random.default_rng(0).integers(0, 65536, (4, 5, 3)).astype("<u2")
    path = tmp_path / "a"
    if kind == "png":
        path.write_bytes(raw_png(deep, colour_type=2))
    elif kind == "png with alpha":
        opaque = np.full((4, 5, 1), 65535, "<u2")
        path.write_bytes(raw_png(np.concatenate([deep, opaque], axis=-1), colour_type=6))
    else:
        data = raw_tiff(deep.tobytes(), width=5, height=4, bits=16, photometric=2, samples=3)
        path.write_bytes(data)
    error = levels(path, channels=3) - deep / 257
    assert np.abs(error).max() < 1


def test_integer_samples_are_scaled_by_65535(tmp_path):
    values = np.array([[0, 1000, 65535]], np.int32)
    path = saved(tmp_path, Image.fromarray(values), "a.tif")
    np.testing.assert_allclose(levels(path, channels=1)[..., 0], values / 257, atol=1e-4)


def test_float_samples_are_in_the_unit_range(tmp_path):
    values = np.array([[0, 0.3, 1]], np.float32)
    path = saved(tmp_path, Image.fromarray(values), "a.tif")
    np.testing.assert_allclose(
        images.load_image(path, channels=1)[..., 0], 2 * values - 1, atol=2e-7
    )


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 70000]], np.int32),
        np.array([[-1, 5]], np.int32),
        np.array([[0, 1.5]], np.float32),
        np.array([[-0.1, 1]], np.float32),
        np.array([[0, np.nan]], np.float32),
    ],
)
def test_samples_out_of_range_are_refused(tmp_path, values):
    path = saved(tmp_path, Image.fromarray(values), "a.tif")
    with pytest.raises(InputError, match="`input` must have samples in"):
        images.load_image(path, channels=1)


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.png", "a.tif"])
def test_the_first_frame_is_read(tmp_path, name):
    frames = [Image.new("RGB", (4, 4), (value,) * 3) for value in (40, 200)]
    options = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(
        images.to_uint8(images.load_image(path, channels=3)), np.full((4, 4, 3), 40)
    )


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation_is_applied_to_pixels_and_size(tmp_path, name, orientation):
    stored = np.zeros((16, 32), np.uint8)
    stored[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(stored), name, exif=exif)
    upright = np.rot90(stored, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    image = images.load_image(path, channels=1)
    assert images.image_size(path) == upright.shape[::-1]
    np.testing.assert_array_equal(image[..., 0] > 0, upright > 128)


def test_a_sixteen_bit_image_is_rotated_upright(tmp_path):
    deep = np.array([[0, 1000, 65535]], np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.fromarray(deep), exif=exif)
    np.testing.assert_allclose(levels(path, channels=1)[:, 0, 0], deep[0] / 257, atol=1e-4)


def test_channels_must_be_one_or_three(tmp_path):
    with pytest.raises(InputError, match="`channels`"):
        images.load_image(saved(tmp_path, Image.fromarray(GREY)), channels=2)


# Unreadable files.


def one_line(error, argument, path):
    assert error.argument == argument
    assert f"`{argument}`" in str(error)
    assert "\n" not in str(error)
    assert path.name in str(error)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"II*\0", b"%!PS\n"])
def test_files_of_other_kinds_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for read in (images.image_size, lambda path: images.load_image(path, channels=3)):
        with pytest.raises(InputError) as caught:
            read(path)
        one_line(caught.value, "input", path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_a_truncated_file_is_refused_in_one_line(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError) as caught:
        images.load_image(path, channels=3, argument="truth")
    one_line(caught.value, "truth", path)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_read_or_refused_without_a_traceback(tmp_path, seed):
    random = np.random.default_rng(seed)
    name = ("a.png", "a.jpg", "a.tif", "a.webp", "a.gif")[seed % 5]
    path = saved(tmp_path, Image.fromarray(COLOURS), name)
    data = bytearray(path.read_bytes())
    for position in random.integers(0, len(data), 4):
        data[position] = random.integers(256)
    path.write_bytes(data)
    try:
        assert images.load_image(path, channels=3).shape[-1] == 3
    except InputError as error:
        one_line(error, "input", path)


@pytest.mark.parametrize("limit", [5, 1])
def test_a_decompression_bomb_is_refused_without_a_warning(tmp_path, monkeypatch, limit):
    # Pillow warns above the limit and raises above twice the limit.
    path = saved(tmp_path, Image.fromarray(GREY))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for read in (images.image_size, lambda path: images.load_image(path, channels=1)):
            with pytest.raises(InputError, match=f"at most {limit} pixels"):
                read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="Nothing was found"):
        images.load_image(tmp_path / "none.png", channels=3)


# Fitting.


def test_fit_crops_the_central_square():
    image = np.arange(4 * 9, dtype=np.float32).reshape(4, 9, 1) / 36
    np.testing.assert_array_equal(images.fit(image, resolution=4), image[:, 2:6])
    tall = image.transpose(1, 0, 2)
    np.testing.assert_array_equal(images.fit(tall, resolution=4), tall[2:6])


def test_fit_shrinks_by_area_means():
    image = np.random.default_rng(0).uniform(-1, 1, (12, 12, 3)).astype(np.float32)
    expected = image.reshape(4, 3, 4, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(images.fit(image, resolution=4), expected, atol=1e-6)


@pytest.mark.parametrize(("size", "resolution"), [(96, 64), (65, 64), (150, 64), (131, 7), (9, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_fit_shrinks_by_area_means_at_any_ratio(size, resolution, channels):
    image = np.random.default_rng(0).uniform(-1, 1, (size, size, channels)).astype(np.float32)
    matrix = box_matrix(resolution, factor=size / resolution)
    expected = np.einsum("ai,ijc,bj->abc", matrix, image, matrix, optimize=True)
    np.testing.assert_allclose(images.fit(image, resolution=resolution), expected, atol=1e-6)


@pytest.mark.parametrize(("size", "resolution"), [(96, 64), (64, 96), (200, 64)])
def test_fit_does_not_shift_the_picture(size, resolution):
    ramp = np.tile(np.arange(size, dtype=np.float32) / size, (size, 1))
    fitted = images.fit(ramp[..., None], resolution=resolution)[resolution // 2, :, 0] * size
    centres = (np.arange(resolution) + 0.5) * (size / resolution) - 0.5
    inner = slice(8, -8)  # enlarging differs at the border
    assert abs((fitted - centres)[inner].mean()) < 1e-4


def test_fit_preserves_a_constant_picture_exactly():
    for value in (-1, 1):
        assert (images.fit(np.full((100, 130, 3), value), resolution=64) == value).all()


def test_fit_enlarges_within_the_range_and_without_rounding():
    image = np.full((4, 4, 1), 0.1234567, np.float32)
    np.testing.assert_allclose(images.fit(image, resolution=16), 0.1234567, atol=1e-6)
    steps = np.where(np.arange(8) % 4 < 2, -1, 1).astype(np.float32)
    fitted = images.fit(np.tile(steps[:, None, None], (1, 8, 3)), resolution=32)
    assert fitted.dtype == np.float32
    assert fitted.shape == (32, 32, 3)
    assert fitted.min() == -1
    assert fitted.max() == 1


def test_fit_at_the_target_resolution_returns_a_copy():
    image = np.random.default_rng(0).uniform(-1, 1, (4, 4, 1)).astype(np.float32)
    fitted = images.fit(image, resolution=4)
    np.testing.assert_array_equal(fitted, image)
    assert not np.shares_memory(fitted, image)


def test_fit_refuses_other_shapes_on_request():
    with pytest.raises(InputError, match=r"`input` must be a square image.*width=5, height=4"):
        images.fit(np.zeros((4, 5, 1), np.float32), resolution=4, how="refuse")
    assert images.fit(np.zeros((4, 4, 1)), resolution=4, how="refuse").shape == (4, 4, 1)
    with pytest.raises(InputError, match="`how`"):
        images.fit(np.zeros((4, 4, 1)), resolution=4, how="pad")


# Writing.


@pytest.mark.parametrize("channels", [1, 3])
def test_a_saved_image_round_trips(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, channels)).astype(np.uint8)
    image = images.from_uint8(pixels)
    path = tmp_path / "a.png"
    images.save_image(path, image)
    np.testing.assert_array_equal(images.load_image(path, channels=channels), image)
    with Image.open(path) as picture:
        assert picture.mode == ("L" if channels == 1 else "RGB")


def test_saving_replaces_the_file_and_repeats_its_bytes(tmp_path):
    image = images.from_uint8(COLOURS)
    digests = set()
    for _ in range(2):
        images.save_image(tmp_path / "a.png", image)
        digests.add(hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest())
    assert len(digests) == 1
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_failed_save_preserves_the_old_file(tmp_path, monkeypatch):
    images.save_image(tmp_path / "a.png", images.from_uint8(COLOURS))
    before = (tmp_path / "a.png").read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match=r"`output` must be a file that can be written.*No space"):
        images.save_image(tmp_path / "a.png", images.from_uint8(COLOURS) * 0)
    assert (tmp_path / "a.png").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_saved_file_has_the_default_permissions(tmp_path):
    images.save_image(tmp_path / "a.png", images.from_uint8(COLOURS))
    (tmp_path / "usual").write_bytes(b"")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize(
    ("name", "shape", "argument"),
    [
        ("a.jpg", (2, 2, 3), "output"),
        ("none/a.png", (2, 2, 3), "output"),
        ("a.png", (2, 2), "image"),
        ("a.png", (2, 2, 2), "image"),
        ("a.png", (1, 2, 2, 3), "image"),
        ("a.png", (0, 2, 3), "image"),
    ],
)
def test_an_image_that_cannot_be_saved_is_refused(tmp_path, name, shape, argument):
    with pytest.raises(InputError) as caught:
        images.save_image(tmp_path / name, np.zeros(shape, np.float32))
    assert caught.value.argument == argument


# Examples.


def test_the_face_example_has_a_mask_and_a_small_version():
    (face,) = discovery.find_images("example:astronaut")
    (mask,) = mask_matching.match_masks([face], "example:astronaut_mask")
    (small,) = discovery.find_images("example:astronaut_32")
    picture = images.load_image(face, channels=3)
    assert picture.shape == (512, 512, 3)
    missing = masks.load_mask(mask, resolution=512, aspect=images.image_size(face))
    assert 0.2 <= missing.mean() <= 0.25
    assert missing[244, 320, 0]  # the eye in the right half
    assert not missing[244, 195, 0]
    np.testing.assert_allclose(
        images.load_image(small, channels=3), images.fit(picture, resolution=32), atol=LEVEL
    )


def test_the_radiograph_example_has_a_mask_of_a_third_and_a_small_version():
    (film,) = discovery.find_images("example:xray")
    (mask,) = mask_matching.match_masks([film], "example:xray_mask")
    (small,) = discovery.find_images("example:xray_8")
    size = images.image_size(film)
    assert masks.load_mask(mask, resolution=224, aspect=size).mean() == pytest.approx(
        1 / 3, abs=0.01
    )
    fitted = images.fit(images.load_image(film, channels=1), resolution=64)
    blocks = fitted.reshape(8, 8, 8, 8, 1).mean(axis=(1, 3))
    np.testing.assert_allclose(images.load_image(small, channels=1), blocks, atol=LEVEL)


def test_the_tool_reproduces_the_examples(tmp_path):
    pytest.importorskip("skimage")
    spec = importlib.util.spec_from_file_location("maker", ROOT / "tools" / "make_examples.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    maker.main([str(tmp_path)])
    for path in sorted(tmp_path.iterdir()):
        (shipped,) = discovery.find_images(f"example:{path.stem}")
        assert path.read_bytes() == shipped.read_bytes(), path.name
    # The geometry of FFHQ: level eyes, a quarter of the width apart, centred.
    quad = maker.face_quad(maker.EYES, maker.MOUTH_CORNERS)
    right, down = quad[3] - quad[0], quad[1] - quad[0]
    eyes = [np.linalg.solve(np.stack([right, down], axis=1), eye - quad[0]) for eye in maker.EYES]
    np.testing.assert_allclose(eyes, [[0.375, 0.48], [0.625, 0.48]], atol=0.02)
