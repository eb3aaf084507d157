"""DICOM slices: grey pictures, and restorations as derived pictures of the same patient.

Pictures are displayed as the file states: by its VOI LUT or window, and with small values white if
it says MONOCHROME1. A written file keeps what the original says about the patient, as every
derived picture does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical import dicom_attributes, dicom_series, dicom_values, dicom_writing
from brgm_tf.io.medical.dicom_values import reading_dicom
from brgm_tf.io.medical.slices import Slice, Slicing, Square
from brgm_tf.io.medical.window import Display

SUFFIXES = (".dcm", ".dicom")
_INVERTED = "MONOCHROME1"
_GREYS = (_INVERTED, "MONOCHROME2")
# Each direction of DICOM's coordinates (x to the left, y to the back, z to the head), and the
# opposite direction.
_DIRECTIONS = (("L", "R"), ("P", "A"), ("H", "F"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DicomSlice(Slice):
    """A DICOM file of one frame; see `Slice`.

    Args:
        orientation: Directions in the patient of a row and of a column, (6,); None if unknown.
        series: Identifier of the series; '' if unknown.
        states_display: Whether the file states a window or a VOI LUT.
        companions: Files whose values share an estimated window, this file among them; () for
            this file alone.
    """

    orientation: tuple[float, ...] | None
    series: str = ""
    states_display: bool = False
    companions: tuple[Path, ...] = ()

    suffix = ".dcm"

    @property
    def about(self) -> Mapping[str, object]:
        """File of the slice and directions of its axes."""
        about = {"file": self.path.name}
        if self.orientation is not None:
            about["rows"] = _direction(self.orientation[3:])
            about["columns"] = _direction(self.orientation[:3])
        return about

    def read(self) -> tuple[np.ndarray, Display]:
        """Returns the picture, float32 [h, w, 1] in [-1, 1], and its display."""
        import pydicom

        with reading_dicom(self.path):
            dataset = pydicom.dcmread(self.path)
            display = self.window or self._stated_display(dataset)
            stored = dicom_values.decode(dataset, path=self.path)
            values = dicom_values.to_unit(dataset, stored)
        if stored.shape != self.shape or not np.isfinite(values).all():
            raise InputError(
                "input",
                f"{self.path.name} must hold {self.shape[0]} x {self.shape[1]} finite numbers",
                shape=stored.shape,
            )
        display = display or dicom_series.common_window(self.companions or (self.path,))
        image = display.to_image(values[..., None])
        return (-image if self.inverted else image), display

    def _stated_display(self, dataset: Any) -> Display | None:
        try:
            return dicom_values.display_of(dataset)
        except InputError as error:
            raise error.at(self.path.name) from None

    def encode(
        self, values: np.ndarray, *, part: str, display: Display, is_deviation: bool = False
    ) -> bytes:
        """Encodes a derived picture of the same study, in a new series."""
        return dicom_writing.encode_derived(
            self.path,
            values,
            square=Square.central(self.shape, resolution=len(values)),
            part=part,
            display=display,
            is_deviation=is_deviation,
        )


def is_dicom(path: Path) -> bool:
    """Returns whether a file has the suffix or the first bytes of DICOM.

    DICOM files often have no suffix.
    """
    return path.suffix.lower() in SUFFIXES or _has_dicom_bytes(path)


def has_dicom_picture(path: Path) -> bool:
    """Returns whether a file of any name may be a DICOM picture, by its first bytes."""
    # The table of contents of a medium has the same first bytes.
    return path.name.upper() != "DICOMDIR" and _has_dicom_bytes(path)


def _has_dicom_bytes(path: Path) -> bool:
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

    with reading_dicom(path):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        _check_picture(dataset, path)
        colours = str(dataset.PhotometricInterpretation)
        orientation = dicom_attributes.get(dataset, "ImageOrientationPatient")
        dicom_slice = DicomSlice(
            path=path,
            name=Path(path.name),
            shape=(int(dataset.Rows), int(dataset.Columns)),
            spacing=_spacing(dataset),
            window=slicing.explicit_window,
            inverted=colours == _INVERTED,
            orientation=tuple(float(part) for part in orientation) if orientation else None,
            series=str(dataset.get("SeriesInstanceUID", "")),
            states_display=dicom_values.states_display(dataset),
        )
    return [dicom_slice]


def _check_picture(dataset: Any, path: Path) -> None:
    colours = str(dataset.get("PhotometricInterpretation", ""))
    if "Rows" not in dataset or "Columns" not in dataset or not colours:
        raise InputError(
            "input",
            f"{path.name} must hold a picture",
            remedy="Leave out reports, directories and other objects without pixels",
            content=dataset.get("Modality") or dataset.file_meta.MediaStorageSOPClassUID.name,
        )
    frames = int(dataset.get("NumberOfFrames") or 1)
    if colours not in _GREYS or frames != 1:
        raise InputError(
            "input",
            f"{path.name} must be one grey picture",
            remedy="Convert several frames to NIfTI, and colours to PNG",
            frames=frames,
            colours=colours,
        )


def _spacing(dataset: Any) -> tuple[float, float] | None:
    """Returns the distances of rows and of columns; without millimetres, their ratio."""
    for name in (*dicom_writing.SPACINGS, "PixelAspectRatio"):
        spacing = dicom_attributes.get(dataset, name)
        if spacing:
            rows, columns = map(float, spacing)
            return rows, columns
    return None


def _direction(vector) -> str:
    """Returns the direction nearest to a vector, such as 'R to L'."""
    axis = int(np.argmax(np.abs(vector)))
    end, start = _DIRECTIONS[axis] if vector[axis] > 0 else _DIRECTIONS[axis][::-1]
    return f"{start} to {end}"
