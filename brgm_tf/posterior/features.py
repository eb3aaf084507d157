"""The perceptual features of measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.corruptions.base import Corruption
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, load_perceptual
from brgm_tf.posterior.chunks import in_chunks
from brgm_tf.posterior.pseudo_observations import sum_of_squares


class MeasurementFeatures:
    """Features of measurements, which are shown as images first.

    Args:
        perceptual: LPIPS, or a handle of its weights; None for the default ones.
        corruption: `Corruption` for images of the generator's size.
        enlarge: Whether small images are enlarged.
    """

    def __init__(self, perceptual: Any, *, corruption: Corruption, enlarge: bool):
        self._network = load_perceptual(PERCEPTUAL_WEIGHTS if perceptual is None else perceptual)
        self._corruption, self._enlarge = corruption, enlarge
        # The graph runs once a batch: XLA would only delay the first step.
        self.of_measurement = compiled(self._of_measurement)

    def of_prediction(self, corruption: Corruption, y) -> list[Any]:
        """Returns the features of a measurement, whose unobserved values are filled.

        Args:
            corruption: `Corruption` with its data bound.
            y: Measurement [B, h, w, c].
        """
        return self._features(corruption.as_image(corruption.fill_unobserved(y)))

    def distances_in_chunks(self, images, others, *, size: int) -> tf.Tensor:
        """Returns the LPIPS [S] of two stacks of images, with bounded memory.

        Args:
            images: Images [S, h, w, c].
            others: Images [S, h, w, c], without a gradient.
            size: Number of images in a chunk.
        """

        def of_chunk(first, second):
            target = self._features(tf.stop_gradient(second))
            return sum_of_squares(self._features(first), target)

        return in_chunks(of_chunk, images, others, size=size)

    def _of_measurement(self, measurement, data: Mapping[str, Any]) -> list[Any]:
        """Returns the features of a filled measurement with the data of its corruption."""
        return self._features(self._corruption.with_data(**data).as_image(measurement))

    def _features(self, image):
        return self._network.features(image, enlarge=self._enlarge)
