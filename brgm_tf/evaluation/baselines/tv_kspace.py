"""Compressed sensing: the image of little total variation."""

from __future__ import annotations

import numpy as np

from brgm_tf.evaluation.baselines.sense import restored


def tv_kspace(
    measurement, *, corruption, weight: float = 3e-3, max_steps: int = 200, **_
) -> np.ndarray:
    """Restores an image from k-space with a penalty on its total variation.

        min_m 1/2 sum_k |P F S_k m - y_k|^2 + weight |D m|_1

    by SigPy's `TotalVariationRecon`: D m the differences to the next row and column, primal-dual
    hybrid gradients.

    Args:
        measurement: y, complex [H, W, coils].
        corruption: the `Corruption` that it comes from.
        weight: default 3e-3, about the best of 1e-3, 3e-3, 1e-2, ... for the three shipped films
            at an acceleration of 4.
        max_steps: of the primal-dual algorithm.

    Returns:
        float32 [H, W, 1], clipped to [-1, 1].

    Reference: Block, Uecker, Frahm (2007), Undersampled radial MRI with multiple coils: iterative
    image reconstruction using a total variation constraint; Ong, Lustig (2019), SigPy.
    """
    from sigpy.mri.app import TotalVariationRecon  # an extra, and slow to import

    return restored(
        TotalVariationRecon, measurement, corruption=corruption, weight=weight, max_steps=max_steps
    )
