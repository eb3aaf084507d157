"""Slices of medical files: their orientation, their window, and their position when written.

The files are generated: the values of a volume are a linear function of the patient coordinates.
Each voxel of a restored slice, reduced by area means, has the value of this function for every
orientation of the axes of the file.
"""

import gzip
import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from example_results import image, result, samples
from medical_files import (
    GRADIENT,
    ct,
    dicom_points,
    dicom_values,
    linear,
    rotation,
    volume,
    voxel_points,
)

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.masking.membrane import fill_seamlessly
from brgm_tf.io import images, inputs
from brgm_tf.io.medical import Geometry, Slicing, is_medical, list_slices
from brgm_tf.io.medical.slices import Window
from brgm_tf.reporting import writer

WIDE = "-2000:2000"
ORIENTATIONS = ["RAS", "LPS", "LAS", "PIR", "SRA", "ILP"]


def only(path, **slicing):
    (source,) = list_slices(path, Slicing(**slicing))
    return source


def reduced(source, resolution):
    """Returns the picture of a slice, reduced like a restoration, and its geometry."""
    picture, window = source.read()
    return images.fit(picture, resolution=resolution), Geometry(source, window)


def reread(contents, folder):
    (folder / "out.nii.gz").write_bytes(contents)
    return nib.load(folder / "out.nii.gz")


# Selection of slices.


@pytest.mark.parametrize(
    ("slices", "expected"),
    [("middle", [4]), ("all", range(8)), ("3", [3]), ("-1", [7]), ("2:5", [2, 3, 4])],
)
def test_slices_are_selected_by_index(tmp_path, slices, expected):
    sources = list_slices(volume(tmp_path / "a.nii"), Slicing(slices=slices))
    assert [item.index for item in sources] == list(expected)


def test_a_range_of_slices_has_a_step(tmp_path):
    sources = list_slices(volume(tmp_path / "a.nii"), Slicing(slices="1::3"))
    assert [item.index for item in sources] == [1, 4, 7]


@pytest.mark.parametrize(
    ("plane", "shape"), [("axial", (10, 12)), ("coronal", (8, 12)), ("sagittal", (8, 10))]
)
@pytest.mark.parametrize("axes", ORIENTATIONS)
def test_planes_follow_the_patient_axes(tmp_path, axes, plane, shape):
    assert only(volume(tmp_path / "a.nii", axes=axes), plane=plane).shape == shape


def test_a_slice_is_named_by_plane_and_index(tmp_path):
    source = only(volume(tmp_path / "head.nii.gz", shape=(12, 10, 108)), slices="7")
    assert source.name.stem == "head_axial007"


def test_a_flat_nifti_file_has_one_slice(tmp_path):
    nib.save(nib.Nifti1Image(np.arange(12.0).reshape(4, 3), np.eye(4)), tmp_path / "a.nii")
    assert only(tmp_path / "a.nii", slices="all").shape == (3, 4)


def test_dicom_is_detected_by_its_first_bytes(tmp_path):
    assert is_medical(ct(tmp_path / "IM0001"))


def test_a_picture_is_not_a_medical_file(tmp_path):
    images.save_image(tmp_path / "a.png", image(4, 4, 1))
    assert not is_medical(tmp_path / "a.png")


# Orientation.


@pytest.mark.parametrize("axes", ORIENTATIONS)
@pytest.mark.parametrize(
    ("plane", "down", "right"),
    [
        ("axial", (0, -1, 0), (-1, 0, 0)),
        ("coronal", (0, 0, -1), (-1, 0, 0)),
        ("sagittal", (0, 0, -1), (0, -1, 0)),
    ],
)
def test_slices_have_the_radiological_orientation(tmp_path, axes, plane, down, right):
    source = only(volume(tmp_path / "a.nii.gz", axes=axes), plane=plane, window=WIDE)
    picture, window = source.read()
    values = window.to_values(picture[..., 0])
    step = 2.0 * rotation().T @ GRADIENT  # per voxel to the right, front and head
    np.testing.assert_allclose(np.diff(values, axis=0), np.dot(step, down), atol=1e-3)
    np.testing.assert_allclose(np.diff(values, axis=1), np.dot(step, right), atol=1e-3)


