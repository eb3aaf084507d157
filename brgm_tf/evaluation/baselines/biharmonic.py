"""In-painting by the biharmonic equation, with scikit-image (the extra `evaluate`).

Notation: y [H, W, C] a measurement in [-1, 1], x [H, W, C] the restored image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from skimage.restoration import inpaint_biharmonic


def biharmonic(measurement: Any, *, missing: np.ndarray, **_) -> np.ndarray:
    """Fills the hole with the solution of the biharmonic equation.

        laplacian(laplacian(x)) = 0 where missing, x = y elsewhere

    Args:
        measurement: Measurement y [H, W, C].
        missing: bool [H, W, 1], True = missing.

    Returns:
        float32 [H, W, C], clipped to [-1, 1].

    Reference: Damelin, Hoang, On surface completion and image inpainting by biharmonic
    functions (2018); `skimage.restoration.inpaint_biharmonic`.
    """
    known = np.where(missing, 0.0, np.asarray(measurement, np.float64))
    # scikit-image clips the result to the range of the known values.
    filled = inpaint_biharmonic(known, missing[..., 0], channel_axis=-1)
    return np.clip(filled, -1, 1).astype(np.float32)
