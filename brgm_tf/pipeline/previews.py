"""Previews: a callback that shows the images of a batch after every chunk of steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from brgm_tf.estimators.restoring.measurement import Measurement


@dataclasses.dataclass(frozen=True, eq=False)
class Preview:
    """Images of a batch in the middle of a run.

    Attributes:
        measurement: [B, h, w, C], the measurements as images.
        images: [B, H, W, C], the generator's images, blended into the observed pixels if there
            are any.
    """

    measurement: np.ndarray
    images: np.ndarray


class Previewer:
    """Renders the images of a batch after every chunk of steps, and shows them.

    Args:
        render: (latents, data, parameters, deviations) -> `Rendering`.
        show: called with a `Preview`; returning True stops the run.
        posterior: the `Posterior`.
        measurement: the batch.
    """

    def __init__(
        self,
        render: Callable,
        show: Callable[[Preview], object],
        *,
        posterior,
        measurement: Measurement,
    ):
        self._render, self._show, self._posterior = render, show, posterior
        self._measurement = measurement
        self._bound = posterior.corruption.with_data(**measurement.data)
        self._measured = np.asarray(self._bound.as_image(measurement.values))

    def __call__(self, chunk) -> bool:
        """Shows the images of the state; returns whether the run is stopped."""
        posterior, measurement = self._posterior, self._measurement
        latents = posterior.latents(chunk.position)
        parameters = posterior.parameters(chunk.position)
        rendering = self._render(latents, measurement.data, parameters, chunk.deviations)
        images = rendering.reconstruction.numpy()
        merged = self._bound.composite(measurement.values, images)
        shown = images if merged is None else np.asarray(merged)
        return bool(self._show(Preview(self._measured, shown)))