def test_metrics_state_the_directions_of_rows_and_columns(tmp_path):
    about = only(volume(tmp_path / "a.nii"), plane="coronal").about
    assert (about["rows"], about["columns"]) == ("S to I", "R to L")


def test_the_directions_of_a_dicom_slice_are_stated(tmp_path):
    about = only(ct(tmp_path / "a.dcm")).about
    assert (about["rows"], about["columns"]) == ("A to P", "R to L")


def test_monochrome1_is_inverted(tmp_path):
    plain, _ = only(ct(tmp_path / "a.dcm"), window="-200:200").read()
    inverted, _ = only(ct(tmp_path / "b.dcm", inverted=True), window="-200:200").read()
    np.testing.assert_allclose(inverted, -plain)


# The window.


def test_the_requested_window_has_priority(tmp_path):
    path = volume(tmp_path / "a.nii", cal_min=1, cal_max=9)
    assert only(path, window="-5:15.5").read()[1] == Window(-5.0, 15.5)


def test_the_window_of_the_nifti_header_is_the_first_default(tmp_path):
    assert only(volume(tmp_path / "a.nii", cal_min=1, cal_max=9)).read()[1] == Window(1.0, 9.0)


def test_the_last_default_clips_half_a_percent_at_either_end(tmp_path):
    source = only(volume(tmp_path / "a.nii", shape=(20, 20, 20)), slices="3")
    whole = np.asarray(nib.load(tmp_path / "a.nii").dataobj)
    np.testing.assert_allclose(source.read()[1], np.quantile(whole, [0.005, 0.995]), rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "window"), [(None, (-60.0, 139.0)), ("LINEAR_EXACT", (-60.0, 140.0))]
)
def test_dicom_windows_follow_the_standard(tmp_path, function, window):
    elements = {"WindowCenter": [40, 9], "WindowWidth": [200, 1]}
    if function:
        elements["VOILUTFunction"] = function
    assert only(ct(tmp_path / "a.dcm", **elements)).read()[1] == Window(*window)


def test_values_outside_the_window_are_clipped():
    np.testing.assert_allclose(
        Window(0, 10).to_image(np.array([-5, 0, 5, 10, 11])), [-1, -1, 0, 1, 1]
    )


def test_to_values_inverts_to_image():
    values = np.linspace(-30, 70, 11)
    window = Window(-30, 70)
    np.testing.assert_allclose(window.to_values(window.to_image(values)), values, atol=1e-4)


# Writing at the original position.


@pytest.mark.parametrize("axes", ORIENTATIONS)
@pytest.mark.parametrize(("plane", "resolution"), [("axial", 5), ("coronal", 4), ("sagittal", 8)])
def test_every_voxel_of_a_restored_slice_has_its_patient_coordinates(
    tmp_path, axes, plane, resolution
):
    source = only(volume(tmp_path / "a.nii.gz", axes=axes), plane=plane, window=WIDE)
    picture, geometry = reduced(source, resolution)
    written = reread(geometry.encode_image(picture, part="reconstruction"), tmp_path)
    np.testing.assert_allclose(
        written.get_fdata(), linear(voxel_points(written.shape, written.affine)), atol=2e-3
    )


@pytest.mark.parametrize("axes", ORIENTATIONS)
def test_a_slice_at_the_resolution_of_the_picture_preserves_every_voxel(tmp_path, axes):
    path = volume(tmp_path / "a.nii.gz", axes=axes, shape=(8, 8, 3))
    picture, geometry = reduced(only(path, slices="2", window=WIDE), 8)
    written = reread(geometry.encode_image(picture, part="reconstruction"), tmp_path)
    assert nib.aff2axcodes(written.affine) == tuple(axes)
    whole = nib.load(path)
    across = axes.index(next(letter for letter in axes if letter in "SI"))
    index = 2 if "S" in axes else 0
    np.testing.assert_allclose(
        written.get_fdata(), np.take(whole.get_fdata(), [index], axis=across), atol=1e-3
    )
    np.testing.assert_allclose(written.affine[:3, :3], whole.affine[:3, :3], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (4, 1)])
