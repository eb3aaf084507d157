"""Enlargement by interpolation.

Notation: y [h, w, C] a measurement in [-1, 1], x [H, W, C] the restored image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image


def bicubic(measurement: Any, *, resolution: int, **_) -> np.ndarray:
    """Enlarges a measurement by Pillow's cubic kernel (a = -0.5), without sharpening.

    Args:
        measurement: Measurement y [h, w, C].
        resolution: Height and width of the result, H = W.

    Returns:
        float32 [H, W, C], clipped to [-1, 1].

    Reference: Keys, Cubic convolution interpolation for digital image processing (1981).

    Example:
        >>> bicubic(np.zeros([8, 8, 1]), resolution=64).shape
        (64, 64, 1)
    """
    size = (resolution, resolution)
    channels = [
        np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BICUBIC))
        for channel in np.moveaxis(np.asarray(measurement, np.float32), -1, 0)
    ]
    return np.clip(np.stack(channels, axis=-1), -1, 1)
