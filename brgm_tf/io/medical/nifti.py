"""NIfTI volumes: slices as pictures, and restorations in the space of the scanner.

Slices are displayed in the radiological convention: the patient's right is on the left, and the
front (axial) or the head (coronal, sagittal) is at the top. Sagittal slices have the front on the
left. In the closest canonical orientation, indices grow to the right, the front and the head. Then
picture[r, c] = volume[A - 1 - c, B - 1 - r] for the two axes of the plane.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import reading
from brgm_tf.io.medical.slices import Slice, Slicing, Square
from brgm_tf.io.medical.window import Display, Window, estimate_window

SUFFIXES = (".nii", ".nii.gz")
_EXPECTED = "a NIfTI volume"
CANONICAL = np.array([[0, 1], [1, 1], [2, 1]])
# Axes of the canonical volume along the columns and rows of a picture, and across slices.
AXES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
# Directions of rows and columns, from the first to the last.
_ROWS = {"axial": "A to P", "coronal": "S to I", "sagittal": "S to I"}
_COLUMNS = {"axial": "R to L", "coronal": "R to L", "sagittal": "A to P"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class NiftiSlice(Slice):
    """A slice of a NIfTI volume; see `Slice`.

    Args:
        plane: Plane of the slice.
        index: Index of the slice in the canonical orientation.
        volume_shape: Shape of the canonical volume: to the right, the front and the head.
    """

    plane: str
    index: int
    volume_shape: tuple[int, int, int]

    suffix = ".nii.gz"

    @property
    def about(self) -> Mapping[str, object]:
        """File, plane and index of the slice, and directions of its axes."""
        return {
            "file": self.path.name,
            "plane": self.plane,
            "slice": self.index,
            "rows": _ROWS[self.plane],
            "columns": _COLUMNS[self.plane],
        }

    def read(self) -> tuple[np.ndarray, Display]:
        """Returns the picture, float32 [h, w, 1] in [-1, 1], and its window."""
        window = self.window or _volume_window(self.path, _modified(self.path))
        return window.to_image(self.displayed_values()[..., None]), window

    def displayed_values(self) -> np.ndarray:
        """Returns the values of the slice as displayed, float32 [h, w]."""
        volume, _ = _read_volume(self.path)
        return np.take(volume, self.index, axis=AXES[self.plane][2]).T[::-1, ::-1]

    def encode(
        self, values: np.ndarray, *, part: str, display: Display, is_deviation: bool = False
    ) -> bytes:
        """Encodes a volume of one slice, float32, with the axes of the original volume."""
        import nibabel as nib
        from nibabel.orientations import inv_ornt_aff, io_orientation, ornt_transform

        header: Any = nib.load(self.path).header
        stored_affine = header.get_best_affine()
        square = Square.central(self.shape, resolution=len(values))
        flipped = np.asarray(values, np.float32)[::-1, ::-1].T
        # The axes of `data` are in canonical order.
        data = np.expand_dims(flipped, AXES[self.plane][2])
        orientation = io_orientation(stored_affine)
        stored_shape = [self.volume_shape[int(axis)] for axis in orientation[:, 0]]
        canonical = stored_affine @ inv_ornt_aff(orientation, stored_shape)
        image = nib.Nifti1Image(data, canonical @ self._affine(square), header=header)
        image = image.as_reoriented(ornt_transform(CANONICAL, orientation))
        _set_header(image, header, part=part, display=display)
        return gzip.compress(image.to_bytes(), mtime=0)

    @property
    def canonical_affine(self) -> np.ndarray:
        """Map from canonical indices to millimetres, [4, 4], from the header of the file."""
        import nibabel as nib
        from nibabel.orientations import inv_ornt_aff, io_orientation

        with reading("input", _EXPECTED, path=self.path):
            header: Any = nib.load(self.path).header
        affine = header.get_best_affine()
        orientation = io_orientation(affine)
        stored_shape = [self.volume_shape[int(axis)] for axis in orientation[:, 0]]
        return affine @ inv_ornt_aff(orientation, stored_shape)

    def _affine(self, square: Square) -> np.ndarray:
        """Returns the map from indices of the restoration to canonical indices, [4, 4]."""
        columns, rows, across = AXES[self.plane]
        height, width = self.shape
        affine = np.eye(4)
        affine[across, 3] = self.index
        # Pictures run against the indices: the margin on the right comes first.
        for axis, first in (
            (columns, width - square.left - square.side),
            (rows, height - square.top - square.side),
        ):
            affine[axis, axis] = square.scale
            affine[axis, 3] = square.start(first)
        return affine


def is_nifti(path: Path) -> bool:
    """Returns whether a file is NIfTI, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def list_slices(path: Path, slicing: Slicing) -> list[NiftiSlice]:
    """Returns the selected slices of a volume; only its header is read.

    Raises:
        InputError: the file is not NIfTI, or has none of the slices.
    """
    import nibabel as nib
    from nibabel.orientations import io_orientation

    with reading("input", _EXPECTED, path=path):
        header: Any = nib.load(path).header
        affine, dtype = header.get_best_affine(), header.get_data_dtype()
        shape = _three_axes(header.get_data_shape())
        sizes = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
        orientation = io_orientation(affine)
    if shape is None or dtype.kind not in "iuf":
        raise InputError(
            "input",
            f"{path.name} must be one volume of real numbers",
            remedy="Give a file for each volume",
            shape=header.get_data_shape(),
            dtype=str(dtype),
        )
    if not np.isfinite(orientation).all() or np.linalg.matrix_rank(affine) < 4:
        raise InputError(
            "input",
            f"{path.name} must have axes that span the space",
            remedy="Correct the sform or qform of its header",
            affine=affine.round(3).tolist(),
        )
    x, y, z = (int(axis) for axis in np.argsort(orientation[:, 0]))
    volume_shape = shape[x], shape[y], shape[z]
    spacing = tuple(float(sizes[axis]) for axis in (x, y, z))
    columns, rows, across = AXES[slicing.plane]
    return [
        NiftiSlice(
            path=path,
            name=_slice_name(path, slicing.plane, index, count=volume_shape[across]),
            shape=(volume_shape[rows], volume_shape[columns]),
            spacing=(spacing[rows], spacing[columns]),
            window=slicing.explicit_window,
            plane=slicing.plane,
            index=index,
            volume_shape=volume_shape,
        )
        for index in slicing.indices(volume_shape[across], name=path.name)
    ]


