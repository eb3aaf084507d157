"""Seamless filling of a hole: a membrane spreads the mismatch at the border over the hole.

Notation: x a restored image, y the known pixels, h the membrane.

    result = y where known, x + h where missing
    laplacian(h) = 0 where missing,   h = y - x at the known pixels that touch the hole

The Laplacian couples a pixel to its four neighbours in the image (zero normal derivative at the
edge of the image). The result has the gradients of x up to the smooth h, and no step at the
border: it solves the Poisson equation whose guidance field is the gradient of x.

Reference: Perez, Gangnet, Blake, Poisson image editing (2003).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu


class Membrane:
    """The harmonic function of a hole, with the equations factorised once.

    Args:
        missing: bool [H, W], True = missing.

    Example:
        >>> missing = np.array([[False, True, True, False]])
        >>> Membrane(missing)(np.array([[0.0, 0.0, 0.0, 3.0]])).round(6).tolist()
        [[0.0, 1.0, 2.0, 0.0]]
    """

    def __init__(self, missing: np.ndarray) -> None:
        self._box, self._solve = _surroundings(missing), None
        self._missing = missing[self._box]
        hole = self._missing.ravel()
        # Any part of the hole touches a known pixel, unless all pixels are missing.
        if hole.any() and not hole.all():
            rows = _negative_laplacian(*self._missing.shape)[hole]
            self._border = -rows[:, ~hole]
            # The matrix is symmetric and definite: without pivots its factors stay sparse.
            self._solve = splu(
                rows[:, hole].tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            ).solve

    def __call__(self, mismatch: np.ndarray) -> np.ndarray:
        """Returns h in the hole and 0 elsewhere; h is 0 if no pixel is known.

        Args:
            mismatch: y - x [..., H, W]; values in the hole do not count.

        Returns:
            float64 [..., H, W].
        """
        h = np.zeros(mismatch.shape)
        if self._solve is not None:
            part = (..., *self._box)
            known = mismatch[part][..., ~self._missing].astype(np.float64)
            forces = self._border @ known.reshape(-1, known.shape[-1]).T
            h[part][..., self._missing] = self._solve(forces).T.reshape(*mismatch.shape[:-2], -1)
        return h


def fill_seamlessly(x: np.ndarray, y: np.ndarray, *, known: np.ndarray) -> np.ndarray:
    """Returns y where known, and x + h where missing.

    Images and channels with equal masks share one factorisation.

    Args:
        x: Restored images [B, H, W, C], or samples of them [S, B, H, W, C].
        y: Measurement [B, H, W, C], whose known values are pixels.
        known: bool, broadcastable to y.

    Returns:
        Array with the shape and dtype of x. Its known values equal y exactly.

    Example:
        >>> x, y = np.zeros([1, 1, 4, 1]), np.array([3.0, 9.0, 9.0, 6.0]).reshape([1, 1, 4, 1])
        >>> known = np.array([True, False, False, True]).reshape([1, 1, 4, 1])
        >>> fill_seamlessly(x, y, known=known).ravel().round(6).tolist()
        [3.0, 4.0, 5.0, 6.0]
    """
    known = np.broadcast_to(known, y.shape)
    result = np.where(known, y, x).astype(x.dtype)
    for missing, planes in _planes_by_mask(~known).items():
        hole = np.frombuffer(missing, bool).reshape(y.shape[1:3])
        membrane = Membrane(hole)
        for image, channel in planes:
            # Values that are not finite must not spread over the hole.
            difference = y[image, ..., channel] - x[..., image, :, :, channel]
            mismatch = np.where(hole | ~np.isfinite(difference), 0, difference)
            result[..., image, :, :, channel] += membrane(mismatch).astype(x.dtype)
    return result


def _surroundings(missing: np.ndarray) -> tuple[slice, slice]:
    """Returns the rows and columns of the hole and of the known pixels that touch the hole."""
    lines = [np.flatnonzero(missing.any(axis=axis)) for axis in (1, 0)]
    rows, columns = (slice(max(n[0] - 1, 0), n[-1] + 2) if n.size else slice(0) for n in lines)
    return rows, columns


def _negative_laplacian(height: int, width: int) -> sparse.csr_array:
    """Returns the sparse matrix [HW, HW] of an image; `LaplacianNd` of SciPy needs two pixels."""
    rows, columns = (_second_differences(length) for length in (height, width))
    return (
        sparse.kron(rows, sparse.eye_array(width)) + sparse.kron(sparse.eye_array(height), columns)
    ).tocsr()


def _second_differences(length: int) -> sparse.csr_array:
    difference = sparse.eye_array(length - 1, length, k=1) - sparse.eye_array(length - 1, length)
    return (difference.T @ difference).tocsr()


def _planes_by_mask(missing: np.ndarray) -> dict[bytes, list[tuple[int, int]]]:
    """Returns the (image, channel) of each different mask [H, W] in a mask [B, H, W, C]."""
    planes: dict[bytes, list[tuple[int, int]]] = {}
    for image, channel in np.ndindex(missing.shape[0], missing.shape[-1]):
        planes.setdefault(missing[image, ..., channel].tobytes(), []).append((image, channel))
    return planes
