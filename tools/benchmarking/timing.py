"""Times of programs that take turns, so that a slow phase of the machine slows all of them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Seconds:
    """Median and quartiles of a measurement, in seconds.

    Args:
        median: Median.
        low: First quartile.
        high: Third quartile.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, measured) -> Seconds:
        """Returns the quartiles of several measurements."""
        low, median, high = np.quantile(np.asarray(measured, "float64"), (0.25, 0.5, 0.75))
        return cls(float(median), float(low), float(high))


def elapsed(program: Callable[[], object]) -> float:
    """Returns the seconds of one synchronous call."""
    start = time.perf_counter()
    program()
    return time.perf_counter() - start


def in_turn(
    programs: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    progress: Callable[[str], object] = lambda name: None,
) -> dict[str, np.ndarray]:
    """Runs all programs in rounds, and returns their numbers by name, [rounds].

    Every second round reverses the order, so that each program has several predecessors.

    Args:
        programs: Functions that return seconds, or another number.
        rounds: Number of rounds.
        progress: Function that receives the name of each program before it runs.
    """
    measured: dict[str, list[float]] = {name: [] for name in programs}
    for i in range(rounds):
        names = list(programs)
        for name in names[::-1] if i % 2 else names:
            progress(name)
            measured[name].append(programs[name]())
    return {name: np.array(values) for name, values in measured.items()}
