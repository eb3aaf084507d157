"""Patterns of the sampled values of k-space. This module does not import TensorFlow.

Patterns are pure functions of the size and a few numbers. The frequency 0 is in the middle, at
[H // 2, W // 2]. A sampled line is a column, because rows are read out as a whole and phases are
encoded along the width, as in fastMRI's files.
"""

from __future__ import annotations

import functools

import numpy as np

from brgm_tf.core.errors import InputError

PATTERNS = ("uniform", "variable", "equispaced", "radial")
# The density of 'variable' lines falls as (1 - r)^3 to the largest frequency, r = 1.
_DENSITY_POWER = 3
# Consecutive spokes are turned by pi over the golden ratio, 111.2 degrees, so any number of them
# are far from each other.
_GOLDEN_ANGLE = np.pi * (np.sqrt(5.0) - 1.0) / 2.0
# Below this acceleration too many spokes are needed, because each one adds ever fewer new values.
_LEAST_RADIAL = 1.5


@functools.lru_cache(maxsize=16)
def sampled_values(
    height: int, width: int, *, pattern: str, acceleration: float, center_fraction: float, seed: int
) -> np.ndarray:
    """Returns the sampled values of k-space.

    Exactly round(width / acceleration) columns are sampled. They include the
    round(center_fraction width) columns in the middle, at least one. The others are

        uniform     drawn at random, all sets equally likely
        variable    drawn at random, low frequencies more often, by (1 - r)^3
        equispaced  at equal distances, the first one at random

    For 'radial', spokes at the golden angle are added to a disk until height width / acceleration
    values or more are sampled. The disk has the diameter center_fraction of the sides. The angle of
    the first spoke is random, and the last spoke is complete.

    Args:
        height: Rows of k-space.
        width: Columns of k-space.
        pattern: One of `PATTERNS`.
        acceleration: Ratio of all values to sampled ones, at least 1.
        center_fraction: Fraction of the width that is sampled without gaps, in (0, 1).
        seed: Seed of the draw.

    Returns:
        bool [height, width], True = sampled, read-only.

    Raises:
        InputError: The acceleration leaves fewer values than the centre, or is below 1.5 for a
            radial pattern.

    Reference: Zbontar et al. (2018), fastMRI (arXiv 1811.08839), whose 'random' draws every
    column by itself, so that their number varies; Lustig, Donoho, Pauly (2007), Sparse MRI, for
    the variable density; Winkelmann et al. (2007), golden-angle radial MRI.
    """
    if pattern == "radial":
        sampled = _radial(height, width, acceleration, center_fraction, seed)
    else:
        lines = _lines(width, pattern, acceleration, center_fraction, seed)
        sampled = np.tile(lines, (height, 1))
    sampled.flags.writeable = False  # the cache shares it
    return sampled


def _lines(width, pattern, acceleration, center_fraction, seed) -> np.ndarray:
    """Returns the sampled columns, bool [width]."""
    count = round(width / acceleration)
    centre = max(1, round(center_fraction * width))
    if count < centre:
        raise _too_fast(f"{count} of {width} columns", f"{centre} in the middle", acceleration)
    first = (width - centre + 1) // 2
    sampled = np.zeros(width, bool)
    sampled[first : first + centre] = True
    others = np.flatnonzero(~sampled)
    # RandomState draws the same numbers in every version of NumPy.
    draws = np.random.RandomState(seed)
    sampled[_chosen(others, count - centre, pattern, width, draws)] = True
    return sampled


def _chosen(columns, count: int, pattern: str, width: int, draws) -> np.ndarray:
    """Returns `count` of the columns."""
    if pattern == "uniform":
        return draws.permutation(columns)[:count]
    if pattern == "equispaced":
        offset = draws.uniform()
        indices = (np.arange(count) + offset) * (len(columns) / max(count, 1))
        return columns[indices.astype(int)]
    # One more than half the width, so the largest frequency may be drawn.
    radius = np.abs(columns - width // 2) / (width // 2 + 1)
    density = (1.0 - radius) ** _DENSITY_POWER
    return draws.choice(columns, count, replace=False, p=density / density.sum())


def _radial(height, width, acceleration, center_fraction, seed) -> np.ndarray:
    """Returns the sampled values of spokes, bool [height, width]."""
    if acceleration == 1:
        return np.ones((height, width), bool)
    if acceleration < _LEAST_RADIAL:
        raise InputError(
            "corruption",
            f"kspace needs an acceleration of 1, or of at least {_LEAST_RADIAL}, for radial",
            acceleration=acceleration,
        )
    count = height * width / acceleration
    # In fractions of the largest frequencies, [-1, 1].
    v = (np.arange(height) - height // 2)[:, None] / (height / 2)
    u = (np.arange(width) - width // 2)[None] / (width / 2)
    sampled = np.hypot(u, v) <= center_fraction
    sampled[height // 2, width // 2] = True
    if sampled.sum() > count:
        shown = f"{sampled.sum()} in the middle"
        raise _too_fast(f"{int(count)} of {height * width} values", shown, acceleration)
    angle = np.random.RandomState(seed).uniform(0, np.pi)
    while sampled.sum() < count:
        sampled[_spoke(height, width, angle)] = True
        angle += _GOLDEN_ANGLE
    return sampled


def _spoke(height: int, width: int, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows and columns of the values on a straight line through the middle."""
    # The line reaches the corners in steps of half a value.
    along = np.linspace(-np.sqrt(2.0), np.sqrt(2.0), 4 * max(height, width) + 1)
    rows = np.rint(height // 2 + 0.5 * height * np.sin(angle) * along).astype(int)
    columns = np.rint(width // 2 + 0.5 * width * np.cos(angle) * along).astype(int)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return rows[inside], columns[inside]


def _too_fast(left: str, centre: str, acceleration: float) -> InputError:
    return InputError(
        "corruption",
        f"kspace's acceleration leaves {left}, fewer than the {centre}",
        remedy="Lower acceleration or center_fraction",
        acceleration=acceleration,
    )
