"""What SigPy's reconstructions from k-space share: its arrays, and the image that comes back.

Notation: y [H, W, K] k-space of K coils; P its samples; S [H, W, K] the sensitivities; F the
orthonormal Fourier transform; m [H, W] a complex image, white of magnitude 1.
"""

from __future__ import annotations

import numpy as np


def restored(app, measurement, *, corruption, weight: float, max_steps: int) -> np.ndarray:
    """2 |m| - 1 of argmin_m 1/2 sum_k |P F S_k m - y_k|^2 + weight R(m).

    Args:
        app: of `sigpy.mri.app`, which says what R is.
        measurement: y.
        corruption: the `Corruption` that it comes from: 'kspace', and noise or not.
        weight: of R.
        max_steps: of the app's algorithm.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].
    """
    y = np.asarray(measurement, np.complex64)
    sampled = np.asarray(corruption.observation_mask(y[None]))[0, ..., 0].astype(np.float32)
    maps = getattr(corruption, "stages", [corruption])[0].sensitivity_maps
    maps = np.ones((*sampled.shape, 1)) if maps is None else maps
    found = app(
        np.ascontiguousarray(np.moveaxis(y, -1, 0)),
        np.ascontiguousarray(np.moveaxis(maps, -1, 0), np.complex64),
        weight,
        weights=sampled,
        max_iter=max_steps,
        show_pbar=False,
    ).run()
    return np.clip(2 * np.abs(found) - 1, -1, 1).astype(np.float32)[..., None]
