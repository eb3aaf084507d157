"""Maximum a posteriori estimation: v* = argmax_v of the sum of the terms of log p(v | y).

With adaptation, the weights of the generator follow: v*, e* = argmax over both (`adaptation`).

Reference: BRGM (arXiv 2012.04567), equation 6.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from brgm_tf.estimators.adaptation import AdaptingEstimator, is_adapting
from brgm_tf.estimators.base import Program, Progress
from brgm_tf.estimators.optimizers.adam import Adam, Schedule
from brgm_tf.estimators.optimizers.lbfgs import HISTORY, LBFGS
from brgm_tf.estimators.optimizers.loop import Checkpoint, Chunk, Optimizer, Rule, State
from brgm_tf.posterior.conditions import repeat_conditions
from brgm_tf.posterior.objectives import Objective
from brgm_tf.posterior.posterior import TERMS, Posterior
from brgm_tf.posterior.surrogates.gauss_newton import GaussNewton

_RANK = 64  # of the Laplace approximation at the mode
# Its products take as long as 2 R steps or more, which is too long for large images.
_LARGE_RANK, _LARGE_RESOLUTION = 8, 512
_LARGEST_PAIRS, _LEAST_HISTORY = 2**25, 10


def rule_of(objective: Objective, *, num_steps: int, size: int) -> Rule:
    """Returns the update rule that maximizes an objective.

    Args:
        objective: Objective, which names the rule.
        num_steps: Number of steps.
        size: Number of coordinates of an image. The pairs of L-BFGS of a volume are fewer, so that
            they take at most 128 MB in single precision.
    """
    if objective.optimizer == "lbfgs":
        history = min(HISTORY, _LARGEST_PAIRS // (2 * size))
        return LBFGS(num_steps, history=max(_LEAST_HISTORY, history))
    return Adam(Schedule(num_steps, objective.learning_rate, objective.rampup, objective.rampdown))


@dataclasses.dataclass(frozen=True, kw_only=True)
class MAP(AdaptingEstimator):
    """Maximum a posteriori estimate of the latents, of unknown parameters and of the weights.

    The Laplace approximation at the mode gives the standard deviations of the parameters. A noise
    scale at the mode is too small, because the latents also fit noise; `VI` accounts for it.

    R restarts run as R B images in one program: the first from the mean latent, the others from
    samples of the prior with equal layers, the same for every image. Each image reports its best
    restart at every step.

    Args:
        num_steps: Number of steps of the objective's optimizer.
        adaptation_steps: Number of further steps, which adapt the generator's weights; 0 for
            fixed weights.
        num_restarts: R.
        num_uncompiled_steps: Number of first steps that run while XLA compiles the others.
        seed: Seed of the positions that the restarts begin at.
        chunk_size: Number of steps between two values of `fit`.
        jit: Whether XLA compiles the steps.
        dtype: Floating-point type of the positions.

    Example:
        >>> MAP(num_steps=100).num_restarts
        1
    """

    num_restarts: int = 1
    num_uncompiled_steps: int = 0

    def create_program(self, posterior: Posterior) -> MAPProgram:
        """Returns a new program for a posterior."""
        return MAPProgram(posterior, self)


class MAPProgram(Program):
    """`MAP` bound to a posterior.

    Args:
        posterior: `Posterior`.
        options: `MAP` with the options.
    """

    def __init__(self, posterior: Posterior, options: MAP):
        super().__init__(posterior, options)
        self._options = options
        is_large = posterior.generator.resolution >= _LARGE_RESOLUTION
        rank = _LARGE_RANK if is_large else _RANK
        self._gauss_newton = GaussNewton(
            posterior, rank=rank, seed=options.seed, jit=options.jit, dtype=self._dtype
        )
        self.optimizer = Optimizer(
            lambda position, conditions, step: posterior.terms(position, conditions),
            names=TERMS,
            rule=rule_of(
                posterior.objective,
                num_steps=options.num_steps,
                size=posterior.layout.event_size,
            ),
            jit=options.jit,
            num_uncompiled_steps=options.num_uncompiled_steps,
            chunk_size=options.chunk_size,
        )
        self._adaptation = options.adaptation_stage(
            posterior,
            lambda position, conditions, step: posterior.terms(position, conditions),
            names=TERMS,
        )

    def run(
        self,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after each chunk of steps and each uncompiled step.

        The history has the terms of the restart that is best at each step.
        """
        num_restarts = self._options.num_restarts
        conditions = self.condition(measurement, data)
        position = self._posterior.layout.initial_position(len(measurement))
        if not is_adapting(checkpoint):
            starts = tf.constant(self._starts(len(measurement)), self._dtype)
            state = self.optimizer.resume(starts, checkpoint)
            for chunk in self.optimizer.run(state, repeat_conditions(conditions, num_restarts)):
                state = chunk.state
                yield best_restart(chunk, num_restarts=num_restarts)
            position = best_positions(state, num_restarts=num_restarts)
        if self._adaptation is not None:
            first_step = self._options.num_steps
            yield from self._adaptation.run(position, conditions, checkpoint, first_step=first_step)

    def parameters_stddev(
        self,
        progress: Progress,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
    ) -> dict[str, tf.Tensor]:
        """Returns standard deviations [B] of the unknown parameters, by the Laplace approximation.

        The dictionary is empty for the objectives of the originals.
        """
        posterior = self._posterior
        if not posterior.parameter_priors or posterior.model_terms.is_original:
            return {}
        conditions = self.condition(measurement, data, deviations=progress.deviations)
        return self._gauss_newton.parameters_stddev(progress.position, conditions)

    def _starts(self, num_images: int) -> np.ndarray:
        """Returns the positions [R B, K, D] that the restarts begin at."""
        samples = self._posterior.sample_equal_layers(
            self._options.num_restarts - 1, seed=self._options.seed
        )
        starts = np.concatenate([self._posterior.layout.initial_position(1), samples])
        return np.repeat(starts, num_images, axis=0)


def best_restart(chunk: Chunk, *, num_restarts: int) -> Progress:
    """Returns the progress of B images: the restart of each with the largest log-density.

    Args:
        chunk: Chunk of R B images.
        num_restarts: R.
    """
    best = _best_columns(sum(chunk.history.values()), num_restarts)
    history = {n: np.take_along_axis(a, best, axis=1) for n, a in chunk.history.items()}
    state = chunk.state
    best = _best_columns(tf.reduce_sum(state.terms, axis=0).numpy(), num_restarts)
    return Progress(
        position=best_positions(state, num_restarts=num_restarts),
        terms=tf.gather(state.terms, best, axis=1),
        step=int(state.step),
        history=history,
        to_checkpoint=chunk.to_checkpoint,
    )


def best_positions(state: State, *, num_restarts: int) -> tf.Tensor:
    """Returns the position [B, K, D] of the best restart of each image.

    Args:
        state: State of R B images.
        num_restarts: R.
    """
    best = _best_columns(tf.reduce_sum(state.terms, axis=0).numpy(), num_restarts)
    return tf.gather(state.position, best)


def _best_columns(log_prob: Any, num_restarts: int) -> Any:
    """Returns the indices [..., B] of the best restarts in a log-density [..., R B]."""
    by_restart = np.reshape(log_prob, [*log_prob.shape[:-1], num_restarts, -1])
    num_images = by_restart.shape[-1]
    return by_restart.argmax(axis=-2) * num_images + np.arange(num_images)
