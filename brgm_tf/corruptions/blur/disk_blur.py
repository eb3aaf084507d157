"""Out of focus, as a lens is: convolution with a disk."""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.blur.convolution import Convolution


@dataclasses.dataclass(frozen=True)
class DiskBlur(Convolution):
    """Images convolved with a disk: what a round aperture makes of a point out of focus.

        h[u] = clip(radius + 1/2 - |u|, 0, 1) / sum,    |u| the distance from the centre,

    an anti-aliased disk: before it is normalised, a weight differs by less than 0.06 from the
    share of the pixel that a disk of two pixels or more covers.

    Args:
        radius: of the disk, in pixels of the image, in [0.5, 1000]; 0.5 leaves the image as
            it is; or an `ParameterPrior`.
        border: how the image goes on beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Raises:
        InputError: radius is no such number, or border none of the three.
    """

    radius: float
    border: str = "reflect"

    def __post_init__(self):
        radius = checked("radius", self.radius, number(0.5, 1000), inferable=True)
        object.__setattr__(self, "radius", radius)
        super().__post_init__()

    @property
    def reach(self) -> int:
        """Pixels that the kernel reaches from its centre."""
        return math.ceil(self.largest("radius") + 0.5) - 1

    @property
    def size(self):
        """That of a square."""
        return (2 * self.reach + 1,) * 2

    def kernel_of(self, x):
        """The disk."""
        return disk_kernel(self.per_kernel("radius", x), reach=self.reach, dtype=x.dtype)

    def get_config(self) -> dict:
        """{'radius': ..., 'border': ...}."""
        return {"radius": self.radius, "border": self.border}


def disk_kernel(radius, *, reach: int, dtype):
    """h [..., 2 reach + 1, 2 reach + 1], sums to 1; differentiable in the radius almost everywhere.

    Args:
        radius: in pixels, a number or a tensor [..., 1, 1].
        reach: of the square, whatever the radius is.
        dtype: of the kernel.
    """
    offsets = tf.range(-reach, reach + 1, dtype=dtype)
    distance = tf.sqrt(tf.square(offsets) + tf.square(offsets[:, None]))
    weights = tf.clip_by_value(tf.convert_to_tensor(radius, dtype) + 0.5 - distance, 0, 1)
    return weights / tf.reduce_sum(weights, axis=[-2, -1], keepdims=True)
