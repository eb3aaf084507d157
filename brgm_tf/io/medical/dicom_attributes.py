"""Attributes of DICOM files, in functional groups or at the top level.

Enhanced files hold the attributes of a frame in functional groups, either of the frame or shared
by all frames. Older files hold the attributes at the top level.

Reference: DICOM PS3.3 C.7.6.16.
"""

from __future__ import annotations

from typing import Any

_PER_FRAME = "PerFrameFunctionalGroupsSequence"
_SHARED = "SharedFunctionalGroupsSequence"
_GROUPS = {
    "PixelSpacing": "PixelMeasuresSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
    "WindowCenterWidthExplanation": "FrameVOILUTSequence",
}


def get(dataset: Any, name: str, default: Any = None) -> Any:
    """Returns the value of an attribute of the first frame; the default if it has no value.

    Args:
        dataset: pydicom's Dataset of a file.
        name: Keyword of the attribute.
        default: Value of an absent or empty attribute.
    """
    value = _holder(dataset, name).get(name)
    return default if value is None or value == "" else value


def put(dataset: Any, name: str, value: Any) -> None:
    """Sets an attribute where the file holds it, or else where the file should hold it."""
    holder = _holder(dataset, name)
    groups = next((dataset[key].value for key in (_SHARED, _PER_FRAME) if dataset.get(key)), None)
    if holder is dataset and name in _GROUPS and name not in dataset and groups:
        holder = type(groups[0])()
        setattr(groups[0], _GROUPS[name], [holder])
    setattr(holder, name, value)


def remove(dataset: Any, name: str) -> None:
    """Removes an attribute if the file has it."""
    holder = _holder(dataset, name)
    if name in holder:
        delattr(holder, name)


def _holder(dataset: Any, name: str) -> Any:
    """Returns the dataset that holds an attribute; the top level if none does."""
    if name not in _GROUPS:
        return dataset
    items = [item for key in (_PER_FRAME, _SHARED) for item in (dataset.get(key) or ())[:1]]
    groups = [group for item in items for group in (item.get(_GROUPS[name]) or ())[:1]]
    holders = [holder for holder in (*groups, dataset) if name in holder]
    return (holders or groups or [dataset])[0]


def of_frame(dataset: Any, index: int) -> Any:
    """Returns a dataset whose top level holds the attributes of one frame.

    Args:
        dataset: pydicom's Dataset of a file.
        index: Index of the frame.
    """
    import pydicom

    frame = pydicom.Dataset()
    tables = dataset.get("ModalityLUTSequence")
    if tables:
        frame.ModalityLUTSequence = tables
    frame.PixelRepresentation = dataset.get("PixelRepresentation", 0)
    for name, group in _GROUPS.items():
        per_frame = (dataset.get(_PER_FRAME) or ())[index : index + 1]
        shared = (dataset.get(_SHARED) or ())[:1]
        groups = [g for item in (*per_frame, *shared) for g in (item.get(group) or ())[:1]]
        holder = next((holder for holder in (*groups, dataset) if name in holder), None)
        if holder is not None:
            frame[name] = holder[name]
    return frame
