"""Compressed sensing with a small total variation."""

from __future__ import annotations

from typing import Any

import numpy as np

from brgm_tf.evaluation.baselines.sense import reconstruct


def tv_kspace(
    measurement: Any, *, corruption: Any, weight: float = 3e-3, max_steps: int = 200, **_
) -> np.ndarray:
    """Restores an image from k-space with a penalty on its total variation.

        min_m 1/2 sum_k |P F S_k m - y_k|^2 + weight |D m|_1

    D m are the differences to the next row and column. SigPy's `TotalVariationRecon` minimizes
    it by primal-dual hybrid gradients.

    Args:
        measurement: Measurement y, complex [H, W, coils].
        corruption: Corruption of the measurement.
        weight: Weight of the penalty. The default, 3e-3, is about the best of 1e-3, 3e-3,
            1e-2, ... for the three shipped radiographs at an acceleration of 4.
        max_steps: Largest number of steps; default 200.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].

    Reference: Block, Uecker, Frahm (2007), Undersampled radial MRI with multiple coils: iterative
    image reconstruction using a total variation constraint; Ong, Lustig (2019), SigPy.
    """
    from sigpy.mri.app import TotalVariationRecon  # an extra, and slow to import

    return reconstruct(
        TotalVariationRecon, measurement, corruption=corruption, weight=weight, max_steps=max_steps
    )
