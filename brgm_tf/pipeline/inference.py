"""Step 2, infer: an estimator runs on the measurements of a batch."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from brgm_tf.pipeline.batch_result import BatchCheckpoint
from brgm_tf.pipeline.measurement import Measurement

# Called with the estimator's `Progress` after every chunk of steps; True stops.
Callback = Callable[[Any], object]


@dataclasses.dataclass(frozen=True)
class Step:
    """Progress of a batch, for the user.

    Attributes:
        names: names of the images.
        step: number of finished steps.
        num_steps: number of all steps.
        terms: terms of the loss by name, mean over the images.
        note: a line of text for the user; '' without one.
    """

    names: tuple[str, ...]
    step: int
    num_steps: int
    terms: Mapping[str, float]
    note: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Estimate:
    """The end of an estimator's run on a batch.

    Attributes:
        state: last state of the estimator.
        latents: tensor [B, L, D].
        parameters: tensors [B] of the unknown parameters by name.
        history: terms of the loss by name, 'total' among them, float64 [steps, B].
        complete: whether every step was done, or the estimator had converged before.
        stopped: whether a callback stopped the run.
        checkpoint: arrays to resume from if the run was stopped; None if it has to start again.
    """

    state: Any
    latents: Any
    parameters: Mapping[str, Any]
    history: Mapping[str, np.ndarray]
    complete: bool
    stopped: bool
    checkpoint: BatchCheckpoint | None


def infer(
    estimator,
    measurement: Measurement,
    *,
    num_steps: int,
    callbacks: Sequence[Callback] = (),
    checkpoint: BatchCheckpoint | None = None,
    resumable: bool = True,
) -> Estimate:
    """Runs the estimator on a batch.

    Args:
        estimator: the `Estimator`.
        measurement: the batch.
        num_steps: number of steps of a complete run.
        callbacks: all are called with the `Progress` of every chunk; True stops the run.
        checkpoint: of the same batch in an earlier run that was stopped.
        resumable: whether a stopped run returns a checkpoint.

    Raises:
        NotFiniteError: a term of an image is not finite.
    """
    histories = [] if checkpoint is None else [dict(checkpoint.history)]
    state = None if checkpoint is None else checkpoint.state
    stopped = False
    for chunk in estimator.run(measurement.values, data=measurement.data, checkpoint=state):
        histories.append(_losses(chunk))
        stopped = any([callback(chunk) for callback in callbacks])
        if stopped:
            break
    history = {name: np.concatenate([h[name] for h in histories]) for name in histories[0]}
    arrays = chunk.to_checkpoint() if stopped and resumable else {}
    to_resume = BatchCheckpoint(measurement.names, arrays, history) if arrays else None
    history = {name: values.astype("float64") for name, values in history.items()}
    history["total"] = functools.reduce(np.add, history.values())
    return Estimate(
        state=chunk.state,
        latents=estimator.latents(chunk.state.v),
        parameters=estimator.parameters(chunk.state.v),
        history=history,
        complete=chunk.converged or len(history["total"]) >= num_steps,
        stopped=stopped,
        checkpoint=to_resume,
    )


def step_reporter(
    report: Callable[[Step], object], *, names: Sequence[str], num_steps: int
) -> Callback:
    """Returns a callback that reports a `Step` to the user.

    Args:
        report: called with the `Step`; True stops the run.
        names: names of the images.
        num_steps: number of all steps.
    """

    def callback(chunk) -> bool:
        terms = {name: float(values[-1].mean()) for name, values in _losses(chunk).items()}
        done = num_steps if chunk.converged else int(chunk.state.step)
        return bool(report(Step(tuple(names), done, num_steps, terms, chunk.note)))

    return callback


def _losses(chunk) -> dict[str, np.ndarray]:
    """Returns the terms [steps, B] of a chunk as losses."""
    return {name: -values for name, values in chunk.history.items()}
