"""Common part of SigPy's reconstructions from k-space: arrays in, image out.

Notation: y [H, W, K] k-space of K coils; P its samples; S [H, W, K] the sensitivities; F the
orthonormal Fourier transform; m [H, W] a complex image; white has magnitude 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def reconstruct(
    app: Callable, measurement: Any, *, corruption: Any, weight: float, max_steps: int
) -> np.ndarray:
    """Returns 2 |m| - 1 for m = argmin_m 1/2 sum_k |P F S_k m - y_k|^2 + weight R(m).

    Args:
        app: Class of `sigpy.mri.app`, which defines R.
        measurement: Measurement y.
        corruption: Corruption of the measurement: 'kspace', optionally with noise.
        weight: Weight of R.
        max_steps: Largest number of steps of the algorithm.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].
    """
    y = np.asarray(measurement, np.complex64)
    sampled = np.asarray(corruption.observation_mask(y[None]))[0, ..., 0].astype(np.float32)
    maps = getattr(corruption, "stages", [corruption])[0].sensitivity_maps
    maps = np.ones((*sampled.shape, 1)) if maps is None else maps
    image = app(
        np.ascontiguousarray(np.moveaxis(y, -1, 0)),
        np.ascontiguousarray(np.moveaxis(maps, -1, 0), np.complex64),
        weight,
        weights=sampled,
        max_iter=max_steps,
        show_pbar=False,
    ).run()
    return np.clip(2 * np.abs(image) - 1, -1, 1).astype(np.float32)[..., None]
