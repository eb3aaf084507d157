"""The stage of an estimator that adapts the generator's weights to each image.

Notation: B images; v [B, K, D] positions; e [B, E] deviations of the weights
(`generators.adaptation`).

    v*, e* = argmax of the sum of the terms of log p(v, e | y)

Adam climbs both from the mode over v with e = 0. The latents come first, because the weights would
else make up for latents of another image.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.base import Estimator, Progress
from brgm_tf.estimators.optimizers.adam import Adam, Schedule
from brgm_tf.estimators.optimizers.loop import Checkpoint, Optimizer, State, from_arrays, to_arrays
from brgm_tf.posterior.conditions import Conditions
from brgm_tf.posterior.position import AdaptedLayout
from brgm_tf.posterior.posterior import Posterior

_LEARNING_RATE = 0.004  # of the position, in its standard deviations a step
_STEP_RATIO = 5.0
_RAMPUP, _RAMPDOWN = 0.1, 0.4
_NAME = "adaptation"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaptingEstimator(Estimator):
    """An estimator that can adapt the generator's weights.

    Args:
        adaptation_steps: Number of steps that adapt the weights, after the latents have reached
            their mode; 0 for fixed weights. The posterior then needs an `adaptation_scale`.
    """

    adaptation_steps: int = 0

    @property
    def total_steps(self) -> int:
        return self.num_steps + self.adaptation_steps

    def adaptation_stage(
        self, posterior: Posterior, terms: Callable[..., Any], *, names: Sequence[str]
    ) -> AdaptationStage | None:
        """Returns the stage for a posterior, or None without adaptation.

        Args:
            posterior: `Posterior`.
            terms: Function (position, conditions, step) -> {name: [B]} of log-densities.
            names: Names of the terms.

        Raises:
            InputError: The posterior has fixed weights.
        """
        if not self.adaptation_steps:
            return None
        if posterior.adaptation is None:
            raise InputError(
                "adaptation_steps",
                "must be 0 for a posterior with fixed weights",
                remedy="Give Posterior(..., adaptation_scale=0.2)",
                adaptation_steps=self.adaptation_steps,
            )
        size = posterior.adaptation.size
        return AdaptationStage(posterior, self, size=size, terms=terms, names=names)


class Mode(NamedTuple):
    """The mode of a posterior.

    Attributes:
        position: Position [B, K, D].
        deviations: Deviations e [B, E] of the generator's weights; None for the trained weights.
    """

    position: Any
    deviations: Any = None


class AdaptationStage:
    """Maximizes the terms of a posterior over positions and weights.

    Args:
        posterior: `Posterior` with an `adaptation`.
        options: `AdaptingEstimator` with the options.
        size: E.
        terms: Function (position, conditions, step) -> {name: [B]} of log-densities.
        names: Names of the terms.
    """

    def __init__(
        self,
        posterior: Posterior,
        options: AdaptingEstimator,
        *,
        size: int,
        terms: Callable[..., Any],
        names: Sequence[str],
    ):
        self._terms, self._dtype = terms, options.dtype
        _, num_rows, width = posterior.layout.shape(1)
        self._layout = AdaptedLayout(num_rows, width, size, _STEP_RATIO)
        schedule = Schedule(options.adaptation_steps, _LEARNING_RATE, _RAMPUP, _RAMPDOWN)
        self.optimizer = Optimizer(
            self._terms_of_packed,
            names=names,
            rule=Adam(schedule),
            chunk_size=options.chunk_size,
            jit=options.jit,
        )

    def run(
        self,
        position: tf.Tensor,
        conditions: Conditions,
        checkpoint: Checkpoint | None,
        *,
        first_step: int,
    ) -> Generator[Progress, None, Mode]:
        """Yields the progress after each chunk of steps, and returns the mode.

        Args:
            position: Mode [B, K, D] with the trained weights; not used with a checkpoint.
            conditions: Measured batch.
            checkpoint: Checkpoint of this stage, or of an earlier stage, which is ignored.
            first_step: Number of steps before the stage.
        """
        position = tf.convert_to_tensor(position, self._dtype)
        zeros = tf.zeros([position.shape[0], self._layout.num_deviations], self._dtype)
        state = self.optimizer.start(self._layout.pack(position, zeros))
        if checkpoint is not None and _NAME in checkpoint:
            state = from_arrays(checkpoint[_NAME], like=state)
        for chunk in self.optimizer.run(state, conditions):
            state = chunk.state
            mode = self._mode(state)
            yield Progress(
                position=mode.position,
                terms=state.terms,
                step=first_step + int(state.step),
                history=chunk.history,
                to_checkpoint=functools.partial(_to_checkpoint, state),
                deviations=mode.deviations,
            )
        return self._mode(state)

    def _mode(self, state: State) -> Mode:
        packed = state.position
        return Mode(self._layout.position(packed), self._layout.deviations(packed))

    def _terms_of_packed(
        self, packed: tf.Tensor, conditions: Conditions, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        adapted = {**conditions, "deviations": self._layout.deviations(packed)}
        return self._terms(self._layout.position(packed), adapted, step)


def is_adapting(checkpoint: Checkpoint | None) -> bool:
    """Returns whether a checkpoint is of an `AdaptationStage`."""
    return checkpoint is not None and _NAME in checkpoint


def _to_checkpoint(state: State) -> Checkpoint:
    return {_NAME: to_arrays(state)}