def test_the_codes_of_the_spaces_are_preserved(tmp_path, sform, qform):
    path = volume(tmp_path / "a.nii", sform_code=sform, qform_code=qform)
    picture, geometry = reduced(only(path), 5)
    header = reread(geometry.encode_image(picture, part="reconstruction"), tmp_path).header
    assert int(header["qform_code"]) == qform
    assert int(header["sform_code"]) == (sform or qform)


@pytest.mark.parametrize("axes", ORIENTATIONS)
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_two_different_spaces_are_both_preserved(tmp_path, axes, plane):
    path = volume(tmp_path / "a.nii", axes=axes, sform_code=4, qform_code=1)
    original = nib.load(path)
    # The scanner space is a rotation of the template space, with another origin.
    turn = np.array([[0, -1, 0, 30], [1, 0, 0, -9], [0, 0, 1, 5], [0, 0, 0, 1.0]])
    original.set_qform(turn @ original.affine, code=1)
    path = tmp_path / "b.nii"
    nib.save(original, path)
    picture, geometry = reduced(only(path, plane=plane), 5)
    written = reread(geometry.encode_image(picture, part="reconstruction"), tmp_path)
    assert (int(written.header["sform_code"]), int(written.header["qform_code"])) == (4, 1)
    np.testing.assert_allclose(written.get_qform(), turn @ written.get_sform(), atol=1e-4)


@pytest.mark.parametrize("axes", ["RAS", "PIR"])
@pytest.mark.parametrize(
    "kind", [(nib.Nifti1Image, ">"), (nib.Nifti2Image, "<"), (nib.Nifti2Image, ">")]
)
def test_volumes_of_every_version_and_byte_order_are_written_at_their_position(
    tmp_path, axes, kind
):
    make, order = kind
    plain = nib.load(volume(tmp_path / "plain.nii", axes=axes))
    header = make.header_class(endianness=order)
    nib.save(make(np.asarray(plain.dataobj), plain.affine, header), tmp_path / "a.nii")
    source = only(tmp_path / "a.nii", window=WIDE)
    source.check_contents()
    picture, geometry = reduced(source, 5)
    written = reread(geometry.encode_image(picture, part="reconstruction"), tmp_path)
    np.testing.assert_allclose(
        written.get_fdata(), linear(voxel_points(written.shape, written.affine)), atol=2e-3
    )


def test_axes_that_do_not_span_the_space_are_refused(tmp_path):
    affine = np.diag([1.0, 1.0, 0.0, 1.0])
    header = nib.Nifti1Image(np.ones((4, 4, 4), np.float32), np.eye(4))
    header.set_sform(affine, code=1)
    nib.save(header, tmp_path / "a.nii")
    with pytest.raises(InputError, match="axes that span the space"):
        list_slices(tmp_path / "a.nii", Slicing())


def test_a_standard_deviation_is_written_in_the_unit_of_the_file(tmp_path):
    source = only(volume(tmp_path / "a.nii"), window="0:510")
    geometry = Geometry(source, source.read()[1])
    written = reread(
        geometry.encode_stddev(np.full((5, 5), 3.0), mean=np.zeros((5, 5, 1)), part="stddev"),
        tmp_path,
    )
    np.testing.assert_allclose(written.get_fdata(), 6.0)


def test_equal_restorations_have_equal_bytes(tmp_path):
    picture, geometry = reduced(only(volume(tmp_path / "a.nii")), 5)
    first, again = (geometry.encode_image(picture, part="merged") for _ in range(2))
    assert first == again
    assert gzip.decompress(first)[:4] == (348).to_bytes(4, "little")


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("resolution", [5, 10])
def test_every_pixel_of_a_restored_dicom_slice_has_its_patient_coordinates(
    tmp_path, resolution, inverted
):
    source = only(ct(tmp_path / "a.dcm", inverted=inverted), window="-400:400")
    picture, geometry = reduced(source, resolution)
    (tmp_path / "out.dcm").write_bytes(geometry.encode_image(picture, part="reconstruction"))
    written = pydicom.dcmread(tmp_path / "out.dcm")
    values = written.pixel_array * written.RescaleSlope + written.RescaleIntercept
    np.testing.assert_allclose(values, linear(dicom_points(written)), atol=0.11)


