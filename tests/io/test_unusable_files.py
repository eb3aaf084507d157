"""An unusable file fails alone, and files that are left out are counted."""

import nibabel as nib
import numpy as np
import pydicom
import pytest
from example_results import image
from medical_files import dicom, volume

from brgm_tf.core.errors import InputError
from brgm_tf.io import images, inputs, listing
from brgm_tf.io.medical import Slicing

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8)
EXPECTED = inputs.InputRequirements(
    size=8, resizable=True, resolution=8, mask_resolution=8, channels=1
)


def fail(specs):
    """Returns the names of the inputs that fail, which are the same for checking and loading."""
    failures = ([], [])
    for spec in specs:
        for names, function in zip(failures, (inputs.check, inputs.load), strict=True):
            try:
                function(spec, expected=EXPECTED)
            except InputError:
                names.append(spec.name)
    assert failures[0] == failures[1]
    return failures[0]


@pytest.fixture
def mixed(tmp_path):
    """Returns a folder with five usable and five unusable files."""
    images.save_image(tmp_path / "a_picture.png", image(8, 8, 1))
    volume(tmp_path / "a_volume.nii.gz", shape=(8, 8, 3))
    dicom(tmp_path / "a_slice.dcm", RAMP)
    dicom(tmp_path / "IM0001", RAMP)
    dicom(tmp_path / "1.2.840.113619.2.55", RAMP)
    dicom(tmp_path / "x_frames.dcm", RAMP, NumberOfFrames=2)
    report = pydicom.dcmread(dicom(tmp_path / "x_report.dcm", RAMP, Modality="SR"))
    for name in ("Rows", "Columns", "PixelData"):
        delattr(report, name)
    report.save_as(tmp_path / "x_report.dcm")
    series = nib.Nifti1Image(np.zeros((4, 4, 4, 2), np.float32), np.eye(4))
    nib.save(series, tmp_path / "x_series.nii")
    values = np.full((8, 8, 8), np.nan, np.float32)
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "x_nan.nii")
    (tmp_path / "x_empty.nii").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "notes.doc").touch()
    (tmp_path / "README").touch()
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    return tmp_path


@pytest.mark.parametrize("text", ["{}", "{}/*"])
def test_unusable_medical_files_in_a_folder_fail_alone(mixed, text):
    specs = inputs.plan(text.format(mixed))
    assert len(specs) == 10
    failed = fail(specs)
    assert len(failed) == 5
    assert all(name.startswith("x_") for name in failed)


def test_unusable_medical_files_in_a_list_fail_alone(mixed):
    paths = [mixed / name for name in ("x_frames.dcm", "a_slice.dcm", "x_series.nii")]
    assert fail(inputs.plan(paths)) == ["x_frames", "x_series"]


def test_a_single_unusable_file_is_an_error_at_once(mixed):
    with pytest.raises(InputError, match="frames=2"):
        inputs.plan(mixed / "x_frames.dcm")


def test_a_volume_without_the_given_slices_fails_alone(tmp_path):
    volume(tmp_path / "a.nii", shape=(8, 8, 3))
    volume(tmp_path / "b.nii", shape=(8, 8, 8))
    assert len(fail(inputs.plan(tmp_path, slicing=Slicing(slices="5")))) == 1


def test_files_that_are_left_out_are_counted_in_one_line(mixed):
    (note,) = listing.left_out_notes(
        [mixed, mixed / "x_nan.nii"], listing.Listing(False, Slicing())
    )
    assert note.startswith(f"4 files are left out of {mixed} because of the suffix: ")
    assert "2 without suffix" in note
    assert "1 .doc" in note


def test_no_note_is_given_if_no_file_is_left_out(tmp_path):
    images.save_image(tmp_path / "a.png", image(8, 8, 1))
    assert listing.left_out_notes(tmp_path, listing.Listing(False, Slicing())) == []


def test_zero_filled_kspace_is_refused_when_planning():
    values = np.ones((8, 8), np.complex64)
    values[:, ::2] = 0
    (spec,) = inputs.plan(values, kspace=True)
    sampled = np.ones((8, 8), bool)
    expected = inputs.InputRequirements(8, False, 8, 8, 1, "crop", sampled)
    with pytest.raises(InputError, match="is 0 at 50%"):
        inputs.check(spec, expected=expected)


def test_kspace_that_is_not_finite_is_refused_when_planning(tmp_path):
    values = np.ones((2, 8, 8), np.complex64)
    values[1, 3, 3] = np.nan
    np.save(tmp_path / "a.npy", values[0])
    np.save(tmp_path / "b.npy", values[1])
    expected = inputs.InputRequirements(8, False, 8, 8, 1, "crop", np.ones((8, 8), bool))
    first, second = inputs.plan(tmp_path, kspace=True)
    inputs.check(first, expected=expected)
    with pytest.raises(InputError, match=r"b\.npy must hold finite numbers"):
        inputs.check(second, expected=expected)
