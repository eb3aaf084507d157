"""Answers of raters: CSV files -> numbers of preferences."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from brgm_tf.core.errors import InputError
from preference.study import Key


@dataclasses.dataclass(frozen=True)
class Counts:
    """Preferences in a task.

    Args:
        task: Name of the task.
        methods: Names of the methods.
        wins: Number of answers that prefer row to column, [methods, methods].
        raters: Number of raters.
    """

    task: str
    methods: tuple[str, ...]
    wins: np.ndarray
    raters: int


def count(paths: Sequence[Path], *, keys: Sequence[Key]) -> list[Counts]:
    """Returns the preferences of each task, in the order of the keys.

    Args:
        paths: Files that the page saved.
        keys: Keys of the studies. Studies with the same task are added.

    Raises:
        InputError: a file has no answers, the answers of a study without a key, or the same answer
            twice.
    """
    by_study = {key.study: key for key in keys}
    tasks = {key.task: sorted(set(key.methods.values())) for key in keys}
    for key in keys:
        tasks[key.task] = sorted({*tasks[key.task], *key.methods.values()})
    wins = {task: np.zeros([len(names), len(names)]) for task, names in tasks.items()}
    raters: dict[str, set[str]] = {task: set() for task in tasks}
    seen: dict[tuple[str, ...], Path] = {}
    for path in paths:
        for row in _rows(path, by_study):
            answer = (row["study"], row["rater"], row["seed"], row["image"])
            answer += tuple(sorted([row["left"], row["right"]]))
            if answer in seen:
                raise InputError("answers", "must not repeat an answer", received=str(path))
            seen[answer] = path
            key = by_study[row["study"]]
            winner, loser = _ordered(row, key)
            names = tasks[key.task]
            wins[key.task][names.index(winner), names.index(loser)] += 1
            raters[key.task].add(row["rater"])
    return [Counts(t, tuple(names), wins[t], len(raters[t])) for t, names in tasks.items()]


def _rows(path: Path, keys: Mapping[str, Key]) -> Iterator[dict[str, str]]:
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, ValueError, csv.Error):
        raise InputError("answers", "must be readable CSV files", received=str(path)) from None
    if not rows:
        raise InputError("answers", "must contain answers", received=str(path))
    for row in rows:
        key = keys.get(row.get("study") or "")
        if key is None:
            raise InputError("answers", "must belong to a study of --keys", received=str(path))
        codes = {row.get("left"), row.get("right")}
        if row.get("choice") not in ("left", "right") or len(codes & set(key.methods)) != 2:
            raise InputError("answers", "must be written by the page", received=str(path))
        yield row


def _ordered(row: Mapping[str, str], key: Key) -> tuple[str, str]:
    """Returns the preferred method and the other one."""
    left, right = key.methods[row["left"]], key.methods[row["right"]]
    return (left, right) if row["choice"] == "left" else (right, left)
