"""Report of a benchmark: all measurements as plain values, and a summary in lines."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarking import machine, peers, timing
from benchmarking.schedules import BASELINE, Schedules, Trajectory, comparison
from benchmarking.steps import Case, Step
from brgm_tf.cli import process

# Largest difference between objectives of the same latents, relative to their size.
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}


def report_of(options: Any, folder: Path) -> dict[str, Any]:
    """Returns all measurements as plain values.

    Args:
        options: Parsed arguments of tools/benchmark.py.
        folder: Folder of the files that a peer reads.
    """
    starts = timing.in_turn(machine.start_programs(), rounds=options.rounds, progress=process.say)
    report = {
        "machine": machine.describe(),
        "corruption": options.corruption,
        "objective": options.objective,
        "rounds": options.rounds,
        "start_seconds": {n: dataclasses.asdict(timing.Seconds.of(s)) for n, s in starts.items()},
    }
    report |= _steps(options, folder)
    if options.schedules:
        report["schedules"] = _schedules(options)
    return report


def summary(report: Mapping[str, Any]) -> str:
    """Returns the results of a report, one in each line."""
    lines = [f"{n}: {rate:.0f} GFLOP/s" for n, rate in report["matrix_gflops"].items()]
    for row in report["steps"]:
        parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in row["parts"].items())
        lines.append(
            f"{row['generator']}, batch {row['batch_size']}, {row['precision']}: "
            f"{row['seconds_per_image_step']:.3f} s per image and step ({parts} s per step), "
            f"{row['gflop']:.0f} GFLOP, {row['share_of_peak']:.0%} of the peak, "
            f"{row['peak_memory_gb']:.1f} GB, compiled in {row['compile_seconds']:.0f} s"
        )
        if "peer" in row:
            lines.append(
                f"    {row['peer']['ratio']:.2f} times as many steps per second as the peer"
            )
    for row in report.get("schedules", []):
        for name, item in row.get("compared", {}).items():
            result = f"{item['ratio']:.1f} times faster" if item["ratio"] else "not reached"
            lines.append(f"{row['name']}: {name} {item['goal']:.4g} {result}")
    if not report["same_objective"]:
        lines.append("NOT the same objective at the same latents: see relative_difference")
    return "\n".join(lines) + "\n"


def _steps(options, folder: Path) -> dict[str, Any]:
    steps = [_step(Case(*values), options) for values in _cases(options)]
    programs = machine.matrix_programs()
    for step in steps:
        programs |= step.programs()
    answers: dict[Case, peers.Answer] = {}
    for index, step in enumerate(steps if options.peer else []):
        problem = folder / f"problem-{index}.npz"
        _write_problem(problem, step, options)
        programs[_peer_name(step)] = _peer_program(options.peer, problem, answers, step.case)
    measured = timing.in_turn(programs, rounds=options.rounds, progress=process.say)
    matrix = {n: float(np.median(measured[n])) for n in machine.matrix_programs()}
    peak = max(matrix.values())
    rows = [step.report(measured) for step in steps]
    for step, row in zip(steps, rows, strict=True):
        row["share_of_peak"] = row["gflops"] / peak
        row["relative_difference"] = _difference(row, rows)
        if step.case in answers:
            row["peer"] = _compared_with_peer(measured, step, row, answers[step.case])
    return {
        "matrix_gflops": matrix,
        "steps": rows,
        "same_objective": all(_is_same(row) for row in rows),
    }


def _cases(options):
    return itertools.product(options.generators, options.batch_sizes, options.precisions)


def _step(case: Case, options) -> Step:
    process.say(f"compiling {case}")
    return Step(
        case,
        corruption=options.corruption,
        objective=options.objective,
        overrides={"optimizer": options.optimizer},
        num_steps=options.num_steps,
        jit=not options.no_jit,
    )


def _write_problem(path: Path, step: Step, options) -> None:
    settings = dataclasses.asdict(step.case) | dataclasses.asdict(step.scales)
    settings |= {"corruption": options.corruption}
    peers.write_problem(path, ws=step.ws, measurement=step.measurement, settings=settings)


def _peer_name(step: Step) -> str:
    return f"{step.case}: peer"


def _peer_program(peer: str, problem: Path, answers: dict, case: Case) -> Callable[[], float]:
    def ask() -> float:
        answers[case] = peers.ask(peer, problem=problem)
        return answers[case].seconds_per_step

    return ask


def _compared_with_peer(measured, step: Step, row, answer: peers.Answer) -> dict[str, object]:
    """Returns the seconds of the peer, and the ratios of the same rounds."""
    ours, theirs = measured[f"{step.case}: step"], measured[_peer_name(step)]
    objective = sum(row["objective"])
    return {
        "seconds_per_step": dataclasses.asdict(timing.Seconds.of(theirs)),
        "ratio": float(np.median(theirs) / np.median(ours)),
        "ratio_by_round": (theirs / ours).tolist(),
        "relative_difference": abs(answer.objective - objective) / abs(objective),
    }


def _difference(row, rows) -> float:
    """Returns the largest difference of an image's objective from the generator's first case."""
    first = next(other for other in rows if other["generator"] == row["generator"])
    count = min(len(row["objective"]), len(first["objective"]))
    values, expected = (np.array(r["objective"][:count]) for r in (row, first))
    return float(np.max(np.abs(values - expected) / np.abs(expected)))


def _is_same(row) -> bool:
    differences = [row["relative_difference"], row.get("peer", {}).get("relative_difference", 0.0)]
    return max(differences) <= TOLERANCE[row["precision"]]


def _schedules(options) -> list[dict[str, object]]:
    schedules = Schedules(
        options.images, generator=options.generators[0], corruption=options.corruption
    )
    run = {"num_steps": options.schedule_steps, "progress": process.say}
    baseline = schedules.run(BASELINE, **run)
    rows = [_plain(baseline)]
    for plan in options.schedules:
        other = schedules.run(plan, **run)
        rows.append(_plain(other) | {"compared": comparison(baseline, other)})
    return rows


def _plain(trajectory: Trajectory) -> dict[str, object]:
    values = dataclasses.asdict(trajectory)
    arrays = {name: array.tolist() for name, array in values.pop("measures").items()}
    return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in values.items()} | arrays
