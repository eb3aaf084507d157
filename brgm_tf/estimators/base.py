"""What every estimator is, and what those that draw from the posterior are besides."""

from __future__ import annotations

import abc
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.estimators.optimizers.loop import Checkpoint, Progress, State
from brgm_tf.posterior.posterior import Posterior
from brgm_tf.posterior.tiling import tiled_data


class Estimator(abc.ABC):
    """Computes something of the posterior of each image of a batch.

    Args:
        posterior: the `Posterior`.
        corruption: a `Corruption` without its per-image data.
        jit: whether XLA compiles the steps.
        dtype: of the coordinates.
    """

    warning = ""  # what the user should know of every result

    def __init__(self, posterior: Posterior, *, corruption, jit: bool = True, dtype=tf.float32):
        self._posterior, self._corruption = posterior, corruption
        self._jit, self._dtype = jit, dtype
        # Once a batch, which hardly counts: a program of its own would only delay the first step.
        self._features = compiled(self._features_of)

    @abc.abstractmethod
    def run(
        self, measurement, *, data: dict | None = None, checkpoint: Checkpoint | None = None
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after every chunk of steps.

        Args:
            measurement: y [B, ...].
            data: per-image arrays of the corruption.
            checkpoint: what `Progress.keep` returned in an earlier run on the same batch, which this
                one goes on with.
        """

    def inputs(self, measurement, *, data: dict | None = None) -> dict:
        """What the compiled programs take of a batch: measurement, its features, data."""
        dtype = self._corruption.dtype_for(self._dtype)
        measurement = tf.convert_to_tensor(measurement, dtype)
        has_features = self._posterior.objective.perceptual_scale > 0
        return {
            "measurement": measurement,
            "corruption": data or {},
            "target": self._features(measurement, data or {}) if has_features else [],
        }

    def _features_of(self, measurement, data):
        return self._posterior.features(self._corruption.with_data(**data).as_image(measurement))

    def latents(self, coordinates) -> tf.Tensor:
        """ws [B, L, D] of coordinates v."""
        return self._posterior.prior.latents(coordinates)

    def bound(self, inputs, *, copies: int = 1):
        """The corruption with its per-image arrays, repeated."""
        return self._corruption.with_data(**tiled_data(inputs["corruption"], copies))

    def parameters(self, coordinates) -> dict[str, tf.Tensor]:
        """Unknown parameters [B] at coordinates [B, K, D] by name, the noise scale among them.

        It is among them where it is given, too, but for the originals' objectives.
        """
        prior, objective = self._posterior.prior, self._posterior.objective
        found = prior.parameters(coordinates)
        if "noise_scale" not in found and not objective.family.startswith("brgm"):
            count = coordinates.shape[0]
            found["noise_scale"] = tf.fill([count], tf.cast(objective.noise_scale, self._dtype))
        return found

    def fit(self, state: State):
        """What can be drawn from after `state`; None if there is no such thing."""
        del state

    def parameters_stddev(self, state: State, measurement, *, data: dict | None = None):
        """Standard deviations [B] of the unknown parameters by name, where they are not drawn."""
        del state, measurement, data
        return {}


class Sampler(Estimator):
    """An estimator that draws from what it fitted, a `Fit` in the slots of its last states."""

    Fit: type

    def fit(self, state: State):
        """The `Fit` of a state; None where there is none yet."""
        return state.optimizer_state if isinstance(state.optimizer_state, self.Fit) else None

    @abc.abstractmethod
    def draw(self, fit, *, num_samples: int, seed: int) -> tf.Tensor:
        """Draws: coordinates [S, B, K, D]."""

    def diagnostics(self, fit) -> dict[str, np.ndarray]:
        """Diagnostics of a fit by name, each [B]."""
        del fit
        return {}
