"""Defocus of a lens: convolution with a disk."""

from __future__ import annotations

import dataclasses
import math

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import number
from brgm_tf.corruptions.blur.convolution import Convolution
from brgm_tf.corruptions.common_parameters import border_parameter


@dataclasses.dataclass(frozen=True, repr=False)
class DiskBlur(Convolution):
    """Disk blur: the image of a point out of focus through a round aperture.

        h[u] = clip(radius + 1/2 - |u|, 0, 1) / sum,    |u| the distance from the centre

    The disk is anti-aliased. For a radius of two pixels or more, a weight before normalisation
    differs by less than 0.06 from the fraction of the pixel that the disk covers.

    Args:
        radius: Radius in pixels of the image, in [0.5, 1000]; 0.5 leaves the image as it is; or a
            `ParameterPrior`.
        border: Continuation of the image beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Raises:
        InputError: radius is not in its range, or border has another value.

    Example:
        >>> from brgm_tf import DiskBlur
        >>> DiskBlur(radius=3.0).size
        (7, 7)
    """

    radius: float = parameter(
        number(0.5, 1000),
        "Radius of the disk in pixels",
        unknown=Bounded(0.5, 10, logarithmic=True),
        typical=(0.5, 10, 3),
    )
    border: str = border_parameter()

    @property
    def reach(self) -> int:
        """Pixels from the centre of the kernel to its edge."""
        return math.ceil(self.largest("radius") + 0.5) - 1

    @property
    def size(self) -> tuple[int, int]:
        """(2 reach + 1, 2 reach + 1)."""
        return (2 * self.reach + 1,) * 2

    def kernel_of(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the disk."""
        return disk_kernel(self.per_kernel("radius", x), reach=self.reach, dtype=x.dtype)


def disk_kernel(radius: tf.Tensor | float, *, reach: int, dtype: tf.DType) -> tf.Tensor:
    """Returns h [..., 2 reach + 1, 2 reach + 1] with the sum 1.

    It is differentiable in the radius almost everywhere.

    Args:
        radius: Radius in pixels, a number or a tensor [..., 1, 1].
        reach: Pixels from the centre to the edge of the square, independent of the radius.
        dtype: dtype of h.
    """
    offsets = tf.range(-reach, reach + 1, dtype=dtype)
    distance = tf.sqrt(tf.square(offsets) + tf.square(offsets[:, None]))
    weights = tf.clip_by_value(tf.convert_to_tensor(radius, dtype) + 0.5 - distance, 0, 1)
    return weights / tf.reduce_sum(weights, axis=[-2, -1], keepdims=True)
