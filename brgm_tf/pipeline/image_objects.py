"""Images that are given as Python objects: NumPy arrays, tensors, PIL images, or lists of these.

The range of an array is checked, not guessed: uint8 is 0 to 255, floats are -1 to 1.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from brgm_tf.core.errors import InputError
from brgm_tf.io import images

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_TIFF_MODES = ("I", "F")


def as_inputs(given: Any, *, channels: int) -> Any:
    """Returns images as paths or float arrays in [-1, 1], as `io.inputs.plan` takes them.

        uint8 v -> v / 127.5 - 1

    Args:
        given: a path, folder or glob, which stay as they are; an array or tensor [h, w],
            [h, w, C] or [N, h, w, C], uint8 in [0, 255] or floats in [-1, 1]; a PIL image, which
            is read as its file would be; or a list of these.
        channels: channels that a PIL image gets: 1 or 3.

    Returns:
        The same structure. Floats stay as they are: a value outside [-1, 1] fails only its image.

    Warns:
        UserWarning: all floats lie in [0, 1], where -1 is black by convention.

    Raises:
        InputError: an array is neither uint8 nor float, or the value is no image.

    Example:
        >>> as_inputs(np.array([[[0], [255]]], np.uint8), channels=1).ravel().tolist()
        [-1.0, 1.0]
    """
    if isinstance(given, str | Path):
        return given
    if isinstance(given, Image.Image):
        return _of_pil(given, channels=channels)
    if isinstance(given, Sequence):
        return [as_inputs(item, channels=channels) for item in given]
    if not hasattr(given, "__array__"):
        raise InputError(
            "input", "must be a path, an array, a PIL image or a list of these", input=given
        )
    return _of_array(np.asarray(given))


def _of_array(array: np.ndarray) -> np.ndarray:
    if array.ndim == 2:
        array = array[..., None]
    if array.dtype == np.uint8:
        return images.from_uint8(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            "input",
            "must be uint8 arrays in [0, 255] or float arrays in [-1, 1]",
            remedy="Convert grey levels by images.astype('uint8')",
            dtype=str(array.dtype),
        )
    if array.size and array.min() >= 0 < array.max() <= 1:
        warnings.warn(
            "All values of the input lie in [0, 1], so its darkest possible value is mid-grey: "
            "black is -1. If black is 0 in the array, pass 2 * images - 1.",
            stacklevel=_levels_to_user(),
        )
    return array


def _levels_to_user() -> int:
    """Returns the stack level of the first caller outside this package, for a warning."""
    frame, level = sys._getframe(1), 1
    package = __name__.partition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level


def _of_pil(image: Image.Image, *, channels: int) -> np.ndarray:
    file: Any = _PilFile(image)  # `load_image` takes anything with an `open`.
    return images.load_image(file, channels=channels)


class _PilFile:
    """A PIL image as a file that can be opened: it is read as the same image from a file."""

    def __init__(self, image: Image.Image):
        self._image = image

    def __str__(self) -> str:
        return repr(self._image)

    def open(self, mode: str) -> io.BytesIO:
        del mode
        image = ImageOps.exif_transpose(self._image)
        if image.mode not in (*_PNG_MODES, *_TIFF_MODES):
            image = image.convert("RGB")
        file = io.BytesIO()
        image.save(file, format="TIFF" if image.mode in _TIFF_MODES else "PNG")
        file.seek(0)
        return file
