"""Step 1, measure: loaded inputs become the measurements of a batch."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from brgm_tf.estimators.restoring.measurement import Measurement
from brgm_tf.io import inputs
from brgm_tf.pipeline.config import Config

# The unit of a scanner is arbitrary: this quantile of the zero-filled magnitude becomes white.
WHITE_QUANTILE = 0.999


class Acquisition:
    """Measures batches: simulates clean inputs, prepares measured inputs.

    Measured k-space is scaled so that the `WHITE_QUANTILE` of the zero-filled magnitude is white;
    the metric `kspace_white` is the magnitude before.

    Args:
        corruption: the `Corruption`, without per-image data.
        config: the configuration.
    """

    def __init__(self, corruption, config: Config):
        from brgm_tf.core.compilation import compiled

        self._corruption, self._config = corruption, config
        self.simulate = compiled(self._simulate)
        self._fill_unobserved = compiled(self._filled)
        self.as_image = compiled(self._as_image)

    def __call__(self, batch: Sequence[inputs.LoadedInput]) -> Measurement:
        """Returns the measurements of a batch of loaded inputs."""
        names = tuple(item.name for item in batch)
        images = np.stack([item.image for item in batch])
        data = {
            name: np.stack([np.asarray(getattr(item, name)) for item in batch])
            for name in self._corruption.data_names
        }
        if self._config.input_kind == "clean":
            return self._simulated(names, images, data)
        values = self._fill_unobserved(images, data).numpy()
        if not self._config.measures_kspace:
            return Measurement(names, values, data)
        scale = white_level(self.as_image(values, data).numpy())
        return Measurement(names, values / scale[:, None, None, None], data, kspace_scale=scale)

    def _simulated(self, names, images, data) -> Measurement:
        seeds = noise_seeds(names, seed=self._config.seed)
        parameters = sample_parameters(self._corruption, seeds)
        values = self.simulate(images, data, seeds, parameters).numpy()
        drawn = {name: tensor.numpy() for name, tensor in parameters.items()}
        return Measurement(names, values, data, images, drawn)

    def _simulate(self, image, data, seeds, parameters):
        corruption = self._corruption.with_data(**data).with_params(**parameters)
        return corruption.sample(image, seeds)

    def _filled(self, values, data):
        return self._corruption.with_data(**data).fill_unobserved(values)

    def _as_image(self, values, data):
        return self._corruption.with_data(**data).as_image(values)


def noise_seeds(names: Sequence[str], *, seed: int) -> np.ndarray:
    """Returns stateless seeds [B, 2] of the noise of images.

    Noise is seeded by the image name, so it depends neither on the batch nor on the order.

    Example:
        >>> noise_seeds(["a", "b"], seed=5).shape
        (2, 2)
    """
    return np.array([[seed, zlib.crc32(name.encode("utf-8")) >> 1] for name in names], np.int32)


def sample_parameters(corruption, seeds) -> dict:
    """Draws the unknown parameters of a corruption from their priors: tensors [B] by name.

    Args:
        corruption: the `Corruption`.
        seeds: int32 [B, 2], a stateless seed for each image.
    """
    import tensorflow as tf

    drawn = {}
    for i, (name, prior) in enumerate(corruption.params.items(), start=1):
        folded = [tf.random.experimental.stateless_fold_in(seed, i) for seed in seeds]
        z = [tf.random.stateless_normal([], seed) for seed in folded]
        drawn[name] = prior.forward(tf.stack(z))
    return drawn


def white_level(images: np.ndarray) -> np.ndarray:
    """Returns the magnitude [B] that becomes white, for zero-filled images in [-1, inf)."""
    magnitudes = 0.5 * (images + 1.0)
    return np.quantile(magnitudes, WHITE_QUANTILE, axis=(1, 2, 3)).astype("float32")
