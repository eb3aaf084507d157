"""The perceptual features of measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brgm_tf.core.compilation import compiled
from brgm_tf.corruptions.base import Corruption
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, load_perceptual


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

    def _of_measurement(self, measurement, data: Mapping[str, Any]) -> list[Any]:
        """Returns the features of a filled measurement with the data of its corruption."""
        return self._features(self._corruption.with_data(**data).as_image(measurement))

    def _features(self, image):
        return self._network.features(image, enlarge=self._enlarge)
