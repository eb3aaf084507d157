"""How long until a restoration is as good as what the original's schedule ends with.

The schedule of brgm-pytorch is its objective, climbed by 501 steps of Adam. Other objectives and
optimisers are judged by that objective, and by the distance to the truth, of the latents that
they have come to after every chunk of steps; the time that judging takes is not counted.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from benchmarking import plans
from benchmarking.plans import Plan
from benchmarking.timing import elapsed
from brgm_tf.core.compilation import compiled
from brgm_tf.estimators.map import MAP
from brgm_tf.evaluation import metrics
from brgm_tf.io import inputs
from brgm_tf.pipeline.api import prepare
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.restorer import Restorer

BASELINE = plans.parse("brgm_torch:adam,num_steps=501")
MEASURES = ("objective", "lpips", "rmse")


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """Where a schedule was after every chunk.

    Args:
        name: of its `Plan`.
        compile_seconds: before its first step.
        steps, seconds: [n], after which; without compiling.
        measures: by name of `MEASURES`, mean over images, [n].
    """

    name: str
    compile_seconds: float
    steps: np.ndarray
    seconds: np.ndarray
    measures: dict[str, np.ndarray]


class Schedules:
    """Schedules on the same images.

    Args:
        images: clean ones: file, folder, glob or example.
        generator, corruption: as of `Config`.
        chunk_size: steps between two judgements.
    """

    def __init__(self, images: str, *, generator: str, corruption: str, chunk_size: int = 10):
        self._chunk_size = chunk_size
        self._settings = {
            "generator": generator,
            "corruption": corruption,
            "input_kind": "clean",
        }
        self._judge = self._restorer(BASELINE, num_steps=BASELINE.num_steps)
        specs, expected = prepare(images, config=self._judge.config)
        loaded = [inputs.load(spec, expected=expected) for spec in specs]
        self._truth = np.stack([item.image for item in loaded])
        seeds = np.zeros([len(loaded), 2], np.int32)
        self._measurement = self._judge.simulate(self._truth, {}, seeds, {})
        self._target = self._judge.estimator.condition(self._measurement)
        self._objective = compiled(self._objective_of, jit=True)

    def run(self, plan: Plan, *, num_steps: int, progress=lambda line: None) -> Trajectory:
        """Runs a schedule to its end.

        Args:
            plan: the schedule.
            num_steps: of one that does not say it.
            progress: called with a line after every chunk.
        """
        num_steps = plan.num_steps or num_steps
        restorer = self._restorer(plan, num_steps=num_steps)
        estimator = MAP(num_steps=num_steps, chunk_size=self._chunk_size).bind(restorer.posterior)
        first = elapsed(lambda: next(iter(estimator.run(self._measurement))))
        compile_seconds = first - elapsed(lambda: next(iter(estimator.run(self._measurement))))
        chunks, found, ends = estimator.run(self._measurement), [], []
        while not ends or ends[-1][0] < num_steps:
            checkpoint = []
            seconds = elapsed(lambda checkpoint=checkpoint: checkpoint.append(next(chunks)))
            chunk = checkpoint[0]
            ends.append((chunk.step, seconds))
            found.append(self._judged(estimator.latents(chunk.position)))
            progress(f"{plan.name}: step {ends[-1][0]} of {num_steps}, {found[-1]}")
        steps, seconds = np.array(ends).T
        measures = {key: np.array([item[key] for item in found]) for key in MEASURES}
        return Trajectory(
            plan.name, compile_seconds, steps.astype(int), np.cumsum(seconds), measures
        )

    def _restorer(self, plan: Plan, *, num_steps: int) -> Restorer:
        config = Config(
            **self._settings,
            objective=plan.objective,
            num_steps=num_steps,
            overrides=plan.overrides,
        )
        return Restorer(config)

    def _judged(self, ws) -> dict[str, float]:
        x = self._judge.render(ws, self._measurement, {}, {})[0].numpy()
        scores = metrics.restoration_metrics(
            x, self._truth, merged=None, missing=None, distance=self._judge._distance
        )
        return {
            "objective": float(self._objective(ws).numpy().mean()),
            **{name: float(np.mean(scores[name])) for name in ("lpips", "rmse")},
        }

    def _objective_of(self, ws):
        posterior = self._judge.posterior
        position = ws - tf.constant(posterior.prior.mean, ws.dtype)
        terms = posterior.terms(position, self._target)
        return -tf.add_n(list(terms.values()))


def comparison(baseline: Trajectory, other: Trajectory) -> dict[str, dict[str, float | None]]:
    """Of each measure: what the baseline ends with, when the other is as good, the ratio of times.

    The baseline's time is that of all of its steps; None where the other never gets there.
    """
    found = {}
    for name in MEASURES:
        goal = float(baseline.measures[name][-1])
        reached = np.flatnonzero(other.measures[name] <= goal)
        first = int(reached[0]) if len(reached) else None
        found[name] = {
            "goal": goal,
            "steps": None if first is None else int(other.steps[first]),
            "seconds": None if first is None else float(other.seconds[first]),
            "ratio": None if first is None else float(baseline.seconds[-1] / other.seconds[first]),
            "at_the_end": float(other.measures[name][-1]),
        }
    return found
