"""NIfTI volumes as masks of NIfTI volumes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical import nifti
from brgm_tf.io.medical.nifti import NiftiSlice
from brgm_tf.io.medical.slicing import Slicing

# Largest distance between equal voxels, as a fraction of the smallest side of a voxel.
_TOLERANCE = 0.1


def load_missing(path: Path, source: Any) -> np.ndarray:
    """Returns the slice of a mask volume at the place of a slice, as displayed.

    Voxels that are 0 are missing, as black pixels of mask pictures are. The axes of the mask may be
    stored in another order.

    Args:
        path: Path of the mask.
        source: Source of the image.

    Returns:
        bool [h, w], True = missing.

    Raises:
        InputError: the image is no slice of a NIfTI volume, the mask cannot be read, or its
            geometry differs.
    """
    if not isinstance(source, NiftiSlice):
        raise InputError(
            "masks", "must be a picture, because the image is not a NIfTI volume", masks=str(path)
        )
    try:
        (mask,) = nifti.list_slices(path, Slicing(plane=source.plane, slices="middle"))
        _check_geometry(mask, source)
        (mask,) = nifti.list_slices(path, Slicing(plane=source.plane, slices=str(source.index)))
        return mask.displayed_values() == 0
    except InputError as error:
        raise error.of("masks") from None


def _check_geometry(mask: NiftiSlice, source: NiftiSlice) -> None:
    """Checks that equal indices are equal places in the patient."""
    distance = np.inf
    if mask.volume_shape == source.volume_shape:
        corners = np.array(
            [(*c, 1) for c in itertools.product(*((0, n - 1) for n in mask.volume_shape))]
        )
        moved = corners @ (mask.canonical_affine - source.canonical_affine).T
        voxel = np.linalg.norm(source.canonical_affine[:3, :3], axis=0).min()
        distance = np.linalg.norm(moved[:, :3], axis=-1).max() / voxel
    if not distance <= _TOLERANCE:
        raise InputError(
            "masks",
            f"must have the geometry of {source.path.name}",
            remedy="Resample the mask to the volume",
            masks=str(mask.path),
            shape=mask.volume_shape,
            expected_shape=source.volume_shape,
            voxels_off=round(float(distance), 2),
        )
