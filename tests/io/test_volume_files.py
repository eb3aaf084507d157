"""Volumes are read as slices of a plane, and written in the geometry of the file."""

import nibabel as nib
import numpy as np
import pydicom
import pytest
from medical_files import GRADIENT, OFFSET, ct, dicom_points, linear, volume

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical.volume_files import read_volume
from brgm_tf.io.medical.volumes import is_same_place

PLANES = ("axial", "coronal", "sagittal")


def decoded(contents, path):
    path.write_bytes(contents)
    return nib.load(path)


def points_of(image):
    indices = np.stack(np.meshgrid(*map(np.arange, image.shape), indexing="ij"), axis=-1)
    return indices @ image.affine[:3, :3].T + image.affine[:3, 3]


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SRA", "AIL"])
@pytest.mark.parametrize("plane", PLANES)
def test_a_volume_is_written_back_as_it_was_read(tmp_path, axes, plane):
    path = volume(tmp_path / "head.nii.gz", axes=axes, spacing=(1.0, 2.0, 3.0))
    stack = read_volume(path, plane=plane)
    image, original = decoded(stack.encode(stack.values), tmp_path / "b.nii.gz"), nib.load(path)
    np.testing.assert_array_equal(image.get_fdata(), original.get_fdata())
    np.testing.assert_allclose(image.affine, original.affine, atol=1e-5)
    assert image.get_data_dtype() == original.get_data_dtype()
    assert image.header.get_xyzt_units() == original.header.get_xyzt_units()


@pytest.mark.parametrize(
    ("plane", "spacing"), [("axial", 3.0), ("coronal", 2.0), ("sagittal", 1.0)]
)
def test_the_first_spacing_is_that_of_the_slices(tmp_path, plane, spacing):
    path = volume(tmp_path / "head.nii.gz", axes="SRA", spacing=(1.0, 2.0, 3.0))
    stack = read_volume(path, plane=plane)
    assert stack.spacing[0] == pytest.approx(spacing)
    assert sorted(stack.spacing) == pytest.approx([1.0, 2.0, 3.0])


def test_slices_are_displayed_as_single_slices_are(tmp_path):
    from brgm_tf.io.medical import Slicing, list_slices

    path = volume(tmp_path / "head.nii.gz", axes="LIP")
    for plane in PLANES:
        values = read_volume(path, plane=plane).values
        for index, alone in enumerate(list_slices(path, Slicing(plane=plane, slices="all"))):
            np.testing.assert_array_equal(values[index], alone.displayed_values())


@pytest.mark.parametrize("plane", PLANES)
def test_finer_slices_lie_at_their_place(tmp_path, plane):
    path = volume(tmp_path / "head.nii.gz", axes="PSR", spacing=(1.0, 2.0, 3.0))
    stack = read_volume(path, plane=plane)
    # Values that are linear in the patient stay linear between the slices.
    count = len(stack.values)
    positions = np.clip((np.arange(3 * count) + 0.5) / 3 - 0.5, 0, count - 1)
    low = np.minimum(positions.astype(int), count - 2)
    fraction = (positions - low)[:, None, None]
    finer = stack.values[low] * (1 - fraction) + stack.values[low + 1] * fraction
    image = decoded(stack.encode(finer), tmp_path / "b.nii.gz")
    values, expected = image.get_fdata(), linear(points_of(image))
    differing = np.abs(values - expected) > 1e-3
    # Only the slices beyond the first and the last centre are not between two slices.
    assert differing.sum() == 2 * values.size / (3 * count)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_the_type_of_the_file_is_kept(tmp_path, dtype):
    values = np.arange(24).reshape(2, 3, 4)
    path = tmp_path / "a.nii"
    nib.save(nib.Nifti1Image(values.astype(dtype), np.diag([2, 2, 4, 1])), path)
    stack = read_volume(path)
    image = decoded(stack.encode(stack.values + 0.3), tmp_path / "b.nii.gz")
    assert image.get_data_dtype() == dtype
    np.testing.assert_allclose(image.get_fdata(), values + 0.3 * (dtype == "float32"), atol=1e-5)


def test_a_file_with_slope_and_intercept_keeps_its_unit(tmp_path):
    image = nib.Nifti1Image(np.linspace(-1.0, 3.0, 24).reshape(2, 3, 4), np.eye(4))
    image.set_data_dtype("int16")
    nib.save(image, tmp_path / "a.nii")
    stack = read_volume(tmp_path / "a.nii")
    again = decoded(stack.encode(stack.values), tmp_path / "b.nii.gz")
    assert again.get_data_dtype() == "int16"
    np.testing.assert_allclose(again.get_fdata(), image.get_fdata(), atol=4 / 65535)


