"""Medical files: slices of NIfTI volumes and DICOM files, and restorations in their geometry.

`slices.Slice` is the interface of a format. nibabel and pydicom (`brgm_tf[medical]`) are imported
only to read or write a file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical import dicom, nifti
from brgm_tf.io.medical.dicom import has_dicom_picture
from brgm_tf.io.medical.dicom_series import share_windows
from brgm_tf.io.medical.nifti import NiftiSlice, is_nifti
from brgm_tf.io.medical.slices import AUTO, PLANES, Geometry, Slice, Slicing

__all__ = [
    "AUTO",
    "NIFTI_SUFFIXES",
    "PLANES",
    "SUFFIXES",
    "Geometry",
    "NiftiSlice",
    "Slice",
    "Slicing",
    "has_dicom_picture",
    "is_medical",
    "is_nifti",
    "list_slices",
    "load_missing",
    "share_windows",
]
from brgm_tf.io.medical.volume_masks import load_missing

NIFTI_SUFFIXES = nifti.SUFFIXES
SUFFIXES = (*NIFTI_SUFFIXES, *dicom.SUFFIXES)


def is_medical(path: Path) -> bool:
    """Returns whether a file is NIfTI or DICOM, by its name or its first bytes."""
    return is_nifti(path) or dicom.is_dicom(path)


def list_slices(path: Path, slicing: Slicing) -> Sequence[Slice]:
    """Returns the selected slices of a medical file; only its header is read.

    Args:
        path: Path of the file.
        slicing: Selection of the slices and their window.

    Raises:
        InputError: the file cannot be used, or its reader is not installed.
    """
    package = "nibabel" if is_nifti(path) else "pydicom"
    if importlib.util.find_spec(package) is None:
        raise InputError(
            "input",
            f"must be pictures because {package}, which reads this file, is not installed",
            remedy="pip install 'brgm_tf[medical]'",
            path=str(path),
        )
    return (nifti if is_nifti(path) else dicom).list_slices(path, slicing)
