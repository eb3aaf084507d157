"""Whole volumes: stacks of slices as displayed, and restorations in the space of the scanner.

Notation: values [S, h, w], slices of a plane in the convention of `nifti`; the grid of a file has
three axes [i, j, k] and an affine map from indices to millimetres to the right, front and head.

nibabel and pydicom (`brgm_tf[medical]`) are imported only to read or write a file.
"""

from __future__ import annotations

import dataclasses
import gzip
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical.nifti import AXES, CANONICAL, set_spaces
from brgm_tf.io.medical.slicing import PLANES

_TOLERANCE = 0.1  # of the smallest side of a voxel


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """The voxels of a file.

    Args:
        values: float32 [i, j, k] in the unit of the file; NaN for voxels without a value.
        affine: Map from indices to millimetres, [4, 4].
        dtype: Type of the stored values.
        window: Values that are black and white, if the file states them.
        header: nibabel's header of a NIfTI file; None for other files.
        is_scaled: Whether the file maps stored integers to values by a slope and an intercept.
    """

    values: np.ndarray
    affine: np.ndarray
    dtype: np.dtype
    window: tuple[float, float] | None = None
    header: Any = None
    is_scaled: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Volume:
    """A volume as slices of a plane.

    Args:
        name: Name of the results.
        grid: Voxels of the file.
        plane: One of `PLANES`.

    Raises:
        InputError: The plane has another name, or the axes of the file do not span the space.

    Example:
        >>> grid = Grid(np.zeros([4, 3, 2], "float32"), np.diag([1, 1, 5, 1]), np.dtype("int16"))
        >>> volume = Volume("head", grid)
        >>> volume.values.shape, volume.spacing
        ((2, 3, 4), (5.0, 1.0, 1.0))
    """

    name: str
    grid: Grid
    plane: str = "axial"

    def __post_init__(self) -> None:
        if self.plane not in PLANES:
            raise InputError("plane", "must be one of " + ", ".join(PLANES), plane=self.plane)
        affine = self.grid.affine
        if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine) < 4:
            raise InputError(
                "input",
                f"{self.name} must have axes that span the space",
                remedy="Correct the sform or qform of its header",
                affine=affine.round(3).tolist(),
            )

    @property
    def values(self) -> np.ndarray:
        """The slices, float32 [S, h, w], as displayed."""
        from nibabel.orientations import apply_orientation

        canonical = apply_orientation(self.grid.values, self._orientation)
        columns, rows, across = AXES[self.plane]
        return np.transpose(canonical, (across, rows, columns))[:, ::-1, ::-1]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between slices, between rows and between columns."""
        sizes = np.linalg.norm(self.grid.affine[:3, :3], axis=0)
        canonical = sizes[np.argsort(self._orientation[:, 0])]
        columns, rows, across = AXES[self.plane]
        return float(canonical[across]), float(canonical[rows]), float(canonical[columns])

    @property
    def canonical_shape(self) -> tuple[int, ...]:
        """Numbers of voxels to the right, front and head."""
        order = np.argsort(self._orientation[:, 0])
        return tuple(self.grid.values.shape[axis] for axis in order)

    @property
    def canonical_affine(self) -> np.ndarray:
        """Map from indices to the right, front and head to millimetres, [4, 4]."""
        from nibabel.orientations import inv_ornt_aff

        return self.grid.affine @ inv_ornt_aff(self._orientation, self.grid.values.shape)

    def image(self, values: np.ndarray, *, part: str = "reconstruction") -> Any:
        """Returns slices as nibabel's NIfTI image in the space of the file.

        Args:
            values: [S', h', w'] in the unit of the file. The volume has the extent of the file, so
                more slices, rows or columns lie at smaller distances.
            part: Word for the values.

        Returns:
            Image with the axes, the type and the units of the file. Voxels outside of the range of
            an integer type have its nearest value.
        """
        import nibabel as nib
        from nibabel.orientations import ornt_transform

        columns, rows, across = AXES[self.plane]
        canonical = np.transpose(values[:, ::-1, ::-1], np.argsort((across, rows, columns)))
        factors = np.divide(canonical.shape, self.canonical_shape)
        affine, finer = self.canonical_affine, np.eye(4)
        finer[:3, :3] = np.diag(1 / factors)
        finer[:3, 3] = 0.5 / factors - 0.5
        header = self.grid.header
        image = nib.Nifti1Image(np.asarray(canonical, np.float64), affine @ finer, header=header)
        image = image.as_reoriented(ornt_transform(CANONICAL, self._orientation))
        return _typed(image, self.grid, part=part)

    def encode(self, values: np.ndarray, *, part: str = "reconstruction") -> bytes:
        """Returns the contents of a .nii.gz file; see `image`."""
        return gzip.compress(self.image(values, part=part).to_bytes(), mtime=0)

    @property
    def _orientation(self) -> np.ndarray:
        from nibabel.orientations import io_orientation

        return io_orientation(self.grid.affine)


def is_same_place(first: Volume, second: Volume) -> bool:
    """Returns whether two volumes have the same slices at the same place, to a tenth of a voxel."""
    if first.values.shape != second.values.shape:
        return False
    last = np.subtract(first.canonical_shape, 1)
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    moved = (corners * [*last, 1]) @ (first.canonical_affine - second.canonical_affine).T
    return bool(np.linalg.norm(moved, axis=1).max() <= _TOLERANCE * min(first.spacing))


def _typed(image: Any, grid: Grid, *, part: str) -> Any:
    """Returns the image with the type of the file, its description and its spaces."""
    import nibabel as nib

    values = np.asarray(image.dataobj)
    dtype = grid.dtype
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        filled = np.nan_to_num(values, nan=0.0)
        # nibabel chooses a new slope for the values of a scaled file.
        whole = np.clip(np.rint(filled), limits.min, limits.max).astype(dtype)
        values = filled if grid.is_scaled else whole
    typed = nib.Nifti1Image(values, image.affine, header=image.header)
    typed.set_data_dtype(dtype)
    typed.header["descrip"] = f"brgm_tf {part}".encode()
    for name in ("slice_start", "slice_end", "slice_code", "slice_duration"):
        typed.header[name] = 0  # The order in which the slices of the original were measured.
    if grid.header is None:
        typed.header.set_xyzt_units("mm")
    else:
        set_spaces(typed, grid.header)
    return typed