def test_a_restored_dicom_slice_is_derived_from_the_same_study(tmp_path):
    picture, geometry = reduced(only(ct(tmp_path / "a.dcm")), 5)
    (tmp_path / "out.dcm").write_bytes(geometry.encode_image(picture, part="reconstruction"))
    before, after = (pydicom.dcmread(tmp_path / name) for name in ("a.dcm", "out.dcm"))
    assert after.StudyInstanceUID == before.StudyInstanceUID
    assert after.PatientID == before.PatientID
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.SeriesInstanceUID != before.SeriesInstanceUID
    assert list(after.ImageType) == ["DERIVED", "SECONDARY"]


def test_a_dicom_slice_is_written_with_the_window_of_its_input(tmp_path):
    picture, geometry = reduced(only(ct(tmp_path / "a.dcm"), window="-30:70"), 5)
    (tmp_path / "out.dcm").write_bytes(geometry.encode_image(picture, part="reconstruction"))
    assert only(tmp_path / "out.dcm").read()[1] == Window(-30.0, 70.0)


def test_values_beyond_the_stored_bits_are_written_with_another_scale(tmp_path):
    path = ct(tmp_path / "a.dcm", slope=0.005)
    geometry = Geometry(only(path, window="-1000:1000"), Window(-1000, 1000))
    picture = np.linspace(-1, 1, 25).reshape(5, 5, 1)
    (tmp_path / "out.dcm").write_bytes(geometry.encode_image(picture, part="mean"))
    np.testing.assert_allclose(
        dicom_values(pydicom.dcmread(tmp_path / "out.dcm")), 1000 * picture[..., 0], atol=0.016
    )


# Planning and results.


EXPECTED = inputs.InputRequirements(
    size=8, resizable=True, resolution=8, mask_resolution=8, channels=3, non_square="crop"
)


def test_every_slice_is_a_job_with_its_geometry(tmp_path):
    path = volume(tmp_path / "head.nii.gz")
    specs = inputs.plan(str(path), slicing=Slicing(slices="2:4"))
    assert [spec.name for spec in specs] == ["head_axial2", "head_axial3"]
    loaded = inputs.load(specs[0], expected=EXPECTED)
    assert loaded.image.shape == (8, 8, 3)
    assert loaded.geometry.about["slice"] == 2


def test_a_folder_may_mix_pictures_and_medical_files(tmp_path):
    volume(tmp_path / "a.nii.gz")
    ct(tmp_path / "b.dcm")
    images.save_image(tmp_path / "c.png", image(4, 4, 1))
    assert [spec.name for spec in inputs.plan(str(tmp_path))] == ["a_axial4", "b_dcm", "c"]


def test_masks_are_matched_by_the_names_of_slices(tmp_path):
    path = volume(tmp_path / "head.nii.gz")
    (tmp_path / "masks").mkdir()
    for index in (2, 3):
        images.save_image(tmp_path / "masks" / f"head_axial{index}.png", image(8, 8, 1))
    specs = inputs.plan(
        str(path), masks=str(tmp_path / "masks"), needs_masks=True, slicing=Slicing(slices="2:4")
    )
    assert [spec.mask.name for spec in specs] == ["head_axial2.png", "head_axial3.png"]


@pytest.mark.parametrize(("make", "suffix"), [(volume, ".nii.gz"), (ct, ".dcm")])
def test_results_are_written_in_the_format_of_the_input(tmp_path, make, suffix):
    path = make(tmp_path / f"in{suffix}")
    source = only(path)
    geometry = Geometry(source, source.read()[1])
    writer.save_image_result(
        tmp_path, result(name="x", channels=1, samples=samples(channels=1), geometry=geometry)
    )
    for part in ("reconstruction", "merged", "mean", "stddev"):
        assert only(tmp_path / "x" / f"{part}{suffix}").shape == (16, 16)
    metrics = json.loads((tmp_path / "x" / "metrics.json").read_text())
    assert metrics["geometry"]["window"] == list(geometry.display)
    assert metrics["geometry"]["file"] == path.name


