"""Measured k-space from files: NumPy arrays, and HDF5 as of fastMRI.

The frequency 0 is in the middle, at [H // 2, W // 2]; rows are read out, and phases encoded along
the width. TensorFlow is not imported here, and h5py by functions alone.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import opened, reading

SUFFIXES = (".npy", ".h5", ".hdf5")
_DATASET = "kspace"
_EXPECTED = "a file of k-space"
_REMEDY = "Give input_kind=clean to have a picture measured"


@dataclasses.dataclass(frozen=True)
class KSpaceSlice:
    """Where the k-space of one image is.

    Args:
        path: of its file.
        index: of the slice in an HDF5 file; None of a NumPy array.
        shape: (H, W, coils).
        name: that its results would like.
    """

    path: Path
    index: int | None
    shape: tuple[int, int, int]
    name: Path

    def load(self) -> np.ndarray:
        """The values, complex64 [H, W, coils].

        Raises:
            InputError: they cannot be read, or are not finite.
        """
        with reading("input", _EXPECTED, path=self.path):
            return self._read(self.path)

    def _read(self, path: Path) -> np.ndarray:
        if self.index is None:
            return checked_values(opened(path), name=path.name)
        import h5py

        with h5py.File(path, "r") as file:
            values = file[_DATASET][self.index]
        # fastMRI has the coils first.
        values = values if values.ndim == 2 else np.moveaxis(values, 0, -1)
        return checked_values(values, name=self.name.stem)


def slices_of(path: Path, *, argument: str = "input") -> list[KSpaceSlice]:
    """The slices of a file, from its header.

    Args:
        path: a .npy file, complex [H, W] or [H, W, coils]: one slice; or a .h5 or .hdf5 file
            with the data set 'kspace', complex [slices, H, W] or [slices, coils, H, W].
        argument: name of the user's argument, for errors.

    Raises:
        InputError: it is no such file.

    Reference: Zbontar et al. (2018), fastMRI (arXiv 1811.08839), its files.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            argument,
            "must be k-space in a file that ends in " + " or ".join(SUFFIXES),
            remedy=_REMEDY,
            path=str(path),
        )
    read = _array_slice if path.suffix.lower() == ".npy" else _hdf5_slices
    with reading(argument, _EXPECTED, path=path):
        return read(path)


def checked_values(values, *, name: str) -> np.ndarray:
    """Values [H, W] or [H, W, coils] as complex64 [H, W, coils].

    Raises:
        InputError: they are not complex, of another rank, not finite, or all 0.
    """
    values = np.asarray(values)
    _check_kind(values.dtype, values.shape, ranks=(2, 3), form="[H, W] or [H, W, coils]", name=name)
    if not np.isfinite(values).all() or not values.any():
        raise InputError("input", f"{name} must hold finite numbers, not all of them 0")
    return (values if values.ndim == 3 else values[..., None]).astype(np.complex64)


def squared(values: np.ndarray, *, resolution: int) -> np.ndarray:
    """k-space of the square image of a resolution: [resolution, resolution, coils].

    Where there are more rows than columns, which is what a scanner that samples its read-out
    twice as densely leaves, the field of view is cut to the middle: as many rows as columns.
    That takes whole columns, sampled or not sampled, not single values. Then high frequencies
    are left out: the same field of view in fewer pixels.

    Args:
        values: complex [H, W, coils], H >= W >= resolution.
        resolution: side of the image in pixels.
    """
    height, width = values.shape[:2]
    if height > width:
        rows = _centred(np.fft.ifft, values)
        values = _centred(np.fft.fft, _middle(rows, width)).astype(values.dtype)
    return _middle(np.swapaxes(_middle(values, resolution), 0, 1), resolution).swapaxes(0, 1)


def _middle(array: np.ndarray, size: int) -> np.ndarray:
    """The rows about the middle one, which becomes that of [size, ...]."""
    first = len(array) // 2 - size // 2
    return array[first : first + size]


def _centred(transform, array: np.ndarray) -> np.ndarray:
    array = transform(np.fft.ifftshift(array, axes=0), axis=0, norm="ortho")
    return np.fft.fftshift(array, axes=0)


def _array_slice(path: Path) -> list[KSpaceSlice]:
    array = opened(path)
    form = "[H, W] or [H, W, coils]"
    _check_kind(array.dtype, array.shape, ranks=(2, 3), form=form, name=path.name)
    height, width, *coils = array.shape
    return [KSpaceSlice(path, None, (height, width, *(coils or [1])), path)]


def _hdf5_slices(path: Path) -> list[KSpaceSlice]:
    import h5py

    with h5py.File(path, "r") as file:
        dataset = file.get(_DATASET)
        if not isinstance(dataset, h5py.Dataset):
            raise InputError("input", f"{path.name} must have the data set '{_DATASET}'")
        shape, dtype = dataset.shape, dataset.dtype
    form = "[slices, H, W] or [slices, coils, H, W]"
    _check_kind(dtype, shape, ranks=(3, 4), form=form, name=path.name)
    count, *coils, height, width = shape
    digits = max(2, len(str(count - 1)))
    names = [f"{path.stem}_slice{index:0{digits}}{path.suffix}" for index in range(count)]
    size = (height, width, *(coils or [1]))
    return [KSpaceSlice(path, index, size, Path(name)) for index, name in enumerate(names)]


def _check_kind(dtype, shape, *, ranks, form: str, name: str) -> None:
    if dtype.kind != "c" or len(shape) not in ranks or not all(shape):
        raise InputError(
            "input",
            f"{name} must hold k-space, complex {form}",
            remedy=_REMEDY,
            dtype=str(dtype),
            shape=tuple(shape),
        )