def test_mgz_is_written_as_nifti(tmp_path):
    values = np.arange(24, dtype="float32").reshape(2, 3, 4)
    nib.save(nib.MGHImage(values, np.diag([1.0, 1, 2, 1])), tmp_path / "a.mgz")
    stack = read_volume(tmp_path / "a.mgz")
    image = decoded(stack.encode(stack.values), tmp_path / "b.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(), values)
    np.testing.assert_allclose(image.affine, np.diag([1, 1, 2, 1]), atol=1e-6)
    assert stack.name == "a"


def test_voxels_that_are_not_finite_are_missing(tmp_path):
    values = np.ones([2, 3, 4], "float32")
    values[0, 1, 2], values[1, 1, 1] = np.nan, np.inf
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    read = read_volume(tmp_path / "a.nii").values
    assert np.isnan(read).sum() == 2
    assert np.nanmax(read) == 1


def test_one_volume_of_a_series_is_chosen_by_its_index(tmp_path):
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(np.arange(48.0).reshape(2, 3, 4, 2), np.eye(4)), path)
    with pytest.raises(InputError, match=r"^`volume_index` must be from 0 to 1"):
        read_volume(path)
    stack = read_volume(path, volume_index=1)
    assert stack.values.min() == 1
    assert decoded(stack.encode(stack.values), tmp_path / "b.nii.gz").shape == (2, 3, 4)


def series(folder, count=4, **elements):
    """Writes a rotated DICOM series, whose files are not in the order of the slices."""
    folder.mkdir()
    normal = np.cross([0.8, 0.6, 0], [-0.6, 0.8, 0])
    for index in range(count):
        position = np.array([-11.0, 4.0, 9.0]) + 2.5 * index * normal
        name = f"{(index * 3) % count}.dcm"
        ct(folder / name, ImagePositionPatient=position.tolist(), **elements)
    return folder


def test_a_folder_of_dicom_files_is_a_volume_at_its_place(tmp_path):
    folder = series(tmp_path / "head")
    stack = read_volume(folder)
    image = decoded(stack.encode(stack.values), tmp_path / "b.nii.gz")
    # The gradient is stated in DICOM's axes, whose first two run the other way.
    points = points_of(image) * [-1, -1, 1]
    np.testing.assert_allclose(image.get_fdata(), points @ GRADIENT + OFFSET, atol=0.06)
    assert stack.name == "head"
    assert stack.spacing == pytest.approx((2.5, 1.5, 1.5))


def test_frames_of_one_dicom_file_are_slices(tmp_path):
    files = sorted(series(tmp_path / "head").iterdir())
    datasets = [pydicom.dcmread(file) for file in files]
    data = datasets[0]
    frames = []
    for dataset in datasets:
        frame, position = pydicom.Dataset(), pydicom.Dataset()
        position.ImagePositionPatient = dataset.ImagePositionPatient
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    pixels = b"".join(dataset.PixelData for dataset in datasets)
    data.PerFrameFunctionalGroupsSequence, data.NumberOfFrames = frames, len(frames)
    data.PixelData = pixels
    data.save_as(tmp_path / "frames.dcm", enforce_file_format=True)
    one, other = read_volume(tmp_path / "frames.dcm"), read_volume(tmp_path / "head")
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_allclose(one.grid.affine, other.grid.affine)


def test_padding_of_dicom_files_is_missing(tmp_path):
    folder = series(tmp_path / "head")
    for file in folder.iterdir():
        data = pydicom.dcmread(file)
        data.PixelPaddingValue = int(data.pixel_array[0, 0])
        data["PixelPaddingValue"].VR = "SS"
        data.save_as(file, enforce_file_format=True)
    assert np.isnan(read_volume(folder).values).any()


def test_a_folder_of_two_series_is_refused(tmp_path):
    folder = series(tmp_path / "head")
    ct(folder / "other.dcm", SeriesInstanceUID="1.2.3.9")
    with pytest.raises(InputError, match=r"^`input` head must be a folder of one DICOM series"):
        read_volume(folder)


def test_a_series_with_a_gap_is_refused(tmp_path):
    folder = series(tmp_path / "head", count=5)
    points = {file: dicom_points(pydicom.dcmread(file))[0, 0, 2] for file in folder.iterdir()}
    sorted(points, key=points.get)[1].unlink()
    with pytest.raises(InputError, match=r"must hold slices at equal distances"):
        read_volume(folder)


def test_a_picture_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no volume")
    with pytest.raises(InputError, match=r"^`input` must be NIfTI, MGZ, a DICOM file"):
        read_volume(tmp_path / "a.png")


def test_volumes_at_another_place_are_told_apart(tmp_path):
    first = read_volume(volume(tmp_path / "a.nii", axes="RAS"))
    turned = read_volume(volume(tmp_path / "b.nii", axes="PIL"))
    finer = read_volume(volume(tmp_path / "c.nii", spacing=(2.0, 2.0, 2.1)))
    assert is_same_place(first, turned)
    assert not is_same_place(first, finer)
