"""Zero-filled reconstruction from k-space."""

from __future__ import annotations

from typing import Any

import numpy as np


def zero_filled(measurement: Any, *, corruption: Any, **_) -> np.ndarray:
    """Returns the magnitude of the inverse Fourier transform, with combined coils.

    Args:
        measurement: Measurement y, complex [H, W, coils].
        corruption: Corruption of the measurement, whose `as_image` computes the result.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].
    """
    image = np.asarray(corruption.as_image(np.asarray(measurement)[None]))[0]
    return np.clip(image, -1, 1).astype(np.float32)
