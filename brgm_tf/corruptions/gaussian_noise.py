"""Normal noise: a camera's amplifier, or many small causes at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from brgm_tf.corruptions.base import GREY_LEVEL
from brgm_tf.corruptions.noise import Noise
from brgm_tf.registry import checked, positive_float


@dataclasses.dataclass(frozen=True)
class GaussianNoise(Noise):
    """Normal noise: y ~ N(x, scale^2).

    The densities take another scale where `params` holds a 'noise_scale': one that is given
    with the objective, or inferred.

    Args:
        scale: standard deviation in grey levels.

    Raises:
        InputError: scale is no positive number.
    """

    scale: float

    def __post_init__(self):
        object.__setattr__(self, "scale", checked("scale", self.scale, positive_float))

    def draw(self, mean, seed):
        """y [h, w, C]."""
        noise = tf.random.stateless_normal(tf.shape(mean), seed, dtype=mean.dtype)
        return mean + tf.cast(self.scale * GREY_LEVEL, mean.dtype) * noise

    def get_config(self) -> dict:
        """{'scale': ...}."""
        return {"scale": self.scale}

    def _noise_scale(self, mean, params: Mapping[str, object]):
        return super()._noise_scale(mean, {"noise_scale": self.scale, **params})
