"""The contract of a corruption: y = mean(x) + noise.

Notation: x [B, H, W, C] images in [-1, 1]; y the measurement, of
`measurement_shape(x.shape)` and `measurement_dtype`; A the linear part of mean,
A x = mean(x) - mean(0).
"""

from __future__ import annotations

import abc
import dataclasses
import math
import types
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

GREY_LEVEL = 2.0 / 255.0  # one grey level of [0, 255], in units of [-1, 1]


@dataclasses.dataclass(frozen=True)
class Inferable:
    """A parameter that may be inferred with the latents.

    Args:
        bounds: (low, high), the open interval of its values.
        log_prob: log density of its prior, value -> scalar.
    """

    bounds: tuple[float, float]
    log_prob: object


class Corruption(abc.ABC):
    """A known way in which an image x is damaged into a measurement y.

    A subclass is a frozen dataclass: objects are immutable. Per-image data (a mask) is
    bound by `with_data`, whose tensors may be arguments of a compiled function, so that
    another batch with other data runs the same program.

    Attributes:
        linear: whether mean(x) - mean(0) is linear in x; `adjoint` exists only then.
        surrogate_gradient: whether gradients of `mean` are those of a substitute that the
            class states, because its own derivative is zero nearly everywhere.
        params: name -> `Inferable`; empty when nothing can be inferred.
        data_names: names of the per-image arrays that `with_data` takes.
        measurement_dtype: dtype of y for float32 images; an image of another
            precision gives y the same precision.
    """

    linear: bool = True
    surrogate_gradient: bool = False
    params: Mapping[str, Inferable] = types.MappingProxyType({})
    data_names: tuple[str, ...] = ()
    measurement_dtype = tf.float32

    @abc.abstractmethod
    def mean(self, x):
        """What would be measured without noise: f(x)."""

    def adjoint(self, y):
        """A^T y, for A x = mean(x) - mean(0): <A x, y> = <x, A^T y>.

        Raises:
            TypeError: the corruption is not linear.
        """
        raise TypeError(f"{type(self).__name__} is not linear: it has no adjoint.")

    def measurement_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of y for images of shape (..., H, W, C).

        Raises:
            InputError: images of this shape cannot be measured.
        """
        return tuple(image_shape)

    def observed(self, y):
        """1 where y says something about x, 0 where it does not; broadcasts against y."""
        return tf.ones_like(y)

    def conceal(self, y):
        """y with what it says nothing about replaced by what `mean` puts there.

        A photograph given with a mask may still hold pixels under the mask: they are not
        part of the measurement, and nothing may look at them.
        """
        return y

    def merge(self, y, x):
        """The restored image x with the pixels that y knows put back.

        Args:
            y: measurement.
            x: restored images [B, H, W, C].

        Returns:
            Images [B, H, W, C], or None where y does not hold some of the image's
            pixels and leave the others open: there is nothing to merge then.
        """
        return None

    def with_data(self, **data) -> Corruption:
        """The same corruption with per-image arrays bound (those in `data_names`).

        Raises:
            TypeError: other names than `data_names`.
        """
        if set(data) != set(self.data_names):
            raise TypeError(f"with_data takes {self.data_names}, got {tuple(data)}.")
        return dataclasses.replace(self, **data) if data else self

    def simulate(self, x, seed):
        """Draws y given x; noise-free for a corruption without a noise stage.

        Args:
            x: images [B, H, W, C].
            seed: int32 [2], a stateless seed.
        """
        del seed
        return self.mean(x)

    def log_prob(self, y, x, params: Mapping[str, object]):
        """log p(y | x) = sum over observed pixels of log N(y | mean(x), s^2), per image [B].

        Unobserved values of y do not count, even where they are not finite.

        Args:
            y: real measurement.
            x: images [B, H, W, C].
            params: must hold 'noise_scale', s in grey levels, scalar or [B].

        Returns:
            [B], of the dtype of y.
        """
        scale = self._noise_scale(y, params)
        observed = tf.broadcast_to(self.observed(y), tf.shape(y))
        # Chosen before the square, so that a NaN under a mask reaches no gradient.
        residual = tf.where(observed > 0, y - self.mean(x), tf.zeros_like(y))
        density = -0.5 * tf.square(residual / scale) - tf.math.log(scale)
        density -= 0.5 * math.log(2.0 * math.pi)
        return tf.reduce_sum(observed * density, axis=[1, 2, 3])

    def get_config(self) -> dict:
        """Constructor arguments that rebuild the corruption (per-image data excepted)."""
        return {}

    @staticmethod
    def _noise_scale(y, params: Mapping[str, object]):
        """s in units of y, [1 or B, 1, 1, 1]."""
        scale = params["noise_scale"]
        if not tf.is_tensor(scale):
            # tf.cast alone would take a Python float through float32.
            scale = np.asarray(scale, np.float64)
        return tf.reshape(tf.cast(scale, y.dtype), [-1, 1, 1, 1]) * GREY_LEVEL
