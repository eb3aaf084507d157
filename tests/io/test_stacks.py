"""Pages of stacks and frames of animations are separate pictures."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from brgm_tf.io import inputs
from brgm_tf.io.stacks import list_frames


def stack(path, levels=(40, 80, 120), **options):
    pictures = [Image.new("L", (4, 4), level).convert("RGB") for level in levels]
    if path.suffix == ".webp":
        options["lossless"] = True
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
    return path


def levels(spec):
    return (spec.source.load(channels=1).image.mean() + 1) * 127.5


@pytest.mark.parametrize("name", ["a.tif", "a.gif", "a.apng", "a.webp"])
def test_every_frame_is_an_image(tmp_path, name):
    options = {"format": "PNG"} if name == "a.apng" else {}
    specs = inputs.plan(str(stack(tmp_path / name, **options)))
    assert [spec.name for spec in specs] == ["a_p0001", "a_p0002", "a_p0003"]
    np.testing.assert_allclose([levels(spec) for spec in specs], [40, 80, 120], atol=1)
    assert all(spec.source.load(channels=1).notes == () for spec in specs)
    assert [spec.source.header()[:2] for spec in specs] == [(4, 4)] * 3


def test_pages_of_floats_are_images(tmp_path):
    values = np.linspace(0.1, 0.9, 2 * 48).reshape(2, 4, 4, 3).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    specs = inputs.plan(str(tmp_path / "a.tif"))
    assert [spec.name for spec in specs] == ["a_p0001", "a_p0002"]
    second = specs[1].source.load(channels=3).image
    np.testing.assert_allclose(second, 2 * values[1] - 1, atol=1e-6)


def test_a_single_picture_keeps_its_name(tmp_path):
    [spec] = inputs.plan(str(stack(tmp_path / "a.tif", (40,))))
    assert spec.name == "a"


def test_previews_of_a_tiff_are_no_images(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((8, 8, 3), np.uint8), photometric="rgb")
        writer.write(np.zeros((4, 4, 3), np.uint8), photometric="rgb", subfiletype=1)
    assert list_frames(path) == [0]


def test_a_damaged_file_is_one_image(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0damaged")
    assert list_frames(path) == [0]


def test_a_mask_may_belong_to_a_page_or_to_the_stack(tmp_path):
    path = stack(tmp_path / "a.tif", (40, 80))
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("a", "a_p0002"):
        Image.new("L", (4, 4)).save(folder / f"{name}.png")
    specs = inputs.plan(str(path), masks=str(folder), needs_masks=True)
    assert [spec.mask.stem for spec in specs] == ["a", "a_p0002"]
