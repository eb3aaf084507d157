"""Slices on another grid: the generator's square, measured on the pixels of a scan.

Notation: x [R, R, C] an image of the generator, whose pixels have the side p = F / R of a square of
F millimetres; y [h, w, C] a slice with pixels of d_1 x d_2 millimetres. The centres of both are one
point. u_i and q_j are the centres of the pixels i of y and j of x along an axis, in millimetres.

    y = M_1 x M_2^T,   M[i, j] ~ max(0, 1 - |u_i - q_j| / max(d, p)),   the rows of M sum to 1

If the pixels of the scan are finer, this is linear interpolation; if they are coarser, a mean over
their neighbourhood. Pixels of y whose centre lies outside of the square are not observed, and are
black, -1.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import positive_float, positive_int
from brgm_tf.corruptions.base import Corruption

_BLACK = -1.0
_ROUNDING = 1e-6  # of a pixel


@dataclasses.dataclass(frozen=True, repr=False)
class Regrid(Corruption):
    """The generator's image on the pixels of a scan; see the module.

    Args:
        height: h, number of rows of the scan.
        width: w, number of columns of the scan.
        row_spacing: d_1, distance of rows in millimetres.
        column_spacing: d_2, distance of columns in millimetres.
        field_of_view: F, side of the generator's square in millimetres.

    Raises:
        InputError: A parameter is not in its range.

    Example:
        >>> from brgm_tf import corruptions
        >>> x = np.array([[-0.2, 0.2], [0.4, 0.6]])[..., np.newaxis]
        >>> regrid = corruptions.Regrid(
        ...     height=2, width=4, row_spacing=1, column_spacing=0.5, field_of_view=2)
        >>> regrid.simulate(x).round(3)[..., 0].tolist()
        [[-0.2, -0.1, 0.1, 0.2], [0.4, 0.45, 0.55, 0.6]]
    """

    height: int = parameter(positive_int, "Number of rows of the scan")
    width: int = parameter(positive_int, "Number of columns of the scan")
    row_spacing: float = parameter(positive_float, "Distance of rows in millimetres")
    column_spacing: float = parameter(positive_float, "Distance of columns in millimetres")
    field_of_view: float = parameter(
        positive_float, "Side of the square of the generator in millimetres"
    )

    hides_pixels = False  # Only if the square is smaller than the scan; see `propagate_mask`.

    def matrices(self, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns M_1 [h, R] and M_2 [w, R], float64, with rows of 0 outside of the square."""
        rows = axis_matrix(self.height, self.row_spacing, resolution, self.field_of_view)
        columns = axis_matrix(self.width, self.column_spacing, resolution, self.field_of_view)
        return rows, columns

    def inside(self) -> np.ndarray:
        """Returns bool [h, w], True for pixels in the square."""
        rows = is_inside(self.height, self.row_spacing, self.field_of_view)
        columns = is_inside(self.width, self.column_spacing, self.field_of_view)
        return rows[:, None] & columns

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), [B, h, w, C]."""
        x = tf.convert_to_tensor(x)
        rows, columns = (tf.constant(m, x.dtype) for m in self.matrices(x.shape[1]))
        y = tf.einsum("ij,bjkc,lk->bilc", rows, x, columns)
        return self._with_black(y)

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns M_1^T y M_2.

        Raises:
            TypeError: The corruption is not bound to a shape of images by `of_images`.
        """
        y = tf.convert_to_tensor(y)
        resolution = getattr(self, "resolution", None)
        if resolution is None:
            raise TypeError("Bind the shape of the images by of_images(shape).")
        rows, columns = (tf.constant(m, y.dtype) for m in self.matrices(resolution))
        return tf.einsum("ij,bilc,lk->bjkc", rows, y, columns)

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns (..., h, w, C)."""
        *batch, _, _, channels = image_shape
        return (*batch, self.height, self.width, channels)

    def of_images(self, image_shape: tuple[int, ...]) -> Regrid:
        """Returns the same corruption for images of one shape."""
        bound = dataclasses.replace(self)
        object.__setattr__(bound, "resolution", image_shape[-3])
        return bound

    def propagate_mask(self, known: tf.Tensor | None) -> tf.Tensor | None:
        """Returns the pixels that depend on known pixels in the square; None if all do."""
        inside = self.inside()
        if known is None:
            return None if inside.all() else tf.constant(inside[None, :, :, None])
        rows, columns = (tf.constant(m, tf.float32) for m in self.matrices(known.shape[1]))
        unknown = tf.einsum("ij,bjkc,lk->bilc", rows, tf.cast(~known, tf.float32), columns)
        return tf.equal(unknown, 0) & inside[None, :, :, None]

    def fill_unobserved(self, y: tf.Tensor) -> tf.Tensor:
        """Returns y with black outside of the square."""
        return self._with_black(tf.convert_to_tensor(y))

    def _with_black(self, y: tf.Tensor) -> tf.Tensor:
        inside = self.inside()
        if inside.all():
            return y
        return tf.where(inside[None, :, :, None], y, tf.constant(_BLACK, y.dtype))


def axis_matrix(size: int, spacing: float, resolution: int, field_of_view: float) -> np.ndarray:
    """Returns M [size, resolution] of an axis, with rows of 0 outside of the square.

    Args:
        size: Number of pixels of the scan.
        spacing: d, distance of the pixels of the scan in millimetres.
        resolution: R.
        field_of_view: F in millimetres.

    Example:
        >>> axis_matrix(3, 1.0, 2, 2.0).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    pixel = field_of_view / resolution
    distances = np.abs(_centres(size, spacing)[:, None] - _centres(resolution, pixel))
    weights = np.maximum(1.0 - distances / max(spacing, pixel), 0.0)
    # The edge of the square has one neighbour only.
    sums = weights.sum(axis=1, keepdims=True)
    weights = np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)
    return weights * is_inside(size, spacing, field_of_view)[:, None]


def is_inside(size: int, spacing: float, field_of_view: float) -> np.ndarray:
    """Returns bool [size], True for pixels of an axis whose centre lies in the square."""
    return np.abs(_centres(size, spacing)) <= field_of_view / 2 + _ROUNDING * spacing


def _centres(size: int, spacing: float) -> np.ndarray:
    return (np.arange(size) - (size - 1) / 2) * spacing
