"""Landmarks that the user gives, for faces that are too damaged to be found.

A JSON file holds a list of faces, or a list for each photograph by the name of its file:

    [[[410, 380], [530, 385], [470, 450], [420, 520], [520, 525]]]
    {"family.jpg": [[[410, 380], ...]]}

A face has five points [x, y] in pixels from the upper left corner of the upright photograph: the
eye on the left of the picture, the other eye, the tip of the nose, the corner of the mouth on the
left, and the other corner.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError


def read_landmarks(path: str | Path, photograph: str = "") -> list[np.ndarray]:
    """Returns the landmarks (row, column) [5, 2] of each face of a photograph.

    Args:
        path: Path of the file.
        photograph: Name of the photograph's file, for files of several photographs.

    Raises:
        InputError: The file cannot be read, or holds other values.
    """
    try:
        contents = json.loads(Path(path).expanduser().read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _error(path, str(error)) from None
    if isinstance(contents, dict):
        contents = contents.get(photograph, [])
    if not isinstance(contents, list):
        raise _error(path, "it holds no list")
    return [_points(path, face) for face in contents]


def _points(path: str | Path, face: Any) -> np.ndarray:
    try:
        points = np.array(face, np.float64)
    except (ValueError, TypeError):
        points = np.empty(0)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise _error(path, "a face must have five points [x, y]")
    if np.ptp(points, axis=0).max() < 1:
        raise _error(path, "the points of a face must differ")
    return points[:, ::-1]


def _error(path: str | Path, reason: str) -> InputError:
    return InputError(
        "landmarks",
        f"must be a JSON file with five points [x, y] a face ({' '.join(reason.split())})",
        remedy="Write [[[x, y], [x, y], [x, y], [x, y], [x, y]]]: eyes, nose, corners of the mouth",
        path=str(path),
    )
