"""The forward operator of a corruption: the measurement without noise.

Notation: x [B, H, W, C] images in [-1, 1]; y the measurement, real or complex; f the operator; A
its linear part, A x = f(x) - f(0).
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.corruptions.complex_values import complex_dtype, components
from brgm_tf.corruptions.configuration import Configured


class Operator(Configured, abc.ABC):
    """A map from images to measurements without noise.

    Attributes:
        linear: Whether forward(x) - forward(0) is linear in x. Only then `adjoint` exists.
        straight_through_gradient: Whether the gradient of `forward` is a substitute that the class
            states, because the derivative is zero almost everywhere.
        needs_all_pixels: Whether each value of y depends on every pixel of x. No mask may come
            before.
        measures_kspace: Whether y is complex.
        takes_complex: Whether the operator may follow one whose y is complex.
        unknowns_keep_features: Whether unknown parameters change the features of y little.
        needs_volume: Whether the operator acts along the slices of a volume. The batch axis of x
            is then the third axis of one volume.
    """

    linear: bool = True
    straight_through_gradient: bool = False
    needs_all_pixels: bool = False
    measures_kspace: bool = False
    takes_complex: bool = False
    unknowns_keep_features: bool = False
    needs_volume: bool = False

    @abc.abstractmethod
    def forward(self, x: tf.Tensor) -> tf.Tensor:
        """Returns f(x), the measurement without noise."""

    def adjoint(self, y: tf.Tensor) -> tf.Tensor:
        """Returns A^T y: <A x, y> = <x, A^T y>.

        For complex y it is A^H y, which is real: Re <A x, y> = <x, A^H y>.

        Raises:
            TypeError: The corruption is not linear.
        """
        raise TypeError(f"{type(self).__name__} is not linear: it has no adjoint.")

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of y for images of shape (..., H, W, C).

        Raises:
            InputError: Images of this shape cannot be measured.
        """
        return tuple(image_shape)

    def data_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the images that per-image arrays belong to.

        Args:
            image_shape: Shape of x, (..., H, W, C).
        """
        return tuple(image_shape)

    def num_data_slices(self, num_slices: int) -> int:
        """Returns the number of slices that per-image arrays of a volume belong to."""
        return num_slices

    def dtype_for(self, image_dtype: tf.DType) -> tf.DType:
        """Returns the dtype of y for images of a dtype."""
        return complex_dtype(image_dtype) if self.measures_kspace else tf.as_dtype(image_dtype)

    def of_images(self, image_shape: tuple[int, ...]) -> Any:
        """Returns the same corruption for images of one shape (..., H, W, C).

        It tells the observed values from the measurement alone, in any chain.
        """
        del image_shape
        return self

    def of_volume(
        self, volume_shape: tuple[int, ...], *, indices: Sequence[int] | None = None
    ) -> Any:
        """Returns the same corruption for the slices of a volume.

        Args:
            volume_shape: Shape (S, H, W, C) of x.
            indices: Indices [S] of the slices in the scan, which select the patterns of slices;
                None for 0 to S - 1.
        """
        del indices
        return self.of_images(volume_shape[1:])

    def measured_indices(self, indices: Sequence[int]) -> list[int]:
        """Returns the indices [S'] in the scan of the slices of y, of the indices [S] of x."""
        return list(indices)

    def num_measured_slices(self, num_slices: int) -> int:
        """Returns the number of slices of y for a volume of S slices.

        Raises:
            InputError: A volume of S slices cannot be measured.
        """
        return num_slices

    def as_image(self, y: tf.Tensor) -> tf.Tensor:
        """Returns y as images [B, h, w, 1 or 3] for display and feature extraction."""
        return y

    def components(self, y: tf.Tensor) -> tf.Tensor:
        """Returns the real values of y in units of [-1, 1].

        Args:
            y: Measurement or mean [B, h, w, C].

        Returns:
            y itself, or [B, h, w, 2 C] for complex y.
        """
        return components(y)


def transposed(forward: Callable[[tf.Tensor], tf.Tensor], y: tf.Tensor, *, like: Any) -> tf.Tensor:
    """Returns A^T y of a linear function A, the gradient of <y, A x> in x.

    Args:
        forward: A.
        y: Values in the shape of A x.
        like: Any x.
    """
    with tf.GradientTape() as tape:
        tape.watch(like)
        values = forward(like)
    return tape.gradient(values, like, output_gradients=y)
