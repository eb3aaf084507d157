"""Images that agree with a measurement of fewer pixels. TensorFlow is not imported.

Notation: x [H, W] an image; y = M x N^T its measurement [h, w], with M [h, H] for the rows and
N [w, W] for the columns; U [H, h] and V [W, w] interpolate by Keys' kernel, which is as wide as a
pixel of the measurement.

    x' = x + P (y - M x N^T) Q^T,    P = U (M U)^-1,   Q = V (N V)^-1

M P and N Q are identities, so M x' N^T = y. The correction is smooth, so the detail of x that the
measurement does not determine stays.

Reference: Irani and Peleg, Improving Resolution by Image Registration (1991), for the correction by
the interpolated residual. Its repetitions converge to this solution.
"""

from __future__ import annotations

import numpy as np

from brgm_tf.corruptions.resolution.resampling import bicubic_antialias_matrix


def made_consistent(
    x: np.ndarray, y: np.ndarray, *, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Returns the images x', which have the measurement y and the detail of x.

    Args:
        x: Images [..., H, W, C].
        y: Measurements [..., h, w, C] without noise.
        rows: M [h, H].
        columns: N [w, W].

    Returns:
        Array of the shape and type of x.

    Example:
        >>> x = np.array([[0.0, 0.0, 1.0, 0.0]])[..., np.newaxis]
        >>> pairs = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]])
        >>> y = np.array([[0.0, 0.6]])[..., np.newaxis]
        >>> made_consistent(x, y, rows=np.eye(1), columns=pairs)[0, :, 0].round(2).tolist()
        [-0.02, 0.02, 1.1, 0.1]
    """
    residual = y - _along_axes(x, rows, columns)
    correction = _along_axes(residual, _right_inverse(rows), _right_inverse(columns))
    return (x + correction).astype(x.dtype)


def _right_inverse(matrix: np.ndarray) -> np.ndarray:
    """Returns U (M U)^-1 [H, h]."""
    size, inputs = matrix.shape
    interpolation = bicubic_antialias_matrix(size, factor=inputs / size).T
    return np.linalg.solve((matrix @ interpolation).T, interpolation.T).T


def _along_axes(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns rows x columns^T for every image and channel."""
    return np.einsum("qw,...pwc->...pqc", columns, np.einsum("ph,...hwc->...pwc", rows, x))
