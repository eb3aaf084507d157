"""NIfTI volumes: their slices as pictures, and restorations back in the scanner's space.

Slices are shown as radiologists see them: the patient's right on the left, the front (axial) or
the head (coronal, sagittal) at the top; sagittal ones with the front on the left. In the closest
canonical orientation, in which indices grow to the right, the front and the head, that is
picture[r, c] = volume[A - 1 - c, B - 1 - r] of the plane's two axes.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import reading
from brgm_tf.io.medical.slices import Slice, Slicing, Square, Window, window_of

SUFFIXES = (".nii", ".nii.gz")
_EXPECTED = "a NIfTI volume"
_CANONICAL = np.array([[0, 1], [1, 1], [2, 1]])
# Axes of the canonical volume along the columns and rows of a picture, and from slice to slice.
_AXES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
# Where rows and columns go: from the first to the last.
_ROWS = {"axial": "A to P", "coronal": "S to I", "sagittal": "S to I"}
_COLUMNS = {"axial": "R to L", "coronal": "R to L", "sagittal": "A to P"}


@dataclasses.dataclass(frozen=True)
class NiftiSlice(Slice):
    """A slice of a NIfTI volume; see `Slice`.

    Args:
        path: of the volume.
        plane: of the slice.
        index: in the canonical orientation.
        volume_shape: (right, front, head), canonical.
        volume_spacing: likewise, millimetres.
        asked: the window, None for the volume's own.
    """

    path: Path
    plane: str
    index: int
    volume_shape: tuple[int, int, int]
    volume_spacing: tuple[float, float, float]
    asked: Window | None

    inverted = False
    suffix = ".nii.gz"

    @property
    def name(self) -> Path:
        """brain.nii.gz as brain_axial090.nii."""
        digits = len(str(self.volume_shape[_AXES[self.plane][2]] - 1))
        stem = self.path.name.removesuffix(".gz").removesuffix(".nii")
        return Path(f"{stem}_{self.plane}{self.index:0{digits}}.nii")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as shown."""
        columns, rows, _ = _AXES[self.plane]
        return self.volume_shape[rows], self.volume_shape[columns]

    @property
    def spacing(self) -> tuple[float, float]:
        """Millimetres from row to row, and from column to column."""
        columns, rows, _ = _AXES[self.plane]
        return self.volume_spacing[rows], self.volume_spacing[columns]

    @property
    def about(self) -> Mapping[str, object]:
        """The slice's file, plane, index and how it is shown."""
        return {
            "file": self.path.name,
            "plane": self.plane,
            "slice": self.index,
            "rows": _ROWS[self.plane],
            "columns": _COLUMNS[self.plane],
        }

    def load(self) -> tuple[np.ndarray, Window]:
        """The picture, float32 [h, w, 1] in [-1, 1], and its window."""
        with reading("input", _EXPECTED, path=self.path):
            volume, own = _volume(self.path, self.path.stat().st_mtime_ns)
        window = self.asked or own or window_of(volume, name=self.path.name)
        values = np.take(volume, self.index, axis=_AXES[self.plane][2])
        return window.image_of(values.T[::-1, ::-1, None]), window

    def encoded(self, values: np.ndarray, *, part: str, window: Window) -> bytes:
        """A volume of one slice, float32, with the orientation of the whole one's axes."""
        import nibabel as nib
        from nibabel.orientations import inv_ornt_aff, io_orientation, ornt_transform

        header = nib.load(self.path).header
        whole = header.get_best_affine()
        square = Square.central(self.shape, resolution=len(values))
        flipped = np.asarray(values, np.float32)[::-1, ::-1].T
        # In the order of the canonical axes.
        data = np.expand_dims(flipped, _AXES[self.plane][2])
        oriented = io_orientation(whole)
        stored_shape = [self.volume_shape[int(axis)] for axis in oriented[:, 0]]
        canonical = whole @ inv_ornt_aff(oriented, stored_shape)
        image = nib.Nifti1Image(data, canonical @ self._placing(square), header=header)
        image = image.as_reoriented(ornt_transform(_CANONICAL, oriented))
        _describe(image, header, part=part, window=window)
        return gzip.compress(image.to_bytes(), mtime=0)

    def _placing(self, square: Square) -> np.ndarray:
        """The affine map from the restoration's indices to the canonical volume's, [4, 4]."""
        columns, rows, across = _AXES[self.plane]
        height, width = self.shape
        placing = np.eye(4)
        placing[across, 3] = self.index
        # Pictures run against the indices: what is left on the right comes first.
        for axis, first in (
            (columns, width - square.left - square.side),
            (rows, height - square.top - square.side),
        ):
            placing[axis, axis] = square.scale
            placing[axis, 3] = square.start(first)
        return placing


def slices_of(path: Path, slicing: Slicing) -> list[NiftiSlice]:
    """The slices that are asked for of a volume, from its header.

    Raises:
        InputError: it is no such file, or has none of these slices.
    """
    import nibabel as nib
    from nibabel.orientations import io_orientation

    with reading("input", _EXPECTED, path=path):
        header = nib.load(path).header
        affine, dtype = header.get_best_affine(), header.get_data_dtype()
        shape = _three(header.get_data_shape())
        sizes = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    if shape is None or dtype.kind not in "iuf":
        raise InputError(
            "input",
            f"{path.name} must be one volume of real numbers",
            remedy="Give a file for each volume",
            shape=header.get_data_shape(),
            dtype=str(dtype),
        )
    order = np.argsort(io_orientation(affine)[:, 0])
    volume_shape = tuple(int(shape[axis]) for axis in order)
    spacing = tuple(float(sizes[axis]) for axis in order)
    count = volume_shape[_AXES[slicing.plane][2]]
    return [
        NiftiSlice(path, slicing.plane, index, volume_shape, spacing, slicing.asked_window)
        for index in slicing.indices(count, name=path.name)
    ]


@functools.lru_cache(maxsize=1)  # the slices of a volume come one after another
def _volume(path: Path, changed: int) -> tuple[np.ndarray, Window | None]:
    """The canonical volume, float32 [right, front, head], and the window that it says."""
    import nibabel as nib

    image = nib.load(path)
    values = np.asarray(image.dataobj, np.float32)
    values = values.reshape(_three(values.shape))
    if not np.isfinite(values).all():
        raise InputError("input", f"{path.name} must hold finite numbers")
    image = nib.as_closest_canonical(nib.Nifti1Image(values, image.affine))
    header = nib.load(path).header
    low, high = (float(header[name]) for name in ("cal_min", "cal_max"))
    return np.asarray(image.dataobj), Window(low, high) if high > low else None


def _three(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """The shape with three axes, None where there is more than one volume."""
    shape = tuple(int(size) for size in shape)
    if not shape or 0 in shape or any(size != 1 for size in shape[3:]):
        return None
    return (*shape, 1, 1)[:3]


def _describe(image, header, *, part: str, window: Window) -> None:
    """Writes into an image's header what it is, and in which space, as the original's says."""
    image.set_data_dtype(np.float32)
    own = image.header
    own["cal_min"], own["cal_max"] = window
    own["descrip"] = f"brgm_tf {part}".encode()
    own["scl_slope"], own["scl_inter"] = 1, 0
    spaces = int(header["sform_code"]), int(header["qform_code"])
    sform, qform = spaces if any(spaces) else (1, 0)
    affine = image.affine
    image.set_sform(affine, code=sform or qform)
    image.set_qform(affine, code=qform)
