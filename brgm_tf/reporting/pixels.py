"""Arithmetic of the pixels of results, for figures and files."""

from __future__ import annotations

import numpy as np


def channel_rms(values: np.ndarray) -> np.ndarray:
    """Returns the root mean square over the channels of [..., C], as float32 [...]."""
    # In double precision the result is exactly the value itself if there is one channel.
    return np.sqrt(np.mean(np.square(values, dtype=np.float64), axis=-1)).astype(np.float32)


def drawable(image: np.ndarray) -> np.ndarray:
    """Returns the image as float32 with finite values: NaN becomes mid-grey."""
    return np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)


def finite_pixels(image: np.ndarray) -> np.ndarray:
    """Returns whether all channels of each pixel are finite, bool [...]."""
    return np.isfinite(np.asarray(image)).all(axis=-1)
