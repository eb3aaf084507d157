"""DICOM slices: grey pictures, and restorations as derived ones of the same patient and place.

Pictures are shown as stored: where MONOCHROME1 says that small values are white, they are. What
is written holds what the original says of the patient, as every derived picture does.
"""

from __future__ import annotations

import copy
import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import reading
from brgm_tf.io.medical.slices import Slice, Slicing, Square, Window, window_of

SUFFIXES = (".dcm", ".dicom")
_EXPECTED = "a DICOM slice"
_INVERTED = "MONOCHROME1"
_GREYS = (_INVERTED, "MONOCHROME2")
# Each direction of DICOM's coordinates (x to the left, y to the back, z to the head), and its
# opposite.
_DIRECTIONS = (("L", "R"), ("P", "A"), ("H", "F"))
# What is true of the original's pixels alone.
_STALE = ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue")


@dataclasses.dataclass(frozen=True)
class DicomSlice(Slice):
    """A DICOM file of one frame; see `Slice`.

    Args:
        path: of the file.
        shape: rows and columns.
        spacing: millimetres from row to row, and from column to column; None where unknown.
        orientation: directions in the patient in which columns, and rows, are counted, (6,);
            None where unknown.
        inverted: whether small values are white.
        asked: the window, None for the file's own.
    """

    path: Path
    shape: tuple[int, int]
    spacing: tuple[float, float] | None
    orientation: tuple[float, ...] | None
    inverted: bool
    asked: Window | None

    suffix = ".dcm"

    @property
    def name(self) -> Path:
        """The file's name."""
        return Path(self.path.name)

    @property
    def about(self) -> Mapping[str, object]:
        """The slice's file and how it is shown."""
        found = {"file": self.path.name}
        if self.orientation is not None:
            found["rows"] = _direction(self.orientation[3:])
            found["columns"] = _direction(self.orientation[:3])
        return found

    def load(self) -> tuple[np.ndarray, Window]:
        """The picture, float32 [h, w, 1] in [-1, 1], and its window."""
        import pydicom

        with reading("input", _EXPECTED, path=self.path):
            dataset = pydicom.dcmread(self.path)
            slope, intercept = _rescale(dataset)
            values = dataset.pixel_array * slope + intercept
            window = self.asked or _window(dataset)
        window = window or window_of(values, name=self.path.name)
        image = window.image_of(values[..., None])
        return (-image if self.inverted else image), window

    def encoded(self, values: np.ndarray, *, part: str, window: Window) -> bytes:
        """A derived picture of the same study, in a series of its own."""
        import pydicom
        from pydicom.uid import generate_uid

        dataset = copy.deepcopy(pydicom.dcmread(self.path))
        square = Square.central(self.shape, resolution=len(values))
        _set_pixels(dataset, values)
        _set_place(dataset, square)
        for name in (*_STALE, "WindowCenterWidthExplanation", "VOILUTSequence"):
            if name in dataset:
                delattr(dataset, name)
        # Overlays have the original's pixels.
        for tag in [e.tag for e in dataset if e.tag.group & 0xFF00 == 0x6000]:
            del dataset[tag]
        low, high = window
        dataset.VOILUTFunction = "LINEAR_EXACT"
        dataset.WindowCenter, dataset.WindowWidth = _short((low + high) / 2), _short(high - low)
        dataset.ImageType = ["DERIVED", "SECONDARY"]
        dataset.DerivationDescription = f"brgm_tf {part}: plausible, not observed"
        dataset.SeriesDescription = f"brgm_tf {part}"
        # By its content, so that the same run writes the same bytes.
        series = str(dataset.get("SeriesInstanceUID", ""))
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["brgm_tf", part, series])
        sources = [*map(str, (dataset.get("SOPInstanceUID", ""), part)), dataset.PixelData.hex()]
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=sources)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        return file.getvalue()


def is_dicom(path: Path) -> bool:
    """Whether a file is named or begins as a DICOM one does, which often has no suffix."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def slices_of(path: Path, slicing: Slicing) -> list[DicomSlice]:
    """The slice of a file, from its header.

    Raises:
        InputError: it is no such file, has several frames, or is no grey picture.
    """
    import pydicom

    with reading("input", _EXPECTED, path=path):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        shape = int(dataset.Rows), int(dataset.Columns)
        colours = str(dataset.PhotometricInterpretation)
        frames = int(dataset.get("NumberOfFrames") or 1)
        spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
        orientation = dataset.get("ImageOrientationPatient")
        spacing = tuple(float(mm) for mm in spacing) if spacing else None
        orientation = tuple(float(part) for part in orientation) if orientation else None
    if colours not in _GREYS or frames != 1:
        raise InputError(
            "input",
            f"{path.name} must be one grey picture",
            remedy="Convert what has several frames to NIfTI, and colours to PNG",
            frames=frames,
            colours=colours,
        )
    inverted = colours == _INVERTED
    return [DicomSlice(path, shape, spacing, orientation, inverted, slicing.asked_window)]


def _rescale(dataset) -> tuple[float, float]:
    """Slope and intercept from stored values to the file's unit."""
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    return slope, float(dataset.get("RescaleIntercept", 0) or 0)


def _window(dataset) -> Window | None:
    """The first window that a file says.

    Reference: DICOM PS3.3 C.11.2.1.2: LINEAR's ends are half a value inside of LINEAR_EXACT's.
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
    """The direction that is nearest to a vector, as 'R to L'."""
    axis = int(np.argmax(np.abs(vector)))
    end, start = _DIRECTIONS[axis] if vector[axis] > 0 else _DIRECTIONS[axis][::-1]
    return f"{start} to {end}"


def _set_pixels(dataset, values: np.ndarray) -> None:
    """Puts in values [R, R] in the file's unit, rounded to what the stored bits hold."""
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


def _set_place(dataset, square: Square) -> None:
    """Puts the square's pixels where they are in the patient."""
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


def _short(value: float):
    """A number in at most 16 characters, as DICOM wants it."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)
