"""The camera moved: convolution with a line."""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.blur.convolution import Convolution


@dataclasses.dataclass(frozen=True)
class MotionBlur(Convolution):
    """Images convolved with a line: a uniform, straight motion while the shutter was open.

    For the pixel u to the right of the centre and v above it, with s = u cos a + v sin a along
    the line and t = v cos a - u sin a across it,

        h[u, v] = clip((length + 1) / 2 - |s|, 0, 1) max(1 - |t|, 0) / sum,

    a line one pixel wide with its edges and ends anti-aliased. Of a horizontal or vertical
    line of an odd number of pixels these are equal weights 1 / length, as of MATLAB's
    `fspecial('motion', length, angle)`.

    Args:
        length: pixels of the image that a point is spread over, in [1, 1000]; 1 leaves the
            image as it is if the angle is a multiple of 90, and hardly blurs it otherwise;
            or an `ParameterPrior`.
        angle: a in degrees, in [-360, 360], default 0: counter-clockwise from a horizontal
            line. A line has no direction: a and a + 180 are the same. Or an `ParameterPrior`.
        border: how the image goes on beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Raises:
        InputError: length or angle is no such number, or border none of the three.
    """

    length: float
    angle: float = 0.0
    border: str = "reflect"

    def __post_init__(self):
        length = checked("length", self.length, number(1, 1000), inferable=True)
        object.__setattr__(self, "length", length)
        angle = checked("angle", self.angle, number(-360, 360), inferable=True)
        object.__setattr__(self, "angle", angle)
        super().__post_init__()

    @property
    def radius(self) -> int:
        """Pixels that the kernel reaches from its centre at any angle."""
        # h > 0 needs |s| < (length + 1) / 2 and |t| < 1.
        return math.ceil(math.hypot((self.largest("length") + 1) / 2, 1)) - 1

    @property
    def size(self):
        """That of a square."""
        return (2 * self.radius + 1,) * 2

    def kernel_of(self, x):
        """The line."""
        length, angle = self.per_kernel("length", x), self.per_kernel("angle", x)
        return motion_kernel(length, angle, radius=self.radius, dtype=x.dtype)

    def get_config(self) -> dict:
        """{'length': ..., 'angle': ..., 'border': ...}."""
        return {"length": self.length, "angle": self.angle, "border": self.border}


def motion_kernel(length, angle, *, radius: int, dtype):
    """h [..., 2 radius + 1, 2 radius + 1], sums to 1; differentiable in length and angle.

    Almost everywhere, that is: at the kinks of |.| and clip, such as a horizontal line's
    across itself, the derivative is one of the slopes beside it or 0 between them.

    Args:
        length: in pixels, a number or a tensor [..., 1, 1].
        angle: in degrees, likewise.
        radius: of the square, whatever the length is.
        dtype: of the kernel.
    """
    length, angle = tf.convert_to_tensor(length, dtype), tf.convert_to_tensor(angle, dtype)
    cosine, sine = (f(angle * (math.pi / 180)) for f in (tf.cos, tf.sin))
    right = tf.range(-radius, radius + 1, dtype=dtype)
    up = -right[:, None]  # rows go down
    along = tf.abs(right * cosine + up * sine)
    across = tf.abs(up * cosine - right * sine)
    weights = tf.clip_by_value((length + 1) / 2 - along, 0, 1) * tf.nn.relu(1 - across)
    return weights / tf.reduce_sum(weights, axis=[-2, -1], keepdims=True)
