"""Stored samples of DICOM files -> values in the unit of the file, and the display of the values.

Reference: DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.5.1.1.2 (pixel padding).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.arrays import reading
from brgm_tf.io.medical import dicom_attributes
from brgm_tf.io.medical.curves import LookupTable, Sigmoid
from brgm_tf.io.medical.window import Display, Window

EXPECTED = "a DICOM slice"
# Packages that decode a family of transfer syntaxes, told by the beginning of their names.
_DECODERS = (
    ("JPEG-LS", "pyjpegls"),
    ("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("High-Throughput", "pylibjpeg pylibjpeg-openjpeg"),
    ("JPEG", "pylibjpeg pylibjpeg-libjpeg"),
    ("RLE", "pylibjpeg pylibjpeg-rle"),
)


@contextlib.contextmanager
def reading_dicom(path: Path, *, remedy: str = "") -> Iterator[None]:
    """Turns every exception raised while a file is read into an `InputError`."""
    with reading("input", EXPECTED, path=path, remedy=remedy), without_warnings():
        yield


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Ignores pydicom's warnings of elements that break the standard; most are not used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(dataset: Any, *, path: Path) -> np.ndarray:
    """Returns the stored samples of a grey picture, [h, w].

    Args:
        dataset: pydicom's Dataset of the file.
        path: Path of the file, for errors.

    Raises:
        InputError: the decoder is not installed, or the samples are damaged.
    """
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        with reading_dicom(path):
            return dataset.pixel_array
    packages = next((pip for name, pip in _DECODERS if syntax.name.startswith(name)), None)
    remedy = "Convert the file to an uncompressed one"
    if packages is not None:
        remedy = f"pip install {packages}"
    with reading_dicom(path):
        is_available = packages is not None and get_decoder(syntax).is_available
    if not is_available:
        raise InputError(
            "input",
            f"{path.name} must have pixels that an installed package decodes",
            remedy=remedy,
            compression=syntax.name,
        )
    with reading_dicom(path, remedy=f"If the file is complete: {remedy}"):
        return dataset.pixel_array


def to_unit(dataset: Any, stored: np.ndarray) -> np.ndarray:
    """Returns stored samples as float64 values in the unit of the file."""
    tables = dataset.get("ModalityLUTSequence")
    if tables:
        first, entries, _ = _table(dataset, tables[0], is_signed=_is_signed(dataset))
        indices = np.clip(stored.astype(np.int64) - first, 0, len(entries) - 1)
        return entries[indices].astype(np.float64)
    slope, intercept = rescale_of(dataset)
    return stored.astype(np.float64) * slope + intercept


def rescale_of(dataset: Any) -> tuple[float, float]:
    """Returns slope and intercept from stored samples to the unit of the file."""
    slope = float(dicom_attributes.get(dataset, "RescaleSlope", 1))
    return slope or 1.0, float(dicom_attributes.get(dataset, "RescaleIntercept", 0))


def is_padding(dataset: Any, stored: np.ndarray) -> np.ndarray:
    """Returns which samples are outside of the picture, bool [h, w].

    The padding value may have been written with the wrong sign, so only its bits count.
    """
    prefix = {"float32": "Float", "float64": "DoubleFloat"}.get(stored.dtype.name, "")
    names = (f"{prefix}PixelPaddingValue", f"{prefix}PixelPaddingRangeLimit")
    ends = [dataset.get(name) for name in names]
    if ends[0] is None:
        return np.zeros(stored.shape, bool)
    ends = [np.array(ends[0] if end is None else end).astype(stored.dtype) for end in ends]
    return (stored >= min(ends)) & (stored <= max(ends))


def display_of(dataset: Any) -> Display | None:
    """Returns the first display that a file states; None if the file states no display.

    A VOI LUT comes before windows.

    Raises:
        InputError: the display has no inverse.
    """
    tables = dataset.get("VOILUTSequence")
    if tables:
        return _lookup_table(dataset, tables[0])
    centre, width = (
        _first(dicom_attributes.get(dataset, name)) for name in ("WindowCenter", "WindowWidth")
    )
    if centre is None or width is None:
        return None
    function = str(dicom_attributes.get(dataset, "VOILUTFunction", "LINEAR")).upper()
    if function == "SIGMOID":
        return Sigmoid(centre, width) if width > 0 else None
    if function == "LINEAR":  # The ends are half a value inside the ends of LINEAR_EXACT.
        centre, width = centre - 0.5, width - 1
    elif function != "LINEAR_EXACT":
        raise InputError(
            "input",
            "must have the VOI LUT function LINEAR, LINEAR_EXACT or SIGMOID",
            remedy="Give --window=LOW:HIGH, which is used instead",
            function=function,
        )
    return Window(centre - width / 2, centre + width / 2) if width > 0 else None


def states_display(dataset: Any) -> bool:
    """Returns whether `display_of` gives a display or an error."""
    try:
        return display_of(dataset) is not None
    except InputError:
        return True


def _lookup_table(dataset: Any, item: Any) -> LookupTable:
    slope, intercept = rescale_of(dataset)
    can_be_negative = not dataset.get("ModalityLUTSequence") and (
        _is_signed(dataset) or min(slope, intercept) < 0
    )
    first, entries, bits = _table(dataset, item, is_signed=can_be_negative)
    return LookupTable(first, entries * (2 / (2**bits - 1)) - 1)


def _table(dataset: Any, item: Any, *, is_signed: bool) -> tuple[int, np.ndarray, int]:
    """Returns first value, entries and bits of an entry of a table."""
    count, first, bits = (int(value) for value in item.LUTDescriptor)
    count = count or 2**16
    if is_signed and first >= 2**15:  # The sign bit was read as a number.
        first -= 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
        size = 1 if len(data) < 2 * count else 2
        data = np.frombuffer(data, f"{order}u{size}")
    entries = np.asarray(data)[:count]
    if len(entries) < count:
        raise ValueError("a lookup table ends early")
    return first, entries.astype(np.int64), bits


def _is_signed(dataset: Any) -> bool:
    return dataset.get("PixelRepresentation") == 1


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value if isinstance(value, (str, int, float)) else next(iter(value)))
