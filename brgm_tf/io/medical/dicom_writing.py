"""Derived DICOM files: values in the place of the original, in a new series of the same study."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.io.medical import dicom_attributes
from brgm_tf.io.medical.curves import LookupTable, Sigmoid
from brgm_tf.io.medical.dicom_values import reading_dicom, rescale_of, without_warnings
from brgm_tf.io.medical.slices import Square
from brgm_tf.io.medical.window import Display

# Elements that hold for the pixels of the original only.
_STALE = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "FloatPixelPaddingValue",
    "FloatPixelPaddingRangeLimit",
    "DoubleFloatPixelPaddingValue",
    "DoubleFloatPixelPaddingRangeLimit",
    "ModalityLUTSequence",
    "WindowCenterWidthExplanation",
    "IconImageSequence",
    "SequenceOfUltrasoundRegions",
    "PixelAspectRatio",
    "MACParametersSequence",
)
# Curves and overlays are drawn on the pixels of the original.
_DRAWN = (0x5000, 0x6000)
# Shutter and collimator are stated in pixels of the original.
_EDGES = ((0x00181600, 0x00181624), (0x00181700, 0x00181720))
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_SIZES = (8, 16, 32)


def encode_derived(
    path: Path,
    values: np.ndarray,
    *,
    square: Square,
    part: str,
    display: Display,
    is_deviation: bool = False,
) -> bytes:
    """Encodes values as a derived picture of a file.

    Elements that are not changed are copied as bytes if the byte order allows it, so that a
    malformed element does no harm.

    Args:
        path: Path of the original.
        values: [R, R] in the unit of the file.
        square: Part of the original that the values show.
        part: Word for the values, such as 'reconstruction'.
        display: Display of the values.
        is_deviation: Whether the values are standard deviations, whose unit has no offset.

    Raises:
        InputError: the original cannot be read.
        Exception: an element cannot be written.
    """
    import pydicom

    with reading_dicom(path):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
    with without_warnings():
        _make_little_endian(dataset)
        _set_pixels(dataset, values, is_deviation=is_deviation)
        _set_position(dataset, square)
        _remove_stale(dataset)
        _set_display(dataset, display)
        dataset.ImageType = ["DERIVED", "SECONDARY"]
        dataset.DerivationDescription = f"brgm_tf {part}: plausible, not observed"
        dataset.SeriesDescription = f"brgm_tf {part}"
        _set_identifiers(dataset, part, pixels=np.asarray(values).tobytes())
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def short(value: float) -> Any:
    """Returns a number that takes at most 16 characters, as DICOM requires."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)


def _make_little_endian(dataset: Any) -> None:
    """Sets an uncompressed transfer syntax, and swaps the bytes of a big-endian dataset."""
    from pydicom import uid

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_little_endian:
        _swap_bytes(dataset)
    is_implicit = syntax == uid.ImplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = (
        uid.ImplicitVRLittleEndian if is_implicit else uid.ExplicitVRLittleEndian
    )


def _swap_bytes(dataset: Any) -> None:
    """Swaps the bytes of arrays that pydicom keeps as they are in the file."""
    sizes = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}
    for element in dataset.iterall():
        size = sizes.get(str(element.VR))
        if size and isinstance(element.value, bytes):
            element.value = np.frombuffer(element.value, f">u{size}").astype(f"<u{size}").tobytes()
    dataset.set_original_encoding(False, True, dataset.original_character_set)


# Pixels.


def _set_pixels(dataset: Any, values: np.ndarray, *, is_deviation: bool) -> None:
    """Stores values [R, R] in the unit of the file."""
    values = np.asarray(values, np.float64)
    dataset.Rows = dataset.Columns = len(values)
    if is_deviation:
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.pop("PresentationLUTShape", None)
    if "PixelRepresentation" not in dataset:  # Floats have no bits stored and no sign.
        size = int(dataset.BitsAllocated)
        name, word = ("DoubleFloatPixelData", "OD") if size == 64 else ("FloatPixelData", "OF")
        dataset.add_new(name, word, values.astype(f"<f{size // 8}").tobytes())
        return
    low, high, dtype = _storage(dataset)
    stored = _quantise(dataset, values, low, high, is_deviation=is_deviation)
    pixels = stored.astype(dtype).tobytes()
    word = "OB" if dtype.itemsize == 1 else "OW"
    dataset.add_new("PixelData", word, pixels + b"\0" * (len(pixels) % 2))


