"""Series of DICOM files: a value has the same grey in every slice of a series."""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.io.medical import dicom_values
from brgm_tf.io.medical.dicom_values import reading_dicom
from brgm_tf.io.medical.window import Window, estimate_common_window

_T = TypeVar("_T")


def share_windows(sources: Sequence[_T]) -> list[_T]:
    """Returns sources in which the files of a series that state no display share a window.

    Args:
        sources: Sources of images; only `DicomSlice` objects change.
    """
    groups: dict[str, list[Path]] = collections.defaultdict(list)
    for source in sources:
        if _needs_window(source):
            groups[source.series].append(source.path)  # type: ignore[attr-defined]
    # Sorted and without repetitions: the window does not depend on the order of the inputs.
    companions = {series: tuple(sorted(set(paths))) for series, paths in groups.items()}
    return [
        dataclasses.replace(source, companions=companions[source.series])  # type: ignore
        if _needs_window(source)
        else source
        for source in sources
    ]


def common_window(paths: tuple[Path, ...]) -> Window:
    """Returns the window estimated from the values of files, without padding.

    Files that cannot be read do not count.

    Raises:
        InputError: all values are equal.
    """
    return _common_window(paths, tuple(_modified(path) for path in paths))


def _needs_window(source: Any) -> bool:
    return bool(getattr(source, "series", "")) and not (source.states_display or source.window)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=8)  # the slices of a series are read one after another
def _common_window(paths: tuple[Path, ...], modified: tuple[int, ...]) -> Window:
    return estimate_common_window(_values_of(paths), name=paths[0].name)


def _values_of(paths: tuple[Path, ...]) -> Iterator[np.ndarray]:
    import pydicom

    for path in paths:
        try:
            with reading_dicom(path):
                dataset = pydicom.dcmread(path)
                stored = dicom_values.decode(dataset, path=path)
                values = dicom_values.to_unit(dataset, stored)
                values = values[~dicom_values.is_padding(dataset, stored)]
        except InputError:
            continue
        yield values[np.isfinite(values)]
