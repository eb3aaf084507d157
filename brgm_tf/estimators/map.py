"""The mode of the posterior: v* = argmax_v sum of the terms of log p(v | y).

Reference: BRGM (arXiv 2012.04567), equation 6.
"""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

from brgm_tf.estimators.adam import Adam, Schedule
from brgm_tf.estimators.batches import batch_inputs
from brgm_tf.estimators.lbfgs import LBFGS
from brgm_tf.estimators.optimisation import Optimiser, Progress, Rule
from brgm_tf.objectives import Objective
from brgm_tf.posterior import TERMS, Posterior


def optimisation_rule(objective: Objective, *, num_steps: int) -> Rule:
    """The rule by which an objective is climbed."""
    if objective.optimiser == "lbfgs":
        return LBFGS(num_steps)
    return Adam(Schedule(num_steps, objective.learning_rate, objective.rampup, objective.rampdown))


class MAP:
    """Maximum a posteriori estimate of the latents of a batch of images.

    Args:
        posterior: the `Posterior`.
        corruption: a `Corruption` without its per-image data.
        num_steps: steps of the objective's optimiser.
        jit: whether XLA compiles the step.
        chunk_size: steps between two calls back.
        dtype: of the coordinates.
    """

    def __init__(
        self,
        posterior: Posterior,
        *,
        corruption,
        num_steps: int,
        jit: bool = True,
        chunk_size: int = 10,
        dtype=tf.float32,
    ):
        self._posterior = posterior
        self._corruption = corruption
        self._dtype = dtype
        self.optimiser = Optimiser(
            self._terms,
            names=TERMS,
            rule=optimisation_rule(posterior.objective, num_steps=num_steps),
            jit=jit,
            chunk_size=chunk_size,
        )
        self._features = tf.function(posterior.features, jit_compile=jit)

    def run(self, measurement, *, data: dict | None = None) -> Iterator[Progress]:
        """Yields the progress of a batch after every chunk of steps.

        Args:
            measurement: y [B, ...].
            data: per-image arrays of the corruption.
        """
        inputs = batch_inputs(
            measurement,
            data,
            features=self._features,
            has_features=self._posterior.objective.perceptual_scale > 0,
            dtype=self._dtype,
        )
        start = self._posterior.prior.start(len(measurement))
        state = self.optimiser.start(tf.constant(start, self._dtype))
        yield from self.optimiser.run(state, inputs)

    def latents(self, coordinates) -> tf.Tensor:
        """ws [B, L, D] of coordinates."""
        return self._posterior.prior.latents(coordinates)

    def _terms(self, coordinates, inputs, step):
        del step
        return self._posterior.terms(
            coordinates,
            corruption=self._corruption.with_data(**inputs["corruption"]),
            measurement=inputs["measurement"],
            target=inputs["target"],
        )
