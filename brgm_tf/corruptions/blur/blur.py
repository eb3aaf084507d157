"""Out of focus, softly: convolution with a Gaussian."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from brgm_tf.core.validation import checked, number
from brgm_tf.corruptions.blur.convolution import Convolution

TRUNCATE = 4.0  # standard deviations that the kernel reaches, as in SciPy


@dataclasses.dataclass(frozen=True)
class Blur(Convolution):
    """Images convolved with a Gaussian, h[k] h[l] for the pixel (k, l) from the centre:

        h[k] = exp(-k^2 / (2 sigma^2)) / sum,    k = -r, ..., r,    r = floor(4 sigma + 1/2)

    as `scipy.ndimage.gaussian_filter` has it. DeepInverse's `gaussian_blur` samples the same
    function up to r = floor(sigma / 0.3 + 1), and its `Blur`, unless given a padding, keeps only
    the pixels that need no border.

    Args:
        sigma: standard deviation in pixels of the image, in [0.1, 1000]; or an `ParameterPrior`.
        border: how the image goes on beyond its edges: 'reflect' (default), 'circular' or
            'zero' (mid-grey); see `convolution`.

    Raises:
        InputError: sigma is no such number, or border none of the three.
    """

    sigma: float
    border: str = "reflect"

    def __post_init__(self):
        sigma = checked("sigma", self.sigma, number(0.1, 1000), inferable=True)
        object.__setattr__(self, "sigma", sigma)
        super().__post_init__()

    @property
    def radius(self) -> int:
        """r, pixels that the kernel reaches from its centre."""
        return int(TRUNCATE * self.largest("sigma") + 0.5)

    @property
    def size(self):
        """(2 r + 1, 2 r + 1)."""
        return (2 * self.radius + 1,) * 2

    def kernel_of(self, x):
        """h of the rows times h of the columns."""
        sigma = self.per_kernel("sigma", x)
        weights = gaussian_weights(sigma, radius=self.radius, dtype=x.dtype)
        return tf.linalg.matrix_transpose(weights) * weights

    def get_config(self) -> dict:
        """{'sigma': ..., 'border': ...}."""
        return {"sigma": self.sigma, "border": self.border}


def gaussian_weights(sigma, *, radius: int, dtype):
    """h [..., 1, 2 radius + 1], sums to 1; differentiable in sigma.

    Args:
        sigma: standard deviation in pixels, a number or a tensor [..., 1, 1].
        radius: r, whatever sigma is.
        dtype: of the kernel.
    """
    offsets = tf.range(-radius, radius + 1, dtype=dtype)[None]
    return tf.nn.softmax(-0.5 * tf.square(offsets / tf.convert_to_tensor(sigma, dtype)))
