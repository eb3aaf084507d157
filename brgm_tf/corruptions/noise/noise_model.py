"""The base class of noise: it leaves the image and scatters the measurement around it."""

from __future__ import annotations

import abc
from typing import Any

from brgm_tf.core.lazy import tf
from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.corruptions.identity import Identity


class NoiseModel(Identity):
    """A stage of noise: forward(x) = x, and y scatters around x. It ends a chain.

    A subclass draws a measurement (`draw`) and states the probability of every value
    (`log_density`, `variance`, `distribution`). Values are independent given their means.
    """

    adds_noise = True
    keeps_pixels = False

    @property
    def stated_noise_scale(self) -> float | None:
        """The field `scale` in grey levels; None without this field, or for an inferred scale."""
        scale = getattr(self, "scale", None)
        return None if isinstance(scale, ParameterPrior) else scale

    def sample(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Draws y given x, each image with its own seed."""
        x = tf.convert_to_tensor(x)
        seeds = tf.convert_to_tensor(seeds, tf.int32)
        # One by one: drawn as a batch, the noise of an image would depend on its index.
        return tf.map_fn(
            lambda image: self.with_params(**image[2]).draw(image[0], image[1]),
            (self.forward(x), seeds, dict(self.values)),
            fn_output_signature=x.dtype,
        )

    @abc.abstractmethod
    def draw(self, mean: tf.Tensor, seed: tf.Tensor) -> Any:
        """Draws the measurement of one image.

        Args:
            mean: m [h, w, C].
            seed: int32 [2].

        Returns:
            y [h, w, C].
        """
