"""Opens the photograph of a source: its boxes are read as floats."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np

from brgm_tf.io.photographs import read_photograph
from brgm_tf.io.pictures import PictureFile
from brgm_tf.photographs.sampling import ArrayPicture, Picture


def open_photograph(source: Any) -> Picture:
    """Returns the photograph of a source: a file, a PIL image, an array or a member of an archive.

    Raises:
        InputError: The photograph cannot be read.
    """
    if isinstance(source, PictureFile):
        state = os.stat(source.path)
        return _read(source.path, state.st_mtime_ns, state.st_size)
    values = getattr(source, "values", None)
    if isinstance(values, np.ndarray) and values.dtype == np.uint8:
        return ArrayPicture(values)
    content = source.load(channels=3)
    return ArrayPicture(content.image, content.alpha)


# The faces of a photograph are read one after another.
@functools.lru_cache(maxsize=1)
def _read(path: Path, modified: int, size: int) -> Picture:
    del modified, size
    return read_photograph(path)
