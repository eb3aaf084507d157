"""Files of visitors: allowed kinds and limits."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np

from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.sessions import Session
from brgm_tf.io import discovery, images, medical
from brgm_tf.io.medical import Slicing

# Lists and archives name further files, so they are left out.
SUFFIXES = (*discovery.SUFFIXES, *medical.SUFFIXES)
_LONGEST_NAME = 40


def take_upload(path: str, session: Session, *, limits: Limits) -> Path:
    """Moves an uploaded file into the folder of its session; returns the new path.

    Args:
        path: Path of the upload.
        session: Session of the visitor.
        limits: Limits of a request.

    Raises:
        Refusal: the kind of the file is not allowed, or the file is too large.
        InputError: the file cannot be read.
    """
    source = Path(path)
    suffix = _suffix_of(source.name)
    if source.stat().st_size > limits.megabytes * 1e6:
        source.unlink()
        raise Refusal("input", f"The file must have at most {limits.megabytes:g} MB.")
    # The name is a part of the seed of the noise, so it is kept where it can be.
    stem = re.sub(r"[^\w-]+", "_", source.name[: len(source.name) - len(suffix)])[:_LONGEST_NAME]
    target = session.new_folder("input") / f"{stem.strip('_') or 'picture'}{suffix}"
    shutil.move(source, target)
    check_size(target, limits=limits)
    return target


def check_size(path: Path, *, limits: Limits) -> None:
    """Checks the number of pixels of a file by its header.

    Raises:
        Refusal: the picture or volume is too large.
        InputError: the header cannot be read.
    """
    most = limits.megapixels * 1e6
    if medical.is_nifti(path):
        count = _voxels(path)
    elif medical.is_medical(path):
        shape = medical.list_slices(path, Slicing())[0].header()
        count = shape.height * shape.width
    else:
        width, height = images.image_size(path)
        count = width * height
    if count > most:
        raise Refusal("input", f"The picture must have at most {most / 1e6:g} million pixels.")


def slices_of(path: Path | str | None, plane: str) -> tuple[int, int]:
    """Returns the number of slices of a volume and the index of the middle one; else (1, 0).

    Args:
        path: Path of the file.
        plane: Plane of the slices.

    Raises:
        InputError: the file cannot be read.
    """
    if not isinstance(path, Path) or not medical.is_nifti(path):
        return 1, 0
    count = len(medical.list_slices(path, Slicing(plane, "all")))
    return count, Slicing(plane).indices(count, name=path.name)[0]


def _suffix_of(name: str) -> str:
    lower = name.lower()
    matches = [suffix for suffix in SUFFIXES if lower.endswith(suffix)]
    if not matches:
        raise Refusal(
            "input", "The file must be a picture (PNG, JPEG, TIFF, WebP ...), NIfTI or DICOM."
        )
    return max(matches, key=len)


def _voxels(path: Path) -> int:
    """Returns the number of voxels that the header of a NIfTI file states."""
    slices = medical.list_slices(path, Slicing())  # reports a header that cannot be used
    import nibabel

    del slices
    return int(np.prod(nibabel.load(path).shape, dtype=np.int64))  # type: ignore[attr-defined]
