"""In-painting by the least total variation: flat areas with sharp edges.

Notation: x [h, w, C] the image; D x [2, h, w, C] its differences to the next row and to the
next column, 0 at the border; p [2, h, w, C] the dual variable, whose vectors p[:, i, j, :] are
of length 1 at most; K the pictures that equal y where y is known and lie, elsewhere, in the
range [low, high] of its known values, which the least variation never leaves.

    TV(x) = sum_ij |(D x)[:, i, j, :]| = max_p <D x, p>
    bound(p) = min_{x in K} <x, D^T p> <= min_{x in K} TV(x) <= TV(x)

One length for all channels of a pixel (vectorial TV) keeps the edges of colours together.
"""

from __future__ import annotations

import numpy as np

# tau = sigma = 1 / |D|: the largest steps of equal size, for |D|^2 <= 8.
_STEP = 8**-0.5
_CHECK_INTERVAL = 50


def tv(
    measurement, *, missing, tolerance: float = 1e-4, max_steps: int = 20_000, **_
) -> np.ndarray:
    """Fills the hole so that the total variation of the picture is the least.

        min TV(x) subject to x = y where known

    by the steps of Chambolle and Pock,

        x' = project_K(x - tau D^T p),   p' = project_{|p| <= 1}(p + sigma D (2 x' - x))

    until TV(x) - bound(p) <= tolerance TV(x): the variation is then proved to be that
    close to the least. Only the hole and its rim are looked at; the rest does not matter.

    A long edge costs more than a short one: what is narrower than the hole is wide is cut off
    at the rim, and not led across. That is the model, not a lack of steps.

    scikit-image has a denoiser only, the proximal map of TV. Alternated with putting the known
    pixels back it would minimise TV's Moreau envelope, a smoothed TV, with a loop in a loop.

    Args:
        measurement: y [H, W, C].
        missing: bool [H, W, 1], True = missing.
        tolerance: as above, default 1e-4.
        max_steps: the steps after which the picture is taken as it is.

    Returns:
        float32 [H, W, C], equal to y where it is known.

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


def total_variation(x) -> float:
    """TV(x) of a picture [h, w, C]."""
    return float(_lengths(_differences(x)).sum())


def _around(missing) -> tuple[slice, slice]:
    """Rows and columns of the hole and of one pixel around it: all that its variation knows."""
    found = []
    for axis in (1, 0):
        (places,) = missing.any(axis=axis).nonzero()
        found.append(slice(max(places[0] - 1, 0), places[-1] + 2))
    return tuple(found)


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
    """D x [2, h, w, C]."""
    found = np.zeros((2, *x.shape))
    found[0, :-1] = x[1:] - x[:-1]
    found[1, :, :-1] = x[:, 1:] - x[:, :-1]
    return found


def _slope(p):
    """D^T p [h, w, C]."""
    found = np.zeros(p.shape[1:])
    found[:-1] -= p[0, :-1]
    found[1:] += p[0, :-1]
    found[:, :-1] -= p[1, :, :-1]
    found[:, 1:] += p[1, :, :-1]
    return found


def _lengths(p):
    """Length of the vector of each pixel, [h, w]."""
    return np.sqrt(np.square(p).sum(axis=(0, -1)))
