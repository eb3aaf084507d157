"""Inputs are planned, checked by their headers, and loaded, or refused."""

import dataclasses

import h5py
import numpy as np
import pytest
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import inputs, mask_detection
from brgm_tf.io.pictures import PictureArray, PictureFile

SIZE = 8
PHOTOGRAPH = inputs.InputRequirements(
    size=SIZE, resizable=True, resolution=SIZE, mask_resolution=SIZE, channels=3
)
SQUARE_ONLY = dataclasses.replace(PHOTOGRAPH, non_square="refuse")
SMALL = dataclasses.replace(PHOTOGRAPH, size=4, resizable=False)


def save(path, *, size=(SIZE, SIZE), level=255):
    Image.new("L", size, level).save(path)
    return path


def array(*shape):
    return np.random.RandomState(0).uniform(-1, 1, shape)


def spec(image, *, mask=None):
    """Returns a path or an array as an input named 'picture'."""
    source = PictureArray(image) if isinstance(image, np.ndarray) else PictureFile(image)
    return inputs.InputSpec("picture", source, mask)


def refused(function, *arguments, **options):
    """Returns the InputError of the call, which has one line."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return caught.value


# k-space.


KSPACE = dataclasses.replace(
    PHOTOGRAPH, channels=2, resizable=False, sampled=np.ones((SIZE, SIZE), bool)
)


def kspace(*shape):
    rng = np.random.RandomState(1)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def test_arrays_of_kspace_have_one_coil_or_several():
    specs = inputs.plan([kspace(8, 8), kspace(8, 8, 2), kspace(3, 8, 8, 2)], kspace=True)
    assert [tuple(spec.source.header()) for spec in specs] == [(8, 8, 1), *[(8, 8, 2)] * 4]


def test_a_folder_of_kspace_has_a_job_for_each_slice(tmp_path):
    np.save(tmp_path / "a.npy", kspace(8, 8))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["kspace"] = kspace(2, 8, 8)
    save(tmp_path / "c.png")
    specs = inputs.plan(tmp_path, kspace=True)
    assert [spec.name for spec in specs] == ["a", "b_slice00", "b_slice01"]


def test_kspace_is_checked_by_its_header_and_loaded(tmp_path):
    values = kspace(3, 2, 10, 9)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["kspace"] = values
    spec = inputs.plan(tmp_path / "b.h5", kspace=True)[1]
    inputs.check(spec, expected=KSPACE)
    loaded = inputs.load(spec, expected=KSPACE)
    assert (loaded.image.shape, loaded.image.dtype) == ((8, 8, 2), np.complex64)
    assert loaded.missing is None


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 8, 3), "k-space of 2 coils"),
        ((8, 9, 2), "as many rows as columns"),
        ((9, 7, 2), "8 at least"),
    ],
)
def test_kspace_of_another_size_is_refused(shape, message):
    (spec,) = inputs.plan(kspace(*shape), kspace=True)
    assert message in str(refused(inputs.check, spec, expected=KSPACE))


def test_kspace_that_is_not_square_is_refused_on_request():
    (spec,) = inputs.plan(kspace(9, 8, 2), kspace=True)
    inputs.check(spec, expected=KSPACE)
    strict = dataclasses.replace(KSPACE, non_square="refuse")
    assert "square" in str(refused(inputs.check, spec, expected=strict))


def test_kspace_without_values_at_sampled_positions_is_refused():
    values = kspace(8, 8, 2)
    values[:, ::2] = 0
    (spec,) = inputs.plan(values, kspace=True)
    error = refused(inputs.load, spec, expected=KSPACE)
    assert "is 0 at 50% of the places that the corruption samples" in str(error)
    sampled = np.tile(np.arange(8) % 2 == 1, (8, 1))
    loaded = inputs.load(spec, expected=dataclasses.replace(KSPACE, sampled=sampled))
    np.testing.assert_array_equal(loaded.image, values)


@pytest.mark.parametrize("wrong", [np.ones((8, 8)), np.full((8, 8), np.nan + 0j), kspace(8)])
def test_arrays_other_than_kspace_are_refused(wrong):
    assert refused(inputs.plan, wrong, kspace=True).argument == "input"


def test_a_picture_for_kspace_is_refused(tmp_path):
    error = refused(inputs.plan, save(tmp_path / "a.png"), kspace=True)
    assert "Give input_kind=clean to have a picture measured" in str(error)


# Planning.


def test_a_folder_has_a_job_for_each_image_named_by_its_stem(tmp_path):
    paths = [save(tmp_path / f"{name}.png") for name in ("b", "a")]
    specs = inputs.plan(tmp_path)
    assert [(spec.name, spec.source.path) for spec in specs] == [("a", paths[1]), ("b", paths[0])]
    assert all(spec.mask is None for spec in specs)


def test_a_batch_of_arrays_has_numbered_jobs():
    batch = array(2, 4, 4, 3)
    specs = inputs.plan(batch)
    assert [spec.name for spec in specs] == ["image_00000", "image_00001"]
    np.testing.assert_array_equal(np.stack([spec.source.values for spec in specs]), batch)


def test_a_single_array_has_one_job():
    assert len(inputs.plan(array(4, 4, 3))) == 1


def test_a_list_may_mix_paths_and_arrays_in_any_order(tmp_path):
    path = save(tmp_path / "a.png")
    specs = inputs.plan([array(4, 4, 3), str(path), array(2, 4, 4, 3), "example:astronaut_32"])
    names = ["image_00000", "a", "image_00002", "image_00003", "astronaut_32"]
    assert [spec.name for spec in specs] == names


def test_equal_stems_receive_different_names(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "a.bmp")
    assert len({spec.name for spec in inputs.plan(tmp_path)}) == 2


def test_arrays_and_files_in_several_folders_receive_different_names(tmp_path):
    for folder in ("1", "2"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "x.png")
    save(tmp_path / "image_00001.png")
    specs = inputs.plan([tmp_path / "image_00001.png", array(2, 4, 4, 3), f"{tmp_path}/*/x.png"])
    names = [spec.name for spec in specs]
    assert names == ["image_00001", "image_00001_2", "image_00002", "1__x", "2__x"]


def test_one_mask_file_applies_to_all_images(tmp_path):
    mask = save(tmp_path / "mask.png")
    with Image.open(mask) as picture:
        picture.putpixel((1, 2), 0)
        picture.save(mask)
    specs = inputs.plan(array(2, SIZE, SIZE, 3), masks=mask, needs_masks=True)
    assert [spec.mask for spec in specs] == [mask, mask]


def test_an_example_mask_applies_to_arrays():
    (only,) = inputs.plan(array(SIZE, SIZE, 3), masks="example:astronaut_mask", needs_masks=True)
    assert only.mask.is_file()


def test_a_folder_of_masks_is_matched_by_name(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            save(tmp_path / folder / f"{name}.png")
    specs = inputs.plan(tmp_path / "images", masks=tmp_path / "masks", needs_masks=True)
    assert [spec.mask.name for spec in specs] == ["a.png", "b.png"]


@pytest.mark.parametrize("shape", [(2, SIZE, SIZE, 1), (SIZE, SIZE, 1), (SIZE, SIZE)])
def test_mask_arrays_are_given_for_each_image_or_for_all(shape):
    masks = array(*shape) > 0
    specs = inputs.plan(array(2, SIZE, SIZE, 3), masks=masks, needs_masks=True)
    for i, planned in enumerate(specs):
        np.testing.assert_array_equal(planned.mask, masks[i] if len(shape) == 4 else masks)


@pytest.mark.parametrize("nothing", [[], (), None, 3, [[]], np.zeros((0, 4, 4, 3))])
def test_an_empty_input_is_refused(nothing):
    assert refused(inputs.plan, nothing).argument == "input"


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path):
    assert refused(inputs.plan, tmp_path / "none.png").argument == "input"
    assert refused(inputs.plan, tmp_path).argument == "input"


def test_a_corruption_with_masks_receives_them():
    error = refused(inputs.plan, array(4, 4, 3), needs_masks=True)
    assert error.argument == "masks"
    assert "must be given" in str(error)


def test_masks_for_a_corruption_without_masks_are_refused():
    error = refused(inputs.plan, array(4, 4, 3), masks=np.zeros((4, 4), bool))
    assert error.argument == "masks"
    assert "must not be given" in str(error)


@pytest.mark.parametrize(
    "masks",
    [
        np.zeros((SIZE, SIZE)),
        np.zeros((3, SIZE, SIZE, 1), bool),
        np.zeros(SIZE, bool),
        "no/such/mask.png",
    ],
    ids=["float", "count", "rank", "path"],
)
def test_masks_that_do_not_match_the_images_are_refused(masks):
    images = array(2, SIZE, SIZE, 3)
    assert refused(inputs.plan, images, masks=masks, needs_masks=True).argument == "masks"


def test_a_folder_of_masks_for_arrays_is_refused(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    images = array(2, SIZE, SIZE, 3)
    assert refused(inputs.plan, images, masks=tmp_path, needs_masks=True).argument == "masks"


def test_an_image_without_a_mask_is_refused(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / f"{name}.png")
    (tmp_path / "masks").mkdir()
    save(tmp_path / "masks" / "b.png")
    specs = inputs.plan(tmp_path, masks=tmp_path / "masks", needs_masks=True)
    assert refused(inputs.check, specs[0], expected=PHOTOGRAPH).argument == "masks"
    assert specs[1].mask == tmp_path / "masks" / "b.png"


def test_a_mask_detector_applies_to_all_images():
    specs = inputs.plan(array(2, SIZE, SIZE, 3), masks="found(fill=255)", needs_masks=True)
    assert [spec.mask for spec in specs] == [mask_detection.MaskDetector(fill=255)] * 2


def test_mask_detection_in_clean_images_is_refused():
    images = array(SIZE, SIZE, 3)
    error = refused(inputs.plan, images, masks="found", needs_masks=True, kind="clean")
    assert error.argument == "masks"
    assert "clean" in str(error)


def test_a_mask_detector_requires_a_corruption_with_masks():
    assert refused(inputs.plan, array(SIZE, SIZE, 3), masks="found").argument == "masks"


# Checking.


def test_a_photograph_of_any_size_is_accepted(tmp_path):
    inputs.check(spec(save(tmp_path / "a.png", size=(30, 20))), expected=PHOTOGRAPH)
    inputs.check(spec(array(30, 20, 3)), expected=PHOTOGRAPH)


def test_a_measurement_of_the_expected_size_is_accepted(tmp_path):
    inputs.check(spec(save(tmp_path / "a.png", size=(4, 4))), expected=SMALL)
    inputs.check(spec(array(4, 4, 3)), expected=SMALL)


@pytest.mark.parametrize("side", [3, 5, 8])
def test_a_measurement_of_another_size_is_refused(tmp_path, side):
    for image in (save(tmp_path / "a.png", size=(side, side)), array(side, side, 3)):
        error = refused(inputs.check, spec(image), expected=SMALL)
        assert error.argument == "input"
        assert "4 x 4" in str(error)
        assert f"{side} x {side}" in str(error)


def test_another_shape_is_refused_unless_it_is_cropped(tmp_path):
    for image in (save(tmp_path / "a.png", size=(8, 6)), array(6, 8, 3)):
        error = refused(inputs.check, spec(image), expected=SQUARE_ONLY)
        assert "8 x 6" in str(error)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 4), (1, 4, 4, 3), (0, 0, 3)])
def test_arrays_of_other_shapes_are_refused(shape):
    assert refused(inputs.check, spec(array(*shape)), expected=PHOTOGRAPH).argument == "input"


@pytest.mark.parametrize("value", [255, 1.01, -1.01, np.nan, np.inf])
def test_arrays_out_of_range_are_refused(value):
    image = array(4, 4, 3)
    image[1, 2, 0] = value
    error = refused(inputs.check, spec(image), expected=PHOTOGRAPH)
    assert "picture: must hold floats in [-1, 1]. Give uint8 grey levels" in str(error)


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, bool, complex])
def test_arrays_of_other_types_are_refused(dtype):
    error = refused(inputs.check, spec(np.zeros((4, 4, 3), dtype)), expected=PHOTOGRAPH)
    assert "uint8 grey levels in [0, 255] or floats in [-1, 1]" in str(error)


@pytest.mark.parametrize("mask", [np.ones((SIZE, SIZE, 1), bool), np.zeros((4, 4), bool)])
def test_an_unusable_mask_array_is_refused_before_loading(mask):
    bad = spec(array(SIZE, SIZE, 3), mask=mask)
    assert refused(inputs.check, bad, expected=PHOTOGRAPH).argument == "masks"


def test_a_file_without_an_image_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("no image")
    assert refused(inputs.check, spec(path), expected=PHOTOGRAPH).argument == "input"


def test_an_undetectable_mask_is_refused_before_loading(tmp_path):
    for image in (array(SIZE, SIZE, 3), save(tmp_path / "a.png", level=3)):
        bad = spec(image, mask=mask_detection.MaskDetector(fill=255))
        error = refused(inputs.check, bad, expected=PHOTOGRAPH)
        assert error.argument == "masks"
        assert "picture" in str(error)


def test_mask_detection_in_measurements_of_lower_resolution_is_refused():
    bad = spec(array(4, 4, 3), mask=mask_detection.MaskDetector())
    assert "8 x 8" in str(refused(inputs.check, bad, expected=SMALL))


# Loading.


def test_an_array_of_the_expected_size_is_loaded_unchanged():
    image = array(SIZE, SIZE, 3)
    loaded = inputs.load(spec(image), expected=PHOTOGRAPH)
    assert loaded.name == "picture"
    assert loaded.image.dtype == np.float32
    assert loaded.missing is None
    np.testing.assert_array_equal(loaded.image, image.astype("float32"))


@pytest.mark.parametrize("kind", ["uint8", "PIL", "tensor"])
def test_grey_levels_are_loaded_from_arrays_images_and_tensors(kind):
    levels = np.random.RandomState(0).randint(0, 256, (SIZE, SIZE, 3), np.uint8)
    if kind == "PIL":
        image = Image.fromarray(levels)
    elif kind == "tensor":
        tf = pytest.importorskip("tensorflow")
        image = tf.constant(levels)
    else:
        image = levels
    (planned,) = inputs.plan([image])
    inputs.check(planned, expected=PHOTOGRAPH)
    loaded = inputs.load(planned, expected=PHOTOGRAPH)
    assert planned.name == "image_00000"
    np.testing.assert_array_equal(loaded.image, levels.astype("float32") / 127.5 - 1)


def test_a_batch_of_float_tensors_is_loaded():
    tf = pytest.importorskip("tensorflow")
    images = array(2, SIZE, SIZE, 3).astype("float32")
    for planned, image in zip(inputs.plan(tf.constant(images)), images, strict=True):
        loaded = inputs.load(planned, expected=PHOTOGRAPH)
        np.testing.assert_array_equal(loaded.image, image)


def test_an_opened_image_equals_its_file(tmp_path):
    path = save(tmp_path / "a.png", size=(30, 20), level=7)
    with Image.open(path) as image:
        specs = inputs.plan([image, path])
        first, second = (inputs.load(one, expected=PHOTOGRAPH).image for one in specs)
    assert [one.name for one in specs] == ["a", "a_2"]
    np.testing.assert_array_equal(first, second)


def test_a_photograph_is_cropped_and_resized(tmp_path):
    loaded = inputs.load(spec(save(tmp_path / "a.png", size=(30, 20))), expected=PHOTOGRAPH)
    np.testing.assert_array_equal(loaded.image, np.ones((SIZE, SIZE, 3)))


def test_a_mask_file_is_loaded_at_the_resolution_of_the_generator(tmp_path):
    mask = np.full((2, 2), 255, np.uint8)
    mask[0] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    loaded = inputs.load(spec(array(4, 4, 3), mask=tmp_path / "mask.png"), expected=SMALL)
    expected = np.arange(SIZE)[:, None, None] < SIZE // 2
    np.testing.assert_array_equal(loaded.missing, np.broadcast_to(expected, (SIZE, SIZE, 1)))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mask_is_detected_in_the_colours_of_files_and_in_arrays(tmp_path, channels):
    hole = np.zeros((SIZE, SIZE), bool)
    hole[2:, 3:] = True
    levels = np.random.RandomState(0).randint(0, 255, (SIZE, SIZE, 3), np.uint8)
    levels[hole] = (255, 0, 0)
    Image.fromarray(levels).save(tmp_path / "a.png")
    expected = inputs.InputRequirements(SIZE, True, SIZE, SIZE, channels)
    loaded = inputs.load(
        spec(tmp_path / "a.png", mask=mask_detection.MaskDetector((255, 0, 0))), expected=expected
    )
    assert loaded.image.shape == (SIZE, SIZE, channels)
    np.testing.assert_array_equal(loaded.missing[..., 0], hole)
    image = array(SIZE, SIZE, channels)
    image[hole] = 1
    loaded = inputs.load(spec(image, mask=mask_detection.MaskDetector(255)), expected=expected)
    np.testing.assert_array_equal(loaded.missing[..., 0], hole)


@pytest.mark.parametrize("shape", [(SIZE, SIZE), (SIZE, SIZE, 1)])
def test_a_mask_array_receives_a_channel_axis(shape):
    mask = array(*shape) > 0
    loaded = inputs.load(spec(array(SIZE, SIZE, 3), mask=mask), expected=PHOTOGRAPH)
    np.testing.assert_array_equal(loaded.missing, mask.reshape(SIZE, SIZE, 1))


def test_a_mask_array_of_another_size_is_refused():
    bad = spec(array(SIZE, SIZE, 3), mask=np.zeros((4, 4), bool))
    assert refused(inputs.load, bad, expected=PHOTOGRAPH).argument == "masks"


def test_a_mask_of_the_whole_image_is_refused(tmp_path):
    bad = spec(array(SIZE, SIZE, 3), mask=save(tmp_path / "mask.png", level=0))
    assert refused(inputs.load, bad, expected=PHOTOGRAPH).argument == "masks"


def test_a_truncated_file_is_refused_during_loading(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1000])
    assert refused(inputs.load, spec(path), expected=PHOTOGRAPH).argument == "input"


def test_notes_about_the_picture_and_its_mask_are_loaded(tmp_path):
    levels = np.tile(np.linspace(0, 255, SIZE).astype(np.uint8), (SIZE, 1))
    picture = Image.fromarray(levels)
    picture.save(tmp_path / "a.tif", save_all=True, append_images=[picture])
    picture.save(tmp_path / "mask.png")
    loaded = inputs.load(spec(tmp_path / "a.tif", mask=tmp_path / "mask.png"), expected=PHOTOGRAPH)
    assert [note[:10] for note in loaded.notes] == ["Only the f", "75% of the"]


@pytest.mark.parametrize(("is_damaged", "width"), [(True, 12), (False, 2)])
def test_a_hole_in_a_damaged_picture_grows_when_the_picture_is_enlarged(
    tmp_path, is_damaged, width
):
    known = np.full((SIZE, SIZE), 255, np.uint8)
    known[:, 3] = 0
    Image.fromarray(known).save(tmp_path / "mask.png")
    large = dataclasses.replace(
        PHOTOGRAPH, size=16, resolution=16, mask_resolution=16, is_damaged=is_damaged
    )
    missing = inputs.load(
        spec(array(SIZE, SIZE, 3), mask=tmp_path / "mask.png"), expected=large
    ).missing
    assert missing[8].sum() == width
