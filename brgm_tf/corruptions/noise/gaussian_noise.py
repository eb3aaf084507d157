"""Normal noise: a camera's amplifier, or many small causes at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.core.validation import checked, positive_float
from brgm_tf.corruptions.base import GREY_LEVEL
from brgm_tf.corruptions.complex_values import joined, parts, unit
from brgm_tf.corruptions.noise.noise import Noise


@dataclasses.dataclass(frozen=True)
class GaussianNoise(Noise):
    """Normal noise: y ~ N(x, scale^2); of complex numbers both parts have it, independently.

    The densities take another scale where `params` holds a 'noise_scale': one that is given
    with the objective, or inferred.

    Args:
        scale: standard deviation in grey levels; or an `ParameterPrior`, which among the `params` is
            the 'noise_scale', as any that is inferred.

    Raises:
        InputError: scale is no positive number.
    """

    scale: float

    takes_complex = True

    def __post_init__(self):
        object.__setattr__(
            self, "scale", checked("scale", self.scale, positive_float, inferable=True)
        )

    @property
    def params(self) -> dict[str, ParameterPrior]:
        """{'noise_scale': its prior}, where it is inferred."""
        return {"noise_scale": self.scale} if isinstance(self.scale, ParameterPrior) else {}

    def draw(self, mean, seed):
        """y [h, w, C]."""
        numbers = parts(mean)
        # A real number's noise is that of the seed itself.
        seeds = [seed] if len(numbers) == 1 else tf.unstack(tf.random.split(seed, 2))
        own = self._own_scale
        # Not tf.cast alone, which would take a Python float through float32.
        own = own if tf.is_tensor(own) else np.asarray(own, np.float64)
        scale = tf.cast(own, numbers[0].dtype) * (GREY_LEVEL * unit(mean))
        return joined(
            [
                part + scale * tf.random.stateless_normal(tf.shape(part), own, dtype=part.dtype)
                for part, own in zip(numbers, seeds, strict=True)
            ]
        )

    def get_config(self) -> dict:
        """{'scale': ...}."""
        return {"scale": self.scale}

    def _noise_scale(self, mean, params: Mapping[str, object]):
        return super()._noise_scale(mean, {"noise_scale": self._own_scale, **params})

    @property
    def _own_scale(self):
        """A number; [B], or a scalar of one image, where it is bound."""
        is_unknown = isinstance(self.scale, ParameterPrior)
        return self.values.get("noise_scale", self.scale.median if is_unknown else self.scale)
