"""Time until a restoration is as good as the result of the original's schedule.

The schedule of brgm-pytorch takes 501 steps of Adam on its objective. After every chunk of steps,
other objectives and optimizers are scored at their current latents, by the objective of
brgm-pytorch and by the distance to the truth. The time of the scoring does not count.
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
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.restorer import Restorer

BASELINE = plans.parse("brgm_torch:adam,num_steps=501")
MEASURES = ("objective", "lpips", "rmse")


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """Scores of a schedule after every chunk of steps.

    Args:
        name: Name of the `Plan`.
        compile_seconds: Time of the compilation.
        steps: Number of steps, [n].
        seconds: Time of these steps without compilation, [n].
        measures: Means over images of each of `MEASURES`, [n].
    """

    name: str
    compile_seconds: float
    steps: np.ndarray
    seconds: np.ndarray
    measures: dict[str, np.ndarray]


class Schedules:
    """Schedules on the same images.

    Args:
        images: Clean images: file, folder, glob or example.
        generator: Handle of the generator.
        corruption: Corruption of the images.
        chunk_size: Number of steps between two scores; default 10.
    """

    def __init__(self, images: str, *, generator: str, corruption: str, chunk_size: int = 10):
        self._chunk_size = chunk_size
        self._settings = {
            "generator": generator,
            "corruption": corruption,
            "input_kind": "clean",
        }
        self._judge = self._restorer(BASELINE, num_steps=BASELINE.num_steps)
        plan = prepare(images, config=self._judge.config)
        loaded = [inputs.load(spec, expected=plan.requirements) for spec in plan.specs]
        self._truth = np.stack([item.image for item in loaded])
        seeds = np.zeros([len(loaded), 2], np.int32)
        self._measurement = self._judge.acquisition.simulate(self._truth, {}, seeds, {})
        self._target = self._judge.program.condition(self._measurement)
        self._objective = compiled(self._objective_of, jit=True)

    def run(self, plan: Plan, *, num_steps: int, progress=lambda line: None) -> Trajectory:
        """Runs a schedule to the end.

        Args:
            plan: The schedule.
            num_steps: Number of steps, if the schedule has no number.
            progress: Function that receives a line after every chunk.
        """
        num_steps = plan.num_steps or num_steps
        restorer = self._restorer(plan, num_steps=num_steps)
        estimator = MAP(num_steps=num_steps, chunk_size=self._chunk_size).bind(restorer.posterior)
        first = elapsed(lambda: next(iter(estimator.run(self._measurement))))
        compile_seconds = first - elapsed(lambda: next(iter(estimator.run(self._measurement))))
        chunks, scores, ends = estimator.run(self._measurement), [], []
        while not ends or ends[-1][0] < num_steps:
            results = []
            seconds = elapsed(lambda results=results: results.append(next(chunks)))
            chunk = results[0]
            ends.append((chunk.step, seconds))
            scores.append(self._scores(estimator.latents(chunk.position)))
            progress(f"{plan.name}: step {ends[-1][0]} of {num_steps}, {scores[-1]}")
        steps, seconds = np.array(ends).T
        measures = {key: np.array([item[key] for item in scores]) for key in MEASURES}
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

    def _scores(self, ws) -> dict[str, float]:
        x = self._judge.render(ws, {}, {})[0].numpy()
        scores = metrics.restoration_metrics(
            x, self._truth, merged=None, missing=None, distance=self._judge.distance
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
    """Compares, for each measure, the time of the other schedule to reach the baseline's end.

    Args:
        baseline: Trajectory whose last values are the goals.
        other: Trajectory to compare.

    Returns:
        By measure: the goal, the steps and seconds to reach it, the ratio to the baseline's
        whole time, and the last value. Unreached goals have None.
    """
    compared = {}
    for name in MEASURES:
        goal = float(baseline.measures[name][-1])
        reached = np.flatnonzero(other.measures[name] <= goal)
        first = int(reached[0]) if len(reached) else None
        compared[name] = {
            "goal": goal,
            "steps": None if first is None else int(other.steps[first]),
            "seconds": None if first is None else float(other.seconds[first]),
            "ratio": None if first is None else float(baseline.seconds[-1] / other.seconds[first]),
            "at_the_end": float(other.measures[name][-1]),
        }
    return compared
