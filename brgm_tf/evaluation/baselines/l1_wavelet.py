"""Compressed sensing: the image whose wavelets are few."""

from __future__ import annotations

import numpy as np

from brgm_tf.evaluation.baselines.sense import restored


def l1_wavelet(
    measurement, *, corruption, weight: float = 3e-3, max_steps: int = 200, **_
) -> np.ndarray:
    """Restores an image from k-space with a penalty on its Daubechies wavelets' magnitudes.

        min_m 1/2 sum_k |P F S_k m - y_k|^2 + weight |W m|_1

    by SigPy's `L1WaveletRecon`: db4, accelerated proximal gradients (FISTA).

    Args:
        measurement: y, complex [H, W, coils].
        corruption: the `Corruption` that it comes from.
        weight: default 3e-3, about the best of 1e-3, 3e-3, 1e-2, ... for the three shipped films
            at an acceleration of 4.
        max_steps: of FISTA.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].

    Reference: Lustig, Donoho, Pauly (2007), Sparse MRI; Ong, Lustig (2019), SigPy.
    """
    from sigpy.mri.app import L1WaveletRecon  # an extra, and slow to import

    return restored(
        L1WaveletRecon, measurement, corruption=corruption, weight=weight, max_steps=max_steps
    )
