"""Frames of a video: a callback that keeps images of the optimization."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from brgm_tf.pipeline.measurement import Measurement

FRAME_SIZE = 512
MAX_FRAMES = 100  # A video of ten seconds; more frames would only cost memory.


class FrameRecorder:
    """Keeps an image of the mean latent and of about `MAX_FRAMES` later steps.

    Args:
        render: (latents, measurement values, data, parameters) -> `Rendering`.
        estimator: the `Estimator`.
        prior: the `LatentPrior`.
        num_layers: L, the number of latents of an image.
        measurement: the batch.
        num_steps: number of all steps.
    """

    def __init__(
        self,
        render: Callable,
        *,
        estimator,
        prior,
        num_layers: int,
        measurement: Measurement,
        num_steps: int,
    ):
        self._render, self._estimator = render, estimator
        self._measurement, self._num_steps = measurement, num_steps
        count = len(measurement)
        self._medians = estimator.parameters(prior.start(count).astype("float32"))
        mean = prior.mean.astype("float32")
        self._frames = [self._frame(np.broadcast_to(mean, (count, num_layers, len(mean))))]

    def __call__(self, chunk) -> None:
        """Keeps a frame of the state if the next one is due."""
        if int(chunk.state.step) * MAX_FRAMES // self._num_steps >= len(self._frames):
            self._frames.append(self._frame(self._estimator.latents(chunk.state.v)))

    def by_image(self) -> list[tuple[np.ndarray, ...]]:
        """Returns the frames [h, w, C] of each image of the batch."""
        return list(zip(*self._frames, strict=True))

    def _frame(self, latents) -> np.ndarray:
        values, data = self._measurement.values, self._measurement.data
        images = self._render(latents, values, data, self._medians).reconstruction
        return shrunk(images.numpy())


def shrunk(images: np.ndarray) -> np.ndarray:
    """Returns images [B, H, W, C] as box means of at most `FRAME_SIZE` pixels along a side."""
    factor = max(1, images.shape[1] // FRAME_SIZE)
    batch, height, width, channels = images.shape
    shape = (batch, height // factor, factor, width // factor, factor, channels)
    return images.reshape(shape).mean(axis=(2, 4))
