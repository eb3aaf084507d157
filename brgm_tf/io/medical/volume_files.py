"""Volumes in files: NIfTI and MGZ, DICOM files of several frames, folders of one DICOM series."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import reading
from brgm_tf.io.discovery import EXAMPLE_PREFIX, EXAMPLES
from brgm_tf.io.medical import dicom, dicom_values
from brgm_tf.io.medical.dicom_attributes import of_frame
from brgm_tf.io.medical.dicom_values import reading_dicom
from brgm_tf.io.medical.volumes import Grid, Volume

_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh")
_EXPECTED = "a volume"
_TOLERANCE = 0.01  # of the distance of slices, and of the cosines of their axes
# DICOM's axes run to the left, back and head. The axes of NIfTI run to the right, front and head.
_Frame = tuple[np.ndarray, np.ndarray, np.ndarray]
_TO_RIGHT_FRONT_HEAD = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_volume(
    path: str | Path, *, plane: str = "axial", volume_index: int | None = None
) -> Volume:
    """Reads a volume as slices of a plane.

    Args:
        path: NIfTI or MGZ file, DICOM file of several frames, or folder of one DICOM series; or
            'example:NAME', a volume that is installed with the package.
        plane: 'axial', 'coronal' or 'sagittal'.
        volume_index: Index of the volume in a file of several volumes; None for a single one.

    Raises:
        InputError: The path holds no volume, or its reader is not installed.
    """
    path = _example(path) if str(path).startswith(EXAMPLE_PREFIX) else Path(path).expanduser()
    if not path.exists():
        raise InputError("input", "must be an existing file or folder", input=str(path))
    is_nifti = path.name.lower().endswith(_SUFFIXES)
    _check_reader("nibabel")
    if not is_nifti:
        _check_reader("pydicom")
    grid = _read_nibabel(path, volume_index) if is_nifti else _read_dicom(path)
    if not is_nifti and volume_index not in (None, 0):
        raise InputError("volume_index", "must be 0 for DICOM files", volume_index=volume_index)
    name = path.name
    for suffix in (".gz", ".nii", ".mgz", ".mgh", *dicom.SUFFIXES):
        name = name.removesuffix(suffix)
    return Volume(name or "volume", grid, plane)


def _example(text: str | Path) -> Path:
    """Returns the file of 'example:NAME'; the path of no file for another name."""
    return EXAMPLES / f"{str(text).removeprefix(EXAMPLE_PREFIX)}.nii.gz"


def _check_reader(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise InputError(
            "volume",
            f"needs {package}, which is not installed",
            remedy="pip install 'brgm_tf[medical]'",
        )


def _read_nibabel(path: Path, volume_index: int | None) -> Grid:
    import nibabel as nib

    with reading("input", _EXPECTED, path=path):
        image: Any = nib.load(path)
        dtype = image.get_data_dtype()
        shape = [int(size) for size in image.shape]
        kind = dtype.kind
    shape += [1] * (3 - len(shape))
    count = int(np.prod(shape[3:]))
    if kind not in "iuf" or 0 in shape:
        raise InputError(
            "input",
            f"{path.name} must be a volume of real numbers",
            shape=tuple(image.shape),
            dtype=str(dtype),
        )
    if (volume_index is None and count > 1) or not 0 <= (volume_index or 0) < count:
        raise InputError(
            "volume_index",
            f"must be from 0 to {count - 1}, because {path.name} holds {count} volumes",
            volume_index=volume_index,
        )
    with reading("input", _EXPECTED, path=path):
        values = np.asarray(image.dataobj, np.float32).reshape([*shape[:3], count])
    values = values[..., volume_index or 0]
    header = image.header if isinstance(image, nib.Nifti1Image) else None
    window = None
    if header is not None:
        low, high = float(header["cal_min"]), float(header["cal_max"])
        window = (low, high) if high > low else None
        header = _of_three_axes(header)
    values = np.where(np.isfinite(values), values, np.float32(np.nan))
    # nibabel removes slope and intercept from the header of an image that it has read.
    scaling = getattr(image.dataobj, "slope", 1.0), getattr(image.dataobj, "inter", 0.0)
    return Grid(
        values,
        np.asarray(image.affine),
        dtype.newbyteorder("="),
        window=window,
        header=header,
        is_scaled=scaling != (1.0, 0.0),
    )


def _of_three_axes(header: Any) -> Any:
    """Returns a copy of a header for one volume."""
    header = header.copy()
    header.set_data_shape(header.get_data_shape()[:3])
    return header


# DICOM.


def _read_dicom(path: Path) -> Grid:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and dicom.is_dicom(file))
        if not files:
            raise InputError(
                "input", "must be a folder of one DICOM series, or a file", input=str(path)
            )
        datasets = [_dataset(file) for file in files]
        _check_series(datasets, path)
        frames = [frame for dataset in datasets for frame in _frames_of(dataset, path)]
    else:
        if not dicom.is_dicom(path):
            raise InputError(
                "input",
                "must be NIfTI, MGZ, a DICOM file of several frames or a folder of one series",
                input=str(path),
            )
        frames = _frames_of(_dataset(path), path)
    return _grid_of_frames(frames, path)


def _dataset(path: Path) -> Any:
    import pydicom

    with reading_dicom(path):
        dataset = pydicom.dcmread(path)
        dataset.filename = str(path)
    return dataset


def _check_series(datasets: Sequence[Any], path: Path) -> None:
    series = {str(dataset.get("SeriesInstanceUID", "")) for dataset in datasets}
    if len(series) > 1:
        raise InputError(
            "input",
            f"{path.name} must be a folder of one DICOM series",
            remedy="Move each series to its folder",
            series=len(series),
        )


def _frames_of(dataset: Any, path: Path) -> list[_Frame]:
    """Returns values [h, w], axes [3, 2] in millimetres, and position [3] of each frame."""
    if "Rows" not in dataset or dataset.get("SamplesPerPixel", 1) != 1:
        raise InputError("input", f"{path.name} must hold grey pictures")
    stored = dicom_values.decode(dataset, path=Path(dataset.filename))
    stored = stored if stored.ndim == 3 else stored[None]
    frames = []
    for index, samples in enumerate(stored):
        frame = of_frame(dataset, index)
        position, cosines, spacing = (
            frame.get(name)
            for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
        )
        if not (position and cosines and spacing):
            raise InputError(
                "input",
                f"{path.name} must state the position, the orientation and the spacing of slices",
                remedy="Convert it to NIfTI",
            )
        values = dicom_values.to_unit(frame, samples).astype(np.float32)
        values[dicom_values.is_padding(dataset, samples)] = np.nan
        cosines = np.reshape(np.asarray(cosines, np.float64), [2, 3])
        down, right = (float(step) for step in spacing)
        axes = np.stack([cosines[0] * right, cosines[1] * down], axis=1)
        frames.append((values, axes, np.asarray(position, np.float64)))
    return frames


def _grid_of_frames(frames: Sequence[_Frame], path: Path) -> Grid:
    _, axes, _ = frames[0]
    normal = np.cross(axes[:, 0], axes[:, 1])
    normal /= np.linalg.norm(normal) or 1.0
    frames = sorted(frames, key=lambda frame: float(frame[2] @ normal))
    shapes = {frame[0].shape for frame in frames}
    turned = max(float(np.abs(frame[1] - axes).max()) for frame in frames)
    if len(frames) < 2 or len(shapes) > 1 or turned > _TOLERANCE * np.abs(axes).max():
        raise InputError(
            "input",
            f"{path.name} must hold two or more parallel slices of one size",
            slices=len(frames),
            sizes=len(shapes),
        )
    positions = np.stack([frame[2] for frame in frames])
    steps = np.diff(positions, axis=0)
    step = steps.mean(axis=0)
    distance = np.linalg.norm(step)
    if np.abs(steps - step).max() > _TOLERANCE * distance or not distance:
        raise InputError(
            "input",
            f"{path.name} must hold slices at equal distances",
            remedy="Remove repeated slices, or convert the series to NIfTI",
            millimetres=np.linalg.norm(steps, axis=1).round(3).tolist()[:8],
        )
    affine = np.eye(4)
    affine[:3, :2], affine[:3, 2], affine[:3, 3] = axes, step, positions[0]
    values = np.stack([frame[0].T for frame in frames], axis=-1)
    return Grid(values, _TO_RIGHT_FRONT_HEAD @ affine, _smallest_type(values))


def _smallest_type(values: np.ndarray) -> np.dtype:
    """Returns int16 if all values are whole and in its range, else float32."""
    limits = np.iinfo(np.int16)
    is_whole = np.isfinite(values).all() and (values == np.rint(values)).all()
    fits = is_whole and limits.min <= values.min() and values.max() <= limits.max
    return np.dtype(np.int16 if fits else np.float32)
