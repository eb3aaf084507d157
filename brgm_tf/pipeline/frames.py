"""Frames of a video: a callback that keeps images of the optimization."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from brgm_tf.estimators.restoring.measurement import Measurement

FRAME_SIZE = 512
MAX_FRAMES = 100  # A video of ten seconds; more frames would only cost memory.


class FrameRecorder:
    """Keeps an image of the mean latent and of about `MAX_FRAMES` later steps.

    Args:
        render: (latents, data, parameters, deviations) -> `Rendering`.
        posterior: the `Posterior`.
        measurement: the batch.
        num_steps: number of all steps.
    """

    def __init__(
        self,
        render: Callable,
        *,
        posterior,
        measurement: Measurement,
        num_steps: int,
    ):
        self._render, self._posterior = render, posterior
        self._measurement, self._num_steps = measurement, num_steps
        count = len(measurement)
        # The initial position holds the mean latent and the medians of the parameters.
        median = posterior.layout.initial_position(count).astype("float32")
        self._medians = posterior.parameters(median)
        mean = posterior.prior.mean.astype("float32")
        shape = (count, posterior.generator.num_ws, len(mean))
        self._frames = [self._frame(np.broadcast_to(mean, shape))]

    def __call__(self, chunk) -> None:
        """Keeps a frame of the state if the next one is due."""
        if int(chunk.step) * MAX_FRAMES // self._num_steps >= len(self._frames):
            latents = self._posterior.latents(chunk.position)
            self._frames.append(self._frame(latents, chunk.deviations))

    def by_image(self) -> list[tuple[np.ndarray, ...]]:
        """Returns the frames [h, w, C] of each image of the batch."""
        return list(zip(*self._frames, strict=True))

    def _frame(self, latents, deviations=None) -> np.ndarray:
        data = self._measurement.data
        rendering = self._render(latents, data, self._medians, deviations)
        return shrunk(rendering.reconstruction.numpy())


def shrunk(images: np.ndarray) -> np.ndarray:
    """Returns images [B, H, W, C] as box means of at most `FRAME_SIZE` pixels along a side."""
    factor = max(1, images.shape[1] // FRAME_SIZE)
    batch, height, width, channels = images.shape
    shape = (batch, height // factor, factor, width // factor, factor, channels)
    return images.reshape(shape).mean(axis=(2, 4))
