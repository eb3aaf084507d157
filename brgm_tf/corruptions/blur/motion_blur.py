"""Camera motion: convolution with a line."""

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
class MotionBlur(Convolution):
    """Motion blur: a uniform, straight motion while the shutter is open.

    For the pixel u to the right of the centre and v above it, s = u cos a + v sin a is the distance
    along the line, and t = v cos a - u sin a the distance across it.

        h[u, v] = clip((length + 1) / 2 - |s|, 0, 1) max(1 - |t|, 0) / sum

    The line is one pixel wide, and its edges and ends are anti-aliased. A horizontal or vertical
    line of an odd number of pixels has equal weights 1 / length, as MATLAB's
    `fspecial('motion', length, angle)` has.

    Args:
        length: Length of the line in pixels of the image, in [1, 1000]; or a `ParameterPrior`. A
            length of 1 leaves the image as it is if the angle is a multiple of 90, and hardly blurs
            it otherwise.
        angle: a in degrees counter-clockwise from a horizontal line, in [-360, 360], default 0; or
            a `ParameterPrior`. The angles a and a + 180 are the same.
        border: Continuation of the image beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Raises:
        InputError: length or angle is not in its range, or border has another value.

    Example:
        >>> from brgm_tf import MotionBlur
        >>> MotionBlur(length=9, angle=30.0)
        motion_blur(length=9.0, angle=30.0)
        >>> MotionBlur(length=9).size
        (11, 11)
    """

    length: float = parameter(
        number(1, 1000),
        "Length of the line in pixels",
        unknown=Bounded(1, 21),
        typical=(1, 21, 9),
    )
    angle: float = parameter(
        number(-360, 360),
        "Angle of the line in degrees, counter-clockwise from horizontal",
        default=0.0,
        unknown=Bounded(-90, 90),
    )
    border: str = border_parameter()

    @property
    def radius(self) -> int:
        """Pixels from the centre of the kernel to its edge, at any angle."""
        # h > 0 needs |s| < (length + 1) / 2 and |t| < 1.
        return math.ceil(math.hypot((self.largest("length") + 1) / 2, 1)) - 1

    @property
    def size(self) -> tuple[int, int]:
        """(2 radius + 1, 2 radius + 1)."""
        return (2 * self.radius + 1,) * 2

    def kernel_of(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the line."""
        length, angle = self.per_kernel("length", x), self.per_kernel("angle", x)
        return motion_kernel(length, angle, radius=self.radius, dtype=x.dtype)


def motion_kernel(
    length: tf.Tensor | float, angle: tf.Tensor | float, *, radius: int, dtype: tf.DType
) -> tf.Tensor:
    """Returns h [..., 2 radius + 1, 2 radius + 1] with the sum 1.

    It is differentiable in length and angle almost everywhere. At the kinks of |.| and clip, such
    as across a horizontal line, the derivative is one of the slopes beside the kink or 0 between
    them.

    Args:
        length: Length in pixels, a number or a tensor [..., 1, 1].
        angle: Angle in degrees, a number or a tensor [..., 1, 1].
        radius: Pixels from the centre to the edge of the square, independent of the length.
        dtype: dtype of h.
    """
    length, angle = tf.convert_to_tensor(length, dtype), tf.convert_to_tensor(angle, dtype)
    cosine, sine = (f(angle * (math.pi / 180)) for f in (tf.cos, tf.sin))
    right = tf.range(-radius, radius + 1, dtype=dtype)
    up = -right[:, None]  # row indices grow downwards
    along = tf.abs(right * cosine + up * sine)
    across = tf.abs(up * cosine - right * sine)
    weights = tf.clip_by_value((length + 1) / 2 - along, 0, 1) * tf.nn.relu(1 - across)
    return weights / tf.reduce_sum(weights, axis=[-2, -1], keepdims=True)
