"""Compressed sensing with sparse wavelets."""

from __future__ import annotations

from typing import Any

import numpy as np

from brgm_tf.evaluation.baselines.sense import reconstruct


def l1_wavelet(
    measurement: Any, *, corruption: Any, weight: float = 3e-3, max_steps: int = 200, **_
) -> np.ndarray:
    """Restores an image from k-space with a penalty on its Daubechies wavelets.

        min_m 1/2 sum_k |P F S_k m - y_k|^2 + weight |W m|_1

    SigPy's `L1WaveletRecon` minimizes it by accelerated proximal gradients (FISTA), with db4.

    Args:
        measurement: Measurement y, complex [H, W, coils].
        corruption: Corruption of the measurement.
        weight: Weight of the penalty. The default, 3e-3, is about the best of 1e-3, 3e-3,
            1e-2, ... for the three shipped radiographs at an acceleration of 4.
        max_steps: Largest number of steps of FISTA; default 200.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].

    Reference: Lustig, Donoho, Pauly (2007), Sparse MRI; Ong, Lustig (2019), SigPy.
    """
    from sigpy.mri.app import L1WaveletRecon  # an extra, and slow to import

    return reconstruct(
        L1WaveletRecon, measurement, corruption=corruption, weight=weight, max_steps=max_steps
    )
