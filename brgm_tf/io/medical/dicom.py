"""DICOM slices: grey pictures, and restorations as derived pictures of the same patient.

Pictures are displayed as stored: if MONOCHROME1 states that small values are white, they are. A
written file keeps what the original says about the patient, as every derived picture does.
"""

from __future__ import annotations

import copy
import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import reading
from brgm_tf.io.medical.slices import Slice, Slicing, Square, Window, estimate_window

SUFFIXES = (".dcm", ".dicom")
_EXPECTED = "a DICOM slice"
_INVERTED = "MONOCHROME1"
_GREYS = (_INVERTED, "MONOCHROME2")
# Each direction of DICOM's coordinates (x to the left, y to the back, z to the head), and the
# opposite direction.
_DIRECTIONS = (("L", "R"), ("P", "A"), ("H", "F"))
# Elements that hold for the pixels of the original only.
_STALE = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "PixelPaddingValue",
    "WindowCenterWidthExplanation",
    "VOILUTSequence",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DicomSlice(Slice):
    """A DICOM file of one frame; see `Slice`.

    Args:
        orientation: Directions in the patient of a row and of a column, (6,); None if unknown.
    """

    orientation: tuple[float, ...] | None

    suffix = ".dcm"

    @property
    def about(self) -> Mapping[str, object]:
        """File of the slice and directions of its axes."""
        about = {"file": self.path.name}
        if self.orientation is not None:
            about["rows"] = _direction(self.orientation[3:])
            about["columns"] = _direction(self.orientation[:3])
        return about

    def read(self) -> tuple[np.ndarray, Window]:
        """Returns the picture, float32 [h, w, 1] in [-1, 1], and its window."""
        import pydicom

        with reading("input", _EXPECTED, path=self.path):
            dataset = pydicom.dcmread(self.path)
            slope, intercept = _rescale(dataset)
            values = dataset.pixel_array * slope + intercept
            window = self.window or _stated_window(dataset)
        window = window or estimate_window(values, name=self.path.name)
        image = window.to_image(values[..., None])
        return (-image if self.inverted else image), window

    def encode(self, values: np.ndarray, *, part: str, window: Window) -> bytes:
        """Encodes a derived picture of the same study, in a new series."""
        import pydicom

        dataset = copy.deepcopy(pydicom.dcmread(self.path))
        square = Square.central(self.shape, resolution=len(values))
        _set_pixels(dataset, values)
        _set_position(dataset, square)
        _remove_stale(dataset)
        low, high = window
        dataset.VOILUTFunction = "LINEAR_EXACT"
        dataset.WindowCenter, dataset.WindowWidth = _short((low + high) / 2), _short(high - low)
        dataset.ImageType = ["DERIVED", "SECONDARY"]
        dataset.DerivationDescription = f"brgm_tf {part}: plausible, not observed"
        dataset.SeriesDescription = f"brgm_tf {part}"
        _set_identifiers(dataset, part)
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        return file.getvalue()


def is_dicom(path: Path) -> bool:
    """Returns whether a file has the suffix or the first bytes of DICOM.

    DICOM files often have no suffix.
    """
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def list_slices(path: Path, slicing: Slicing) -> list[DicomSlice]:
    """Returns the slice of a file; only its header is read.

    Raises:
        InputError: the file is not DICOM, has several frames, or is not a grey picture.
    """
    import pydicom

    with reading("input", _EXPECTED, path=path):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        shape = int(dataset.Rows), int(dataset.Columns)
        colours = str(dataset.PhotometricInterpretation)
        frames = int(dataset.get("NumberOfFrames") or 1)
        spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
        rows, columns = map(float, spacing) if spacing else (0.0, 0.0)
        orientation = dataset.get("ImageOrientationPatient")
        orientation = tuple(float(part) for part in orientation) if orientation else None
    if colours not in _GREYS or frames != 1:
        raise InputError(
            "input",
            f"{path.name} must be one grey picture",
            remedy="Convert several frames to NIfTI, and colours to PNG",
            frames=frames,
            colours=colours,
        )
    dicom_slice = DicomSlice(
        path=path,
        name=Path(path.name),
        shape=shape,
        spacing=(rows, columns) if spacing else None,
        window=slicing.explicit_window,
        inverted=colours == _INVERTED,
        orientation=orientation,
    )
    return [dicom_slice]


