"""In-painting by the least total variation: flat areas with sharp edges.

Notation: x [h, w, C] the image; D x [2, h, w, C] its differences to the next row and to the
next column, 0 at the border; p [2, h, w, C] the dual variable, whose vectors p[:, i, j, :] have
length at most 1; K the images that equal y at observed pixels and lie in the range [low, high]
of the observed values elsewhere. The least variation never leaves this range.

    TV(x) = sum_ij |(D x)[:, i, j, :]| = max_p <D x, p>
    bound(p) = min_{x in K} <x, D^T p> <= min_{x in K} TV(x) <= TV(x)

One length for all channels of a pixel (vectorial TV) aligns the edges of the colours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# tau = sigma = 1 / |D|: the largest steps of equal size, for |D|^2 <= 8.
_STEP = 8**-0.5
_CHECK_INTERVAL = 50


def tv(
    measurement: Any, *, missing: np.ndarray, tolerance: float = 1e-4, max_steps: int = 20_000, **_
) -> np.ndarray:
    """Fills the hole with the least total variation of the image.

        min TV(x) subject to x = y where observed

    The steps of Chambolle and Pock

        x' = project_K(x - tau D^T p),   p' = project_{|p| <= 1}(p + sigma D (2 x' - x))

    end when TV(x) - bound(p) <= tolerance TV(x), which proves the distance from the least
    variation. The steps see the hole and its rim, because the rest does not matter.

    A long edge costs more than a short one. The model therefore cuts structures narrower than
    the hole off at the rim, instead of leading them across.

    scikit-image has a denoiser, the proximal map of TV. Alternating it with the known pixels
    would minimize a smoothed TV, the Moreau envelope, by a loop in a loop.

    Args:
        measurement: Measurement y [H, W, C].
        missing: bool [H, W, 1], True = missing.
        tolerance: Relative tolerance of the variation; default 1e-4.
        max_steps: Largest number of steps; default 20,000.

    Returns:
        float32 [H, W, C], equal to y at observed pixels.

    Reference: Chambolle, Pock, A first-order primal-dual algorithm for convex problems with
    applications to imaging (2011), algorithm 1; in-painting: Chan, Shen, Mathematical models
    for local nontexture inpaintings (2002).
    """
    restored = np.array(measurement, np.float32)
    if missing.any():
        area = _around(missing[..., 0])
        filled = _least_variation(
            restored[area].astype(np.float64),
            missing=missing[area],
            tolerance=tolerance,
            max_steps=max_steps,
        )
        restored[area] = np.where(missing[area], filled, restored[area])
    return restored


def total_variation(x: np.ndarray) -> float:
    """Returns TV(x) of an image [h, w, C].

    Example:
        >>> total_variation(np.array([[0.0, 1.0], [0.0, 1.0]])[..., None])
        2.0
    """
    return float(_lengths(_differences(x)).sum())


def _around(missing) -> tuple[slice, slice]:
    """Returns the rows and columns of the hole and of one pixel around it."""
    return _extent(missing.any(axis=1)), _extent(missing.any(axis=0))


def _extent(missing) -> slice:
    (indices,) = missing.nonzero()
    return slice(max(indices[0] - 1, 0), indices[-1] + 2)


def _least_variation(y, *, missing, tolerance, max_steps):
    known = np.where(missing, np.nan, y)
    low, high = np.nanmin(known, axis=(0, 1)), np.nanmax(known, axis=(0, 1))
    y = np.where(missing, np.nanmean(known, axis=(0, 1)), y)
    x, p = y, np.zeros((2, *y.shape))
    for step in range(max_steps):
        slope = _slope(p)
        if step % _CHECK_INTERVAL == 0:
            variation = total_variation(x)
            least = np.minimum(slope * low, slope * high)
            bound = np.where(missing, least, slope * y).sum()
            if variation - bound <= tolerance * variation:
                break
        moved = np.where(missing, np.clip(x - _STEP * slope, low, high), y)
        p = p + _STEP * _differences(2 * moved - x)
        p /= np.maximum(1, _lengths(p))[None, ..., None]
        x = moved
    return x


def _differences(x):
    """Returns D x [2, h, w, C]."""
    differences = np.zeros((2, *x.shape))
    differences[0, :-1] = x[1:] - x[:-1]
    differences[1, :, :-1] = x[:, 1:] - x[:, :-1]
    return differences


def _slope(p):
    """Returns D^T p [h, w, C]."""
    slope = np.zeros(p.shape[1:])
    slope[:-1] -= p[0, :-1]
    slope[1:] += p[0, :-1]
    slope[:, :-1] -= p[1, :, :-1]
    slope[:, 1:] += p[1, :, :-1]
    return slope


def _lengths(p):
    """Returns the length of the vector of each pixel, [h, w]."""
    return np.sqrt(np.square(p).sum(axis=(0, -1)))