@pytest.mark.parametrize(("make", "suffix"), [(volume, ".nii.gz"), (ct, ".dcm")])
def test_known_pixels_of_a_merged_slice_have_the_values_of_the_file(tmp_path, make, suffix):
    path = make(tmp_path / f"in{suffix}")
    measured, geometry = reduced(only(path, window="-2000:2000"), 10)
    known = np.ones((10, 10, 1), bool)
    known[3:6, 2:7] = False
    x = np.square(np.linspace(-1, 1, 100, dtype=np.float32)).reshape(1, 10, 10, 1)
    filled = fill_seamlessly(x, measured[None], known=known[None])[0]
    (tmp_path / f"out{suffix}").write_bytes(geometry.encode_image(filled, part="merged"))
    written, _ = only(tmp_path / f"out{suffix}", window="-2000:2000").read()
    np.testing.assert_allclose(written[known], measured[known], atol=2e-7)
    assert np.abs(written - measured)[~known].max() > 0.01


def test_a_later_run_with_a_picture_removes_the_medical_files(tmp_path):
    source = only(volume(tmp_path / "in.nii.gz"))
    geometry = Geometry(source, source.read()[1])
    writer.save_image_result(tmp_path, result(name="x", channels=1, geometry=geometry))
    writer.save_image_result(tmp_path, result(name="x", channels=1))
    assert not list((tmp_path / "x").glob("*.nii.gz"))


# Refusals.


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("plane", "oblique"),
        ("slices", "some"),
        ("slices", "1:2:0"),
        ("window", "9:9"),
        ("window", "nan:3"),
        ("window", "40"),
    ],
)
def test_an_invalid_choice_is_named(argument, value):
    with pytest.raises(InputError, match=f"`{argument}`.*{value}"):
        Slicing(**{argument: value})


def test_missing_slices_of_a_volume_are_named(tmp_path):
    with pytest.raises(InputError, match=r"`slices`.*0 to 7"):
        list_slices(volume(tmp_path / "a.nii"), Slicing(slices="9"))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.dcm"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind" * 40)
    with pytest.raises(InputError, match=r"`input` must be a (NIfTI volume|DICOM slice)"):
        list_slices(tmp_path / name, Slicing())


def test_a_truncated_volume_is_refused_in_one_line(tmp_path):
    path = volume(tmp_path / "a.nii")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="`input` must be a NIfTI volume that can be read"):
        only(path).read()


def test_several_volumes_in_a_file_are_refused(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 2), np.float32), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match="one volume of real numbers"):
        list_slices(tmp_path / "a.nii", Slicing())


def test_several_frames_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"one grey picture.*NIfTI.*frames=2"):
        only(ct(tmp_path / "a.dcm", NumberOfFrames=2))


def test_a_constant_volume_is_refused(tmp_path):
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), np.float32), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match="must hold values that differ"):
        only(tmp_path / "a.nii").read()


def test_a_volume_with_nan_is_refused(tmp_path):
    values = np.full((4, 4, 4), np.nan, np.float32)
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match="must hold finite numbers"):
        only(tmp_path / "a.nii").read()


def test_a_plane_with_non_square_pixels_is_refused_before_reading(tmp_path):
    path = volume(tmp_path / "a.nii", spacing=(1.0, 1.0, 3.0))
    axial, coronal = (inputs.plan(str(path), slicing=Slicing(p)) for p in ("axial", "coronal"))
    inputs.check(axial[0], expected=EXPECTED)
    with pytest.raises(InputError, match=r"square pixels.*another plane.*3 x 1"):
        inputs.check(coronal[0], expected=EXPECTED)


@pytest.mark.parametrize(("package", "name"), [("nibabel", "a.nii"), ("pydicom", "a.dcm")])
def test_the_error_for_a_missing_reader_names_the_extra(monkeypatch, package, name):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda wanted: None)
    with pytest.raises(InputError, match=rf"{package}.*pip install 'brgm_tf\[medical\]'"):
        list_slices(Path(name), Slicing())