def _rescale(dataset) -> tuple[float, float]:
    """Returns slope and intercept from stored values to the unit of the file."""
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    return slope, float(dataset.get("RescaleIntercept", 0) or 0)


def _stated_window(dataset) -> Window | None:
    """Returns the first window that a file states.

    Reference: DICOM PS3.3 C.11.2.1.2: the ends of LINEAR are half a value inside the ends of
    LINEAR_EXACT.
    """
    centre, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None:
        return None
    if str(dataset.get("VOILUTFunction", "LINEAR")) == "LINEAR":
        centre, width = centre - 0.5, width - 1
    return Window(centre - width / 2, centre + width / 2) if width > 0 else None


def _first(value) -> float | None:
    if value is None or value == "":
        return None
    return float(value if isinstance(value, (str, int, float)) else next(iter(value)))


def _direction(vector) -> str:
    """Returns the direction nearest to a vector, such as 'R to L'."""
    axis = int(np.argmax(np.abs(vector)))
    end, start = _DIRECTIONS[axis] if vector[axis] > 0 else _DIRECTIONS[axis][::-1]
    return f"{start} to {end}"


def _set_pixels(dataset, values: np.ndarray) -> None:
    """Stores values [R, R] in the unit of the file, rounded and clipped to the stored bits."""
    from pydicom.uid import ExplicitVRLittleEndian

    slope, intercept = _rescale(dataset)
    signed = int(dataset.PixelRepresentation) == 1
    bits = int(dataset.BitsStored)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    stored = np.clip(np.rint((values - intercept) / slope), low, high)
    dtype = np.dtype(f"<{'i' if signed else 'u'}{int(dataset.BitsAllocated) // 8}")
    pixels = stored.astype(dtype).tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset["PixelData"].VR = "OB" if dtype.itemsize == 1 else "OW"
    dataset["PixelData"].is_undefined_length = False
    dataset.Rows = dataset.Columns = len(values)


def _set_position(dataset, square: Square) -> None:
    """Sets position and spacing of the square's pixels in the patient."""
    spacing = dataset.get("PixelSpacing")
    position = dataset.get("ImagePositionPatient")
    orientation = dataset.get("ImageOrientationPatient")
    if spacing and position and orientation:
        along_columns, along_rows = np.reshape([float(v) for v in orientation], (2, 3))
        rows, columns = (float(mm) for mm in spacing)
        moved = (
            np.array([float(v) for v in position])
            + along_columns * columns * square.start(square.left)
            + along_rows * rows * square.start(square.top)
        )
        dataset.ImagePositionPatient = [_short(value) for value in moved]
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        if dataset.get(name):
            scaled = [_short(float(mm) * square.scale) for mm in dataset.get(name)]
            setattr(dataset, name, scaled)


def _remove_stale(dataset) -> None:
    for name in _STALE:
        if name in dataset:
            delattr(dataset, name)
    # Overlays are drawn on the pixels of the original.
    for tag in [e.tag for e in dataset if e.tag.group & 0xFF00 == 0x6000]:
        del dataset[tag]


def _set_identifiers(dataset, part: str) -> None:
    """Sets identifiers that depend on the content only: equal runs write equal bytes."""
    from pydicom.uid import generate_uid

    series = str(dataset.get("SeriesInstanceUID", ""))
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["brgm_tf", part, series])
    entropy = [*map(str, (dataset.get("SOPInstanceUID", ""), part)), dataset.PixelData.hex()]
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=entropy)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _short(value: float) -> Any:
    """Returns a number that takes at most 16 characters, as DICOM requires."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)
