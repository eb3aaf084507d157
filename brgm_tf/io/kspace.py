"""Measured k-space: NumPy arrays, and HDF5 files in the layout of fastMRI.

The zero frequency is in the middle, at [H // 2, W // 2]. Rows are read out, and phases are encoded
along the width. TensorFlow is not imported here, and h5py is imported only to read a file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import map_array, reading
from brgm_tf.io.sources import Content, Header

SUFFIXES = (".npy", ".h5", ".hdf5")
_DATASET = "kspace"
_EXPECTED = "a file of k-space"
_REMEDY = "Give input_kind=clean to have a picture measured"
_ARRAY_FORM = "[H, W] or [H, W, coils]"


@dataclasses.dataclass(frozen=True)
class KSpaceSlice:
    """The k-space of one image in a file.

    Args:
        path: Path of the file.
        index: Index of the slice in an HDF5 file; None for a NumPy array.
        shape: Number of rows, columns and coils.
        name: Path that names the results.
    """

    path: Path
    index: int | None
    shape: tuple[int, int, int]
    name: Path

    def header(self) -> Header:
        """Returns the shape."""
        return Header(*self.shape)

    def load(self, *, channels: int) -> Content:
        """Returns the values, complex64 [H, W, coils].

        Raises:
            InputError: the file cannot be read, or a value is not finite.
        """
        with reading("input", _EXPECTED, path=self.path):
            return Content(self._read())

    def _read(self) -> np.ndarray:
        if self.index is None:
            return check_kspace(map_array(self.path), name=self.path.name)
        import h5py

        with h5py.File(self.path, "r") as file:
            values = file[_DATASET][self.index]
        # fastMRI stores the coils first.
        values = values if values.ndim == 2 else np.moveaxis(values, 0, -1)
        return check_kspace(values, name=self.name.stem)


@dataclasses.dataclass(frozen=True, eq=False)
class KSpaceArray:
    """The k-space of one image in memory.

    Args:
        values: complex64 [H, W, coils].
    """

    values: np.ndarray

    @property
    def name(self) -> None:
        """None: an array has no name."""
        return

    def header(self) -> Header:
        """Returns the shape."""
        return Header(*self.values.shape)

    def load(self, *, channels: int) -> Content:
        """Returns the values."""
        return Content(self.values)


def list_slices(path: Path, *, argument: str = "input") -> list[KSpaceSlice]:
    """Returns the slices in a file of k-space; only its header is read.

    Args:
        path: Path of a .npy file with one slice, complex [H, W] or [H, W, coils], or of a .h5 or
            .hdf5 file whose data set 'kspace' is complex [slices, H, W] or [slices, coils, H, W].
        argument: Name of the user's argument, for errors.

    Raises:
        InputError: the file does not hold k-space.

    Reference: Zbontar et al. (2018), fastMRI (arXiv 1811.08839), section on the files.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            argument,
            "must be k-space in a file that ends in " + " or ".join(SUFFIXES),
            remedy=_REMEDY,
            path=str(path),
        )
    read = _list_array if path.suffix.lower() == ".npy" else _list_hdf5
    with reading(argument, _EXPECTED, path=path):
        return read(path)


def check_kspace(values, *, name: str) -> np.ndarray:
    """Returns values [H, W] or [H, W, coils] as complex64 [H, W, coils].

    Args:
        values: complex [H, W] or [H, W, coils].
        name: Name of the input, for errors.

    Raises:
        InputError: the values are not complex, of another rank, not finite, or all 0.

    Example:
        >>> check_kspace(np.ones((4, 3), complex), name="scan").shape
        (4, 3, 1)
    """
    values = np.asarray(values)
    _check_layout(values.dtype, values.shape, ranks=(2, 3), form=_ARRAY_FORM, name=name)
    if not np.isfinite(values).all() or not values.any():
        raise InputError("input", f"{name} must hold finite numbers, not all of them 0")
    return (values if values.ndim == 3 else values[..., None]).astype(np.complex64)


def crop_to_square(values: np.ndarray, *, resolution: int) -> np.ndarray:
    """Returns the k-space of the square image with a given resolution.

    Scanners often sample the read-out twice as densely as the phases, which gives more rows than
    columns. The field of view is then cut to its middle, which keeps whole columns either sampled
    or not sampled. High frequencies are left out next: the field of view has fewer pixels.

    Args:
        values: complex [H, W, coils] with H >= W >= resolution.
        resolution: Side of the image in pixels.

    Returns:
        [resolution, resolution, coils] of the same type.
    """
    height, width = values.shape[:2]
    if height > width:
        rows = _transform_rows(np.fft.ifft, values)
        values = _transform_rows(np.fft.fft, _middle_rows(rows, width)).astype(values.dtype)
    columns = np.swapaxes(_middle_rows(values, resolution), 0, 1)
    return _middle_rows(columns, resolution).swapaxes(0, 1)


def _middle_rows(array: np.ndarray, size: int) -> np.ndarray:
    """Returns `size` rows; the middle row stays the middle one."""
    first = len(array) // 2 - size // 2
    return array[first : first + size]


def _transform_rows(transform: Callable, array: np.ndarray) -> np.ndarray:
    array = transform(np.fft.ifftshift(array, axes=0), axis=0, norm="ortho")
    return np.fft.fftshift(array, axes=0)


def _list_array(path: Path) -> list[KSpaceSlice]:
    array = map_array(path)
    _check_layout(array.dtype, array.shape, ranks=(2, 3), form=_ARRAY_FORM, name=path.name)
    height, width, *coils = array.shape
    return [KSpaceSlice(path, None, (height, width, *(coils or [1])), path)]


def _list_hdf5(path: Path) -> list[KSpaceSlice]:
    import h5py

    with h5py.File(path, "r") as file:
        dataset = file.get(_DATASET)
        if not isinstance(dataset, h5py.Dataset):
            raise InputError("input", f"{path.name} must have the data set '{_DATASET}'")
        shape, dtype = dataset.shape, dataset.dtype
    form = "[slices, H, W] or [slices, coils, H, W]"
    _check_layout(dtype, shape, ranks=(3, 4), form=form, name=path.name)
    count, *coils, height, width = shape
    digits = max(2, len(str(count - 1)))
    names = [f"{path.stem}_slice{index:0{digits}}{path.suffix}" for index in range(count)]
    size = (height, width, *(coils or [1]))
    return [KSpaceSlice(path, index, size, Path(name)) for index, name in enumerate(names)]


def _check_layout(dtype, shape, *, ranks: tuple[int, ...], form: str, name: str) -> None:
    if dtype.kind != "c" or len(shape) not in ranks or not all(shape):
        raise InputError(
            "input",
            f"{name} must hold k-space, complex {form}",
            remedy=_REMEDY,
            dtype=str(dtype),
            shape=tuple(shape),
        )
