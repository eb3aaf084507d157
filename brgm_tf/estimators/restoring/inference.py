"""Infer: an estimator runs on the measurements of a batch."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from brgm_tf.estimators.restoring.measurement import Measurement

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
        progress: last `Progress` of the estimator.
        latents: tensor [B, L, D].
        deviations: tensor [B, E] of the generator's weights; None for the trained weights.
        parameters: tensors [B] of the unknown parameters by name.
        history: terms of the loss by name, 'total' among them, float64 [steps, B].
        complete: whether every step was done, or the estimator had converged before.
        stopped: whether a callback stopped the run.
        checkpoint: arrays of the estimator's state by name, if the run was stopped and can resume.
        losses: terms of the loss by name [steps, B], to resume with.
    """

    progress: Any
    latents: Any
    deviations: Any
    parameters: Mapping[str, Any]
    history: Mapping[str, np.ndarray]
    complete: bool
    stopped: bool
    checkpoint: Mapping[str, Any]
    losses: Mapping[str, np.ndarray]


def infer(
    program,
    measurement: Measurement,
    *,
    num_steps: int,
    callbacks: Sequence[Callback] = (),
    checkpoint: Mapping[str, Any] | None = None,
    history: Mapping[str, np.ndarray] | None = None,
) -> Estimate:
    """Runs the estimator on a batch.

    Args:
        program: the estimator's program for the posterior.
        measurement: the batch.
        num_steps: number of steps of a complete run.
        callbacks: all are called with the `Progress` of every chunk; True stops the run.
        checkpoint: arrays of `Estimate.checkpoint` of an earlier run on the same batch.
        history: `Estimate.losses` of that run.

    Raises:
        NotFiniteError: a term of an image is not finite.
    """
    histories = [] if history is None else [dict(history)]
    stopped = False
    for chunk in program.run(measurement.values, data=measurement.data, checkpoint=checkpoint):
        histories.append(_losses(chunk))
        stopped = any([callback(chunk) for callback in callbacks])
        if stopped:
            break
    losses = {name: np.concatenate([h[name] for h in histories]) for name in histories[0]}
    totals = {name: values.astype("float64") for name, values in losses.items()}
    totals["total"] = functools.reduce(np.add, totals.values())
    return Estimate(
        progress=chunk,
        latents=program.latents(chunk.position),
        deviations=chunk.deviations,
        parameters=program.parameters(chunk.position),
        history=totals,
        complete=chunk.converged or len(totals["total"]) >= num_steps,
        stopped=stopped,
        checkpoint=chunk.to_checkpoint() if stopped else {},
        losses=losses,
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
        done = num_steps if chunk.converged else int(chunk.step)
        return bool(report(Step(tuple(names), done, num_steps, terms, chunk.note)))

    return callback


def _losses(chunk) -> dict[str, np.ndarray]:
    """Returns the terms [steps, B] of a chunk as losses."""
    # Not -values, which would make -0.0 of a term that is left out.
    return {name: 0.0 - values for name, values in chunk.history.items()}
