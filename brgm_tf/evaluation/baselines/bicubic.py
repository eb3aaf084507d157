"""Enlargement by interpolation.

Notation: y [h, w, C] a measurement in [-1, 1], x [H, W, C] the image restored from it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def bicubic(measurement, *, resolution: int, **_) -> np.ndarray:
    """Enlarges by Keys' cubic kernel (a = -0.5), as Pillow does; no sharpening.

    Args:
        measurement: y [h, w, C].
        resolution: H = W.

    Returns:
        float32 [H, W, C], clipped to [-1, 1].

    Reference: Keys, Cubic convolution interpolation for digital image processing (1981).
    """
    size = (resolution, resolution)
    channels = [
        np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BICUBIC))
        for channel in np.moveaxis(np.asarray(measurement, np.float32), -1, 0)
    ]
    return np.clip(np.stack(channels, axis=-1), -1, 1)