def _slice_name(path: Path, plane: str, index: int, *, count: int) -> Path:
    """Returns a name such as brain_axial090.nii for brain.nii.gz."""
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    return Path(f"{stem}_{plane}{index:0{len(str(count - 1))}}.nii")


def _read_volume(path: Path) -> tuple[np.ndarray, Window | None]:
    """Returns the canonical volume, float32 [right, front, head], and the window it states."""
    with reading("input", _EXPECTED, path=path):
        return _load_volume(path, _modified(path))


def _modified(path: Path) -> int:
    with reading("input", _EXPECTED, path=path):
        return path.stat().st_mtime_ns


@functools.lru_cache(maxsize=8)
def _volume_window(path: Path, modified: int) -> Window:
    volume, stated = _read_volume(path)
    return stated or estimate_window(volume, name=path.name)


# The slices of a volume are read one after another, in turn with slices of its mask.
@functools.lru_cache(maxsize=2)
def _load_volume(path: Path, modified: int) -> tuple[np.ndarray, Window | None]:
    import nibabel as nib

    image: Any = nib.load(path)
    values = np.asarray(image.dataobj, np.float32)
    values = values.reshape(_three_axes(values.shape) or values.shape)
    count = values.size - np.count_nonzero(np.isfinite(values))
    if count:
        raise InputError(
            "input",
            f"{path.name} must hold finite numbers",
            remedy="Replace the others, by the value of the background for example",
            not_finite=int(count),
        )
    header = image.header
    low, high = (float(header[name]) for name in ("cal_min", "cal_max"))
    canonical = nib.as_closest_canonical(nib.Nifti1Image(values, image.affine))
    return np.asarray(canonical.dataobj), Window(low, high) if high > low else None


def _three_axes(shape: Sequence[int]) -> tuple[int, int, int] | None:
    """Returns the shape with three axes; None for more than one volume."""
    sizes = [int(size) for size in shape]
    if not sizes or 0 in sizes or any(size != 1 for size in sizes[3:]):
        return None
    x, y, z = (*sizes, 1, 1)[:3]
    return x, y, z


def _set_header(image, header, *, part: str, display: Display) -> None:
    """Sets type, window and description of an image, and the spaces named by the original."""
    image.set_data_dtype(np.float32)
    black_and_white = display.to_values(np.array([-1.0, 1.0]))
    image.header["cal_min"], image.header["cal_max"] = black_and_white
    image.header["descrip"] = f"brgm_tf {part}".encode()
    image.header["scl_slope"], image.header["scl_inter"] = 1, 0
    for name in ("slice_start", "slice_end", "slice_code", "slice_duration"):
        image.header[name] = 0  # The order in which the slices of the original were measured.
    set_spaces(image, header)


def set_spaces(image, header) -> None:
    """Sets sform and qform, which may lead to different spaces, as the original has them."""
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    affine = image.affine
    stored_affine = header.get_best_affine()
    # From indices of the image to indices of the original.
    to_stored = np.linalg.solve(stored_affine, affine)
    image.set_sform(affine, code=sform or qform or 1)
    image.set_qform(header.get_qform() @ to_stored if qform else affine, code=qform)
