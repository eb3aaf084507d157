"""NIfTI volumes as masks of NIfTI volumes, voxel by voxel and file by file."""

import nibabel as nib
import numpy as np
import pytest
from medical_files import ct, volume
from nibabel.orientations import axcodes2ornt, ornt_transform

from brgm_tf.core.errors import InputError
from brgm_tf.io import images, inputs
from brgm_tf.io.medical import Slicing

EXPECTED = inputs.InputRequirements(
    size=8, resizable=True, resolution=8, mask_resolution=8, channels=1, is_damaged=False
)


def mask_of(path, hidden, *, axes="RAS", name="mask.nii.gz", shift=0.0):
    """Writes a mask in the space of a volume: 0 at the canonical voxels `hidden`, 1 elsewhere."""
    canonical = nib.as_closest_canonical(nib.load(path))
    known = np.ones(canonical.shape, np.uint8)
    known[hidden] = 0
    affine = canonical.affine.copy()
    affine[0, 3] += shift
    mask = nib.Nifti1Image(known, affine)
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(axes))
    nib.save(mask.as_reoriented(turn), path.parent / name)
    return path.parent / name


def planned(image, mask, **slicing):
    return inputs.plan(image, masks=mask, needs_masks=True, slicing=Slicing(**slicing))


@pytest.mark.parametrize("axes", ["RAS", "PIR"])
@pytest.mark.parametrize(
    ("plane", "row", "column"), [("axial", 5, 2), ("coronal", 3, 2), ("sagittal", 3, 5)]
)
def test_a_missing_voxel_is_missing_in_every_plane(tmp_path, axes, plane, row, column):
    path = volume(tmp_path / "head.nii.gz", axes="LPS", shape=(8, 8, 8))
    mask = mask_of(path, (5, 2, 4), axes=axes)
    index = {"axial": 4, "coronal": 2, "sagittal": 5}[plane]
    (spec,) = planned(path, mask, plane=plane, slices=str(index))
    inputs.check(spec, expected=EXPECTED)
    missing = inputs.load(spec, expected=EXPECTED).missing[..., 0]
    assert np.argwhere(missing).tolist() == [[row, column]]


def test_a_pixel_is_missing_if_any_part_of_it_is_missing(tmp_path):
    path = volume(tmp_path / "head.nii.gz", shape=(32, 32, 4))
    (spec,) = planned(path, mask_of(path, np.s_[:, 13, :]), slices="1")
    missing = inputs.load(spec, expected=EXPECTED).missing[..., 0]
    assert missing.all(axis=1).tolist() == [False] * 4 + [True] + [False] * 3


def test_volumes_in_a_folder_receive_the_masks_with_their_names(tmp_path):
    (tmp_path / "masks").mkdir()
    (tmp_path / "in").mkdir()
    for i, name in enumerate(("a.nii.gz", "b.nii.gz")):
        path = volume(tmp_path / "in" / name, shape=(8, 8, 8))
        mask_of(path, (i, 0, slice(None)), name=f"../masks/{name[0]}.nii")
    specs = planned(tmp_path / "in", tmp_path / "masks", slices="2:4")
    hidden = [np.argwhere(inputs.load(s, expected=EXPECTED).missing[..., 0]) for s in specs]
    assert [indices.tolist() for indices in hidden] == [[[7, 7]], [[7, 7]], [[7, 6]], [[7, 6]]]


def test_a_picture_for_a_slice_has_priority_over_the_volume(tmp_path):
    path = volume(tmp_path / "head.nii.gz", shape=(8, 8, 8))
    mask_of(path, (0, 0, 0), name="masks_head.nii").rename(tmp_path / "head.nii")
    (tmp_path / "masks").mkdir()
    (tmp_path / "head.nii").rename(tmp_path / "masks" / "head.nii")
    picture = np.ones((8, 8, 1), np.float32)
    picture[0] = -1
    images.save_image(tmp_path / "masks" / "head_axial3.png", picture)
    specs = planned(path, tmp_path / "masks", slices="3:5")
    assert [spec.mask.name for spec in specs] == ["head_axial3.png", "head.nii"]


@pytest.mark.parametrize("shift", [0.01, 1.0])
def test_a_mask_at_another_position_is_refused_when_planning(tmp_path, shift):
    path = volume(tmp_path / "head.nii.gz", shape=(8, 8, 8))
    (spec,) = planned(path, mask_of(path, (0, 0, slice(None)), shift=shift))
    if shift < 0.1:
        inputs.check(spec, expected=EXPECTED)
    else:
        with pytest.raises(InputError, match=r"`masks` must have the geometry of head\.nii\.gz"):
            inputs.check(spec, expected=EXPECTED)


def test_a_mask_of_another_shape_is_refused_when_planning(tmp_path):
    path = volume(tmp_path / "head.nii.gz", shape=(8, 8, 8))
    other = volume(tmp_path / "other.nii.gz", shape=(8, 8, 4))
    (spec,) = planned(path, mask_of(other, (0, 0, 0)))
    with pytest.raises(InputError, match=r"geometry of head.nii.gz.*shape=\(8, 8, 4\)"):
        inputs.check(spec, expected=EXPECTED)


@pytest.mark.parametrize(
    ("hidden", "message"), [(np.s_[:], "must leave a part"), ((0, 0, 0), "must hide a part")]
)
def test_a_slice_that_is_missing_completely_or_not_at_all_is_refused(tmp_path, hidden, message):
    path = volume(tmp_path / "head.nii.gz", shape=(8, 8, 8))
    (spec,) = planned(path, mask_of(path, hidden), slices="4")
    with pytest.raises(InputError, match=f"`masks` {message}.*head_axial4"):
        inputs.check(spec, expected=EXPECTED)


def test_a_volume_cannot_be_the_mask_of_a_picture(tmp_path):
    path = volume(tmp_path / "head.nii.gz", shape=(8, 8, 8))
    (spec,) = planned(ct(tmp_path / "a.dcm"), mask_of(path, (0, 0, 0)))
    with pytest.raises(InputError, match="`masks` must be a picture, because"):
        inputs.check(spec, expected=EXPECTED)


def test_the_error_for_a_damaged_mask_names_the_mask(tmp_path):
    path = volume(tmp_path / "head.nii.gz", shape=(8, 8, 8))
    mask = mask_of(path, (0, 0, 0), name="mask.nii")
    mask.write_bytes(mask.read_bytes()[:400])
    (spec,) = planned(path, mask)
    with pytest.raises(InputError, match=r"`masks` must be a NIfTI volume that.*mask\.nii"):
        inputs.check(spec, expected=EXPECTED)
