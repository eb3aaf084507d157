"""Gaussian blur: convolution with a Gaussian."""

from __future__ import annotations

import dataclasses

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import number
from brgm_tf.corruptions.blur.convolution import Convolution
from brgm_tf.corruptions.common_parameters import border_parameter

TRUNCATE = 4.0  # radius of the kernel in standard deviations, as in SciPy


@dataclasses.dataclass(frozen=True, repr=False)
class Blur(Convolution):
    """Gaussian blur: the pixel (k, l) from the centre has the weight h[k] h[l].

        h[k] = exp(-k^2 / (2 sigma^2)) / sum,    k = -r, ..., r,    r = floor(4 sigma + 1/2)

    `scipy.ndimage.gaussian_filter` has the same kernel. DeepInverse's `gaussian_blur` samples the
    same function up to r = floor(sigma / 0.3 + 1). Its `Blur` without padding keeps only the pixels
    that need no border.

    Args:
        sigma: Standard deviation in pixels of the image, in [0.1, 1000]; or a `ParameterPrior`.
        border: Continuation of the image beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Raises:
        InputError: sigma is not in its range, or border has another value.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Blur
        >>> x = np.zeros([1, 15, 15, 1])
        >>> x[0, 7, 7] = 1.0
        >>> y = Blur(sigma=2.0).forward(x)
        >>> round(float(y[0, 7, 7, 0]), 4)
        0.0398
    """

    sigma: float = parameter(
        number(0.1, 1000),
        "Standard deviation in pixels",
        unknown=Bounded(0.3, 10, logarithmic=True),
        typical=(0.3, 10, 2),
    )
    border: str = border_parameter()

    @property
    def radius(self) -> int:
        """r in pixels."""
        return int(TRUNCATE * self.largest("sigma") + 0.5)

    @property
    def size(self) -> tuple[int, int]:
        """(2 r + 1, 2 r + 1)."""
        return (2 * self.radius + 1,) * 2

    def kernel_of(self, x: tf.Tensor) -> tf.Tensor:
        """Returns h of the rows times h of the columns."""
        sigma = self.per_kernel("sigma", x)
        weights = gaussian_weights(sigma, radius=self.radius, dtype=x.dtype)
        return tf.linalg.matrix_transpose(weights) * weights


def gaussian_weights(sigma: tf.Tensor | float, *, radius: int, dtype: tf.DType) -> tf.Tensor:
    """Returns h [..., 1, 2 radius + 1] with the sum 1; differentiable in sigma.

    Args:
        sigma: Standard deviation in pixels, a number or a tensor [..., 1, 1].
        radius: r, independent of sigma.
        dtype: dtype of h.
    """
    offsets = tf.range(-radius, radius + 1, dtype=dtype)[None]
    return tf.nn.softmax(-0.5 * tf.square(offsets / tf.convert_to_tensor(sigma, dtype)))
