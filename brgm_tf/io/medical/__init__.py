"""Medical files: slices of NIfTI volumes and DICOM files in, restorations in their geometry out.

`slices.Slice` says what a format must do; nibabel and pydicom (`brgm_tf[medical]`) are imported
when a file asks for them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical import dicom, nifti
from brgm_tf.io.medical.slices import AUTO, PLANES, Geometry, Slice, Slicing

__all__ = ["AUTO", "PLANES", "SUFFIXES", "Geometry", "Slice", "Slicing", "is_medical", "slices_of"]

SUFFIXES = (*nifti.SUFFIXES, *dicom.SUFFIXES)


def is_medical(path: Path) -> bool:
    """Whether a file is one of these, by its name or its first bytes."""
    return _is_nifti(path) or dicom.is_dicom(path)


def slices_of(path: Path, slicing: Slicing) -> list[Slice]:
    """The slices that are asked for of a medical file, from its header.

    Raises:
        InputError: the file cannot be used, or its reader is not installed.
    """
    reader, package = (nifti, "nibabel") if _is_nifti(path) else (dicom, "pydicom")
    if importlib.util.find_spec(package) is None:
        raise InputError(
            "input",
            f"must be pictures where {package}, which reads this file, is not installed",
            remedy="pip install 'brgm_tf[medical]'",
            path=str(path),
        )
    return reader.slices_of(path, slicing)


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith(nifti.SUFFIXES)
