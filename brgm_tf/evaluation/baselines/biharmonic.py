"""In-painting by the biharmonic equation, of scikit-image (the extra `evaluate`).

Notation: y [H, W, C] a measurement in [-1, 1], x [H, W, C] the image restored from it.
"""

from __future__ import annotations

import numpy as np
from skimage.restoration import inpaint_biharmonic


def biharmonic(measurement, *, missing, **_) -> np.ndarray:
    """Fills the hole with the solution of the biharmonic equation, continued from its rim.

        laplacian(laplacian(x)) = 0 where missing, x = y elsewhere

    Args:
        measurement: y [H, W, C].
        missing: bool [H, W, 1], True = missing.

    Returns:
        float32 [H, W, C], clipped to [-1, 1].

    Reference: Damelin, Hoang, On surface completion and image inpainting by biharmonic
    functions (2018); `skimage.restoration.inpaint_biharmonic`.
    """
    known = np.where(missing, 0.0, np.asarray(measurement, np.float64))
    # scikit-image keeps results within the range of the known values, in units of their type.
    filled = inpaint_biharmonic(known, missing[..., 0], channel_axis=-1)
    return np.clip(filled, -1, 1).astype(np.float32)
