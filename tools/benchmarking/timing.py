"""Seconds of programs that take turns, so that whatever slows the machine slows all of them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Seconds:
    """Median and quartiles of what was measured, in seconds.

    Args:
        median, low, high: the three quartiles, low <= median <= high.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, measured) -> Seconds:
        """Of several measurements."""
        low, median, high = np.quantile(np.asarray(measured, "float64"), (0.25, 0.5, 0.75))
        return cls(float(median), float(low), float(high))


def elapsed(program: Callable[[], object]) -> float:
    """Seconds that a program takes, which has ended when it returns."""
    start = time.perf_counter()
    program()
    return time.perf_counter() - start


def in_turn(
    programs: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    progress: Callable[[str], object] = lambda name: None,
) -> dict[str, np.ndarray]:
    """What every program returns in each of `rounds` rounds, by name: [rounds].

    In every second round their order is reversed, so that none always follows the same one.

    Args:
        programs: each returns the seconds it took, or another number.
        rounds: of all programs.
        progress: called with the name of each program before it runs.
    """
    measured: dict[str, list[float]] = {name: [] for name in programs}
    for i in range(rounds):
        names = list(programs)
        for name in names[::-1] if i % 2 else names:
            progress(name)
            measured[name].append(programs[name]())
    return {name: np.array(values) for name, values in measured.items()}