def _storage(dataset: Any) -> tuple[int, int, np.dtype]:
    """Returns smallest and largest sample and the type, and sets the elements that state them."""
    bits, size = int(dataset.BitsStored), int(dataset.BitsAllocated)
    is_signed = int(dataset.PixelRepresentation) == 1
    # A modality LUT has no inverse, so its output is stored, which is never negative.
    if dataset.get("ModalityLUTSequence") or size not in _SIZES:
        bits, size, is_signed = 16, 16, False
        dataset.PixelRepresentation = 0
    dataset.BitsStored, dataset.BitsAllocated, dataset.HighBit = bits, size, bits - 1
    dtype = np.dtype(f"<{'i' if is_signed else 'u'}{size // 8}")
    low = -(2 ** (bits - 1)) if is_signed else 0
    return low, low + 2**bits - 1, dtype


def _quantise(
    dataset: Any, values: np.ndarray, low: int, high: int, *, is_deviation: bool
) -> np.ndarray:
    """Returns values as samples in [low, high].

    Slope and intercept of the original are kept if all values fit, so that the values of pictures
    have the same steps as before.
    """
    finite = values[np.isfinite(values)]
    smallest, largest = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    # An unknown standard deviation must not look certain.
    values = np.nan_to_num(values, nan=largest, posinf=largest, neginf=smallest)
    slope, intercept = 1.0, 0.0
    if not dataset.get("ModalityLUTSequence"):
        slope, intercept = rescale_of(dataset)
    ends = sorted(((smallest - intercept) / slope, (largest - intercept) / slope))
    if is_deviation:
        slope, intercept = largest / high or 1.0, 0.0
    elif np.rint(ends[0]) < low or np.rint(ends[1]) > high:
        slope = (largest - smallest) / (high - low) or 1.0
        intercept = smallest - low * slope
    if (slope, intercept) != rescale_of(dataset):
        slope, intercept = float(short(slope)), float(short(intercept))
        dicom_attributes.put(dataset, "RescaleSlope", short(slope))
        dicom_attributes.put(dataset, "RescaleIntercept", short(intercept))
    return np.clip(np.rint((values - intercept) / slope), low, high)


# Other elements.


def _set_position(dataset: Any, square: Square) -> None:
    """Sets position and spacing of the square's pixels in the patient."""
    spacing, position, orientation = (
        dicom_attributes.get(dataset, name)
        for name in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")
    )
    if spacing and position and orientation:
        along_columns, along_rows = np.reshape([float(v) for v in orientation], (2, 3))
        rows, columns = (float(mm) for mm in spacing)
        moved = (
            np.array([float(v) for v in position])
            + along_columns * columns * square.start(square.left)
            + along_rows * rows * square.start(square.top)
        )
        dicom_attributes.put(dataset, "ImagePositionPatient", [short(value) for value in moved])
    for name in SPACINGS:
        spacing = dicom_attributes.get(dataset, name)
        if spacing:
            scaled = [short(float(mm) * square.scale) for mm in spacing]
            dicom_attributes.put(dataset, name, scaled)


def _set_display(dataset: Any, display: Display) -> None:
    if isinstance(display, LookupTable):
        return
    dataset.pop("VOILUTSequence", None)
    if isinstance(display, Sigmoid):
        function, (centre, width) = "SIGMOID", display
    else:
        low, high = display.to_values(np.array([-1.0, 1.0]))
        function, centre, width = "LINEAR_EXACT", (low + high) / 2, high - low
    dicom_attributes.put(dataset, "WindowCenter", short(centre))
    dicom_attributes.put(dataset, "WindowWidth", short(width))
    dicom_attributes.put(dataset, "VOILUTFunction", function)


def _remove_stale(dataset: Any) -> None:
    for name in _STALE:
        dicom_attributes.remove(dataset, name)
    # Elements that are only looked at by their tags are not converted.
    for tag in list(dataset.keys()):
        is_edge = any(first <= tag <= last for first, last in _EDGES)
        if tag.group & 0xFF00 in _DRAWN or is_edge:
            del dataset[tag]


def _set_identifiers(dataset: Any, part: str, *, pixels: bytes) -> None:
    """Sets identifiers that depend on the content only: equal runs write equal bytes."""
    from pydicom.uid import generate_uid

    series = str(dataset.get("SeriesInstanceUID", ""))
    entropy = [*map(str, (dataset.get("SOPInstanceUID", ""), part)), pixels.hex()]
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["brgm_tf", part, series])
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=entropy)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
