"""Render: latents become images and predicted measurements; facts about observed values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.core.units import GREY_LEVELS_PER_UNIT


class Rendering(NamedTuple):
    """Images of latents; tensors or arrays.

    Attributes:
        reconstruction: x [B, H, W, C], the generator's images.
        predicted_measurement: f(x) [B, h, w, C].
    """

    reconstruction: Any
    predicted_measurement: Any

    def numpy(self) -> Rendering:
        """Returns the images as arrays."""
        return Rendering(*(image.numpy() for image in self))


@dataclasses.dataclass(frozen=True, eq=False)
class ObservationInfo:
    """Facts about the values of a measurement.

    Attributes:
        observed: bool [B, h, w, C], the values that count.
        missing: bool [B, H, W, 1], the pixels that are not observed, if the observed pixels can
            be put back; else None.
        noise: [B], standard deviation of the simulated noise in grey levels; 0 without noise.
    """

    observed: np.ndarray
    missing: np.ndarray | None
    noise: np.ndarray


def renderer(posterior) -> Callable[..., Rendering]:
    """Returns a compiled function (latents, data, parameters, deviations) -> `Rendering`.

    The deviations [B, E] of the generator's weights are None for the trained weights.

    Args:
        posterior: the `Posterior`, with the generator and the corruption.
    """
    corruption = posterior.corruption

    def render(latents, data, parameters, deviations=None):
        bound = corruption.with_data(**data)
        bound = bound.with_params(**{name: parameters[name] for name in corruption.params})
        x = posterior.synthesis(latents, deviations)
        return Rendering(x, bound.forward(x))

    return compiled(render, jit=True)


def observer(posterior) -> Callable[..., ObservationInfo]:
    """Returns a function (`Rendering` of arrays, data, parameters) -> `ObservationInfo`.

    Args:
        posterior: the `Posterior`, with the corruption and the scale of the noise.
    """
    corruption = posterior.corruption

    def masks_and_variance(predicted, data, parameters):
        bound = corruption.with_data(**data)
        mask = tf.broadcast_to(bound.observation_mask(predicted), tf.shape(predicted))
        if not corruption.adds_noise:
            return mask > 0, tf.zeros([])
        noise = posterior.noise_params(parameters.get("noise_scale"))
        return mask > 0, bound.variance(predicted, noise)

    program = compiled(masks_and_variance)

    def observe(rendering: Rendering, data, parameters) -> ObservationInfo:
        tensors = program(rendering.predicted_measurement, data, parameters)
        observed, variance = (tensor.numpy() for tensor in tensors)
        variance = np.broadcast_to(variance, observed.shape)
        counted = observed.sum(axis=(1, 2, 3))
        noise = np.sqrt((variance * observed).sum(axis=(1, 2, 3)) / np.maximum(counted, 1))
        # Unobserved values are holes in the image only if observed pixels are put back.
        missing = ~observed.all(axis=-1, keepdims=True) if corruption.puts_pixels_back else None
        return ObservationInfo(observed, missing, noise * GREY_LEVELS_PER_UNIT)

    return observe
