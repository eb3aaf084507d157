"""Gaussian noise, such as the noise of an amplifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import NOISE_SCALE, ParameterPrior
from brgm_tf.core.parameters import parameter
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.core.validation import positive_float
from brgm_tf.corruptions.complex_values import joined, parts, unit
from brgm_tf.corruptions.configuration import as_real
from brgm_tf.corruptions.noise.noise_model import NoiseModel


@dataclasses.dataclass(frozen=True, repr=False)
class Noise(NoiseModel):
    """Gaussian noise: y ~ N(x, scale^2).

    Both parts of complex numbers have this noise, independently. If `params` holds a 'noise_scale',
    which is inferred or given with the objective, the densities use it instead of `scale`.

    Args:
        scale: Standard deviation in grey levels, positive; or a `ParameterPrior`, whose name among
            the `params` is 'noise_scale'.

    Raises:
        InputError: scale is not a positive number.

    Example:
        >>> import numpy as np
        >>> from brgm_tf import Noise
        >>> y = Noise(scale=5.0).simulate(np.zeros([64, 64, 1], "float32"), seed=0)
        >>> bool(4.5 < 127.5 * y.std() < 5.5)
        True
    """

    scale: float = parameter(
        positive_float,
        "Standard deviation in grey levels",
        unknown=NOISE_SCALE,
        typical=(0.5, 60, 10),
    )

    takes_complex = True

    @property
    def params(self) -> dict[str, ParameterPrior]:
        """{'noise_scale': prior} if the scale is inferred, else {}."""
        return {"noise_scale": self.scale} if isinstance(self.scale, ParameterPrior) else {}

    def draw(self, mean: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws the measurement of one image; see `NoiseModel`."""
        numbers = parts(mean)
        # The noise of a real number has the seed itself.
        seeds = [seed] if len(numbers) == 1 else tf.unstack(tf.random.split(seed, 2))
        scale = as_real(self._current_scale, numbers[0].dtype) * (GREY_LEVEL * unit(mean))
        draws = [
            part + scale * tf.random.stateless_normal(tf.shape(part), part_seed, dtype=part.dtype)
            for part, part_seed in zip(numbers, seeds, strict=True)
        ]
        return joined(draws)

    def _scale_of(self, mean: tf.Tensor, params: Mapping[str, Any]) -> tf.Tensor:
        return super()._scale_of(mean, {"noise_scale": self._current_scale, **params})

    @property
    def _current_scale(self) -> Any:
        """A number; [B], or a scalar for one image, if values are bound."""
        is_unknown = isinstance(self.scale, ParameterPrior)
        return self.values.get("noise_scale", self.scale.median if is_unknown else self.scale)  # type: ignore[attr-defined]
