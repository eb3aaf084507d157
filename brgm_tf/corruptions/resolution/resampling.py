"""Matrices that shrink one axis of an image. This module does not import TensorFlow.

Notation: n pixels become m, f = n / m; M [m, n]. Pixel j covers [j, j + 1), pixel i of the
result [i f, (i + 1) f), with its centre at c_i = (i + 1/2) f. The rows of M sum to 1.

Every function takes `size`, m, and `factor`, f, with a whole m f, and returns M as float64.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

KEYS_A = -0.75  # PyTorch's; Keys (1981) and TensorFlow's resize have -0.5
KEYS_A_ANTIALIAS = -0.5  # Pillow's, and PyTorch's with antialias=True
LANCZOS_LOBES = 3  # Pillow's


def _cached(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    @functools.lru_cache(maxsize=8)
    @functools.wraps(function)
    def made_once(size: int, *, factor: float) -> np.ndarray:
        matrix = function(size, factor=factor)
        matrix.flags.writeable = False  # the cache shares it
        return matrix

    return made_once


@_cached
def box_matrix(size: int, *, factor: float) -> np.ndarray:
    """Returns means over areas.

    M[i, j] = length of [j, j + 1) in [i f, (i + 1) f), divided by f
    """
    inputs = round(size * factor)
    # In units of 1 / m pixels all edges are whole numbers.
    edges, pixels = np.arange(size + 1) * inputs, np.arange(inputs) * size
    covered = np.minimum(edges[1:, None], pixels + size) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(covered, 0) / inputs


@_cached
def bicubic_matrix(size: int, *, factor: float) -> np.ndarray:
    """Returns Keys' kernel with A = -0.75 at the centres, not widened.

        M[i, clip(floor(c) + k)] += keys(c - floor(c) - k),   k = -1, 0, 1, 2

    with the centre c = c_i - 1/2. A tap beyond the border reads the pixel of the border.

    Reference: Keys (1981), IEEE Trans. ASSP 29(6), eq. 4 with a free A.
    """
    inputs = round(size * factor)
    matrix = np.zeros((size, inputs))
    outputs = np.arange(size)
    centres = (outputs + 0.5) * (inputs / size) - 0.5
    first = np.floor(centres).astype(int)
    for tap in (-1, 0, 1, 2):
        taken = np.clip(first + tap, 0, inputs - 1)
        matrix[outputs, taken] += _keys(centres - first - tap, a=KEYS_A)
    return matrix


@_cached
def bicubic_antialias_matrix(size: int, *, factor: float) -> np.ndarray:
    """Returns Keys' kernel with A = -0.5, widened by f."""
    return _widened(lambda d: _keys(d, a=KEYS_A_ANTIALIAS), size=size, factor=factor)


@_cached
def lanczos_matrix(size: int, *, factor: float) -> np.ndarray:
    """Returns Lanczos' kernel, widened by f: k(d) = sinc(d) sinc(d / 3) for |d| < 3."""

    def kernel(distance):
        lobes = np.sinc(distance) * np.sinc(distance / LANCZOS_LOBES)
        return np.where(np.abs(distance) < LANCZOS_LOBES, lobes, 0.0)

    return _widened(kernel, size=size, factor=factor)


@_cached
def nearest_matrix(size: int, *, factor: float) -> np.ndarray:
    """Returns the pixel that holds the centre: M[i, floor(c_i)] = 1."""
    inputs = round(size * factor)
    outputs = np.arange(size)
    matrix = np.zeros((size, inputs))
    matrix[outputs, (2 * outputs + 1) * inputs // (2 * size)] = 1  # in integers: no rounding
    return matrix


MATRICES = {
    "box": box_matrix,
    "bicubic": bicubic_matrix,
    "bicubic_antialias": bicubic_antialias_matrix,
    "lanczos": lanczos_matrix,
    "nearest": nearest_matrix,
}


def _widened(kernel: Callable, *, size: int, factor: float) -> np.ndarray:
    """Returns M[i, j] = k((j + 1/2 - c_i) / f), each row divided by its sum.

    Reference: Pillow's Resample.c, precompute_coeffs.
    """
    inputs = round(size * factor)
    centres = (np.arange(size) + 0.5) * (inputs / size)
    weights = kernel((np.arange(inputs) + 0.5 - centres[:, None]) * (size / inputs))
    return weights / weights.sum(axis=1, keepdims=True)


def _keys(distance: np.ndarray, *, a: float) -> np.ndarray:
    d = np.abs(distance)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
