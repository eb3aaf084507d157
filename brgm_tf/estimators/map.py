"""The mode of the posterior: v* = argmax_v sum of the terms of log p(v | y).

Reference: BRGM (arXiv 2012.04567), equation 6.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from brgm_tf.estimators.base import Estimator
from brgm_tf.estimators.optimizers.adam import Adam, Schedule
from brgm_tf.estimators.optimizers.lbfgs import LBFGS
from brgm_tf.estimators.optimizers.loop import Checkpoint, Optimizer, Progress, Rule, State
from brgm_tf.posterior.objectives import Objective
from brgm_tf.posterior.posterior import TERMS, Posterior
from brgm_tf.posterior.surrogates.gauss_newton import GaussNewton
from brgm_tf.posterior.tiling import measured, tiled_data

_RANK = 64  # directions of the Gaussian that fits at the mode


def optimizer_of(objective: Objective, *, num_steps: int) -> Rule:
    """The rule by which an objective is climbed."""
    if objective.optimizer == "lbfgs":
        return LBFGS(num_steps)
    return Adam(Schedule(num_steps, objective.learning_rate, objective.rampup, objective.rampdown))


class MAP(Estimator):
    """Maximum a posteriori estimate of the latents of a batch of images.

    Unknown parameters are climbed with the latents; how well they are known then says the Gaussian
    that fits there. (A noise scale that is inferred so is that of the residual, which a picture
    of many latents makes too small: `vi` takes that into account.)

    With R restarts, R B images are climbed in one program: from the mean latent, and from
    R - 1 draws of the prior with equal layers, the same for every image. Each image's best one
    is what counts at every step.

    Args:
        posterior, corruption, jit, dtype: as of `Estimator`.
        num_steps: steps of the objective's optimiser.
        num_restarts: R.
        seed: of the places where the restarts begin.
        num_uncompiled_steps: steps that are done while XLA still compiles, as of `Optimizer`.
        chunk_size: steps between two calls back.
    """

    def __init__(
        self,
        posterior: Posterior,
        *,
        corruption,
        num_steps: int,
        num_restarts: int = 1,
        num_uncompiled_steps: int = 0,
        seed: int = 0,
        jit: bool = True,
        chunk_size: int = 10,
        dtype=tf.float32,
    ):
        super().__init__(posterior, corruption=corruption, jit=jit, dtype=dtype)
        self._num_restarts, self._seed = num_restarts, seed
        self._gauss_newton = GaussNewton(
            posterior, corruption=corruption, rank=_RANK, seed=seed, jit=jit, dtype=dtype
        )
        self.optimizer = Optimizer(
            self._terms,
            names=TERMS,
            rule=optimizer_of(posterior.objective, num_steps=num_steps),
            jit=jit,
            num_uncompiled_steps=num_uncompiled_steps,
            chunk_size=chunk_size,
        )

    def run(
        self, measurement, *, data: dict | None = None, checkpoint: Checkpoint | None = None
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after every chunk of steps and early step.

        Its history has the terms of the restart that is best at the time; the state has no slots.

        Args:
            measurement, data, kept: as of `Estimator.run`.
        """
        inputs = self.inputs(measurement, data=data)
        inputs = measured(inputs, copies=self._num_restarts) | {
            "corruption": tiled_data(inputs["corruption"], self._num_restarts)
        }
        starts = tf.constant(self._starts(len(measurement)), self._dtype)
        state = self.optimizer.resume(starts, checkpoint)
        for progress in self.optimizer.run(state, inputs):
            yield best_restart(progress, num_restarts=self._num_restarts)

    def parameters_stddev(self, state: State, measurement, *, data: dict | None = None):
        """Standard deviations [B] by name, of the Gaussian that fits there.

        There are none of the originals' objectives.
        """
        objective, prior = self._posterior.objective, self._posterior.prior
        if not prior.parameter_priors or objective.family.startswith("brgm"):
            return {}
        inputs = self.inputs(measurement, data=data)
        return self._gauss_newton.parameters_stddev(state.v, inputs)

    def _starts(self, num_images: int) -> np.ndarray:
        """Coordinates [R B, K, D]."""
        prior = self._posterior.prior
        drawn = prior.sample_equal_layers(self._num_restarts - 1, seed=self._seed)
        starts = np.concatenate([prior.start(1), drawn])
        return np.repeat(starts, num_images, axis=0)

    def _terms(self, coordinates, inputs, step):
        del step
        return self._posterior.terms(
            coordinates,
            corruption=self.bound(inputs),
            measurement=inputs["measurement"],
            target=inputs["target"],
        )


def best_restart(progress: Progress, *, num_restarts: int) -> Progress:
    """Of R B images' progress that of B: of each image the restart with the largest log_prob."""

    def columns(log_prob):
        """Where the best of an image is among [..., R B]: [..., B]."""
        by_restart = np.reshape(log_prob, [*log_prob.shape[:-1], num_restarts, -1])
        num_images = by_restart.shape[-1]
        return by_restart.argmax(axis=-2) * num_images + np.arange(num_images)

    best = columns(sum(progress.history.values()))
    history = {n: np.take_along_axis(a, best, axis=1) for n, a in progress.history.items()}
    state = progress.state
    best = columns(tf.reduce_sum(state.terms, axis=0).numpy())
    v, terms = tf.gather(state.v, best), tf.gather(state.terms, best, axis=1)
    return progress._replace(state=State(v, terms, (), state.step), history=history)
