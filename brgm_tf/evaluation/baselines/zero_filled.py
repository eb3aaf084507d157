"""k-space with zeros in the place of what was not sampled."""

from __future__ import annotations

import numpy as np


def zero_filled(measurement, *, corruption, **_) -> np.ndarray:
    """The magnitude of the inverse Fourier transform; coils combined by their sensitivities.

    Args:
        measurement: y, complex [H, W, coils].
        corruption: the `Corruption` that it comes from, whose `picture` it is.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].
    """
    picture = np.asarray(corruption.as_image(np.asarray(measurement)[None]))[0]
    return np.clip(picture, -1, 1).astype(np.float32)
