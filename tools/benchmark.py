"""How fast is it, and how near to what the machine can do: python tools/benchmark.py OUTPUT.

    python tools/benchmark.py OUTPUT --generators xray-64 xray-128 --batch_sizes 1 4
    python tools/benchmark.py OUTPUT --generators net.pkl --objective=brgm_torch \
        --peer 'python tools/peer_brgm_pytorch.py --source=brgm-pytorch --network=net.pkl'
    python tools/benchmark.py OUTPUT --schedules balanced:lbfgs brgm_torch:lbfgs \
        --images example:xray

Every program is compiled first; then all take turns, the peer and a large matrix product among
them, and medians are compared: ratios of one run on one machine. In OUTPUT: benchmark.json and
benchmark.png. In the same run the objective at the same latents must be the same in every case,
image by image, and the peer's, too: to 0.1 % in float32, to 5 % in bfloat16.

    parts                seconds of synthesis, corruption, perceptual, backward, optimiser
    share_of_peak        useful operations a second, over those of a matrix product in float32
    --schedules          when the objective, LPIPS and RMSE are where the original's 501 steps end;
                         a schedule is OBJECTIVE:OPTIMISER, and may go on with ',num_steps=80' and
                         values of the objective, such as ',rampdown=0.5'
    --peer               another program; see benchmarking/peers.py for what it must write
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarking import peers, plans, timing

from brgm_tf.cli import process
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import output_folder
from brgm_tf.pipeline.config import Config
from brgm_tf.posterior.objectives import OBJECTIVES, OPTIMIZERS
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR

PRECISIONS = ("float32", "bfloat16")
# How far objectives of the same latents may be apart, relative to their size.
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}


def main(arguments: list[str]) -> int:
    """Runs the command; 0, 1 if objectives differ, or 2 if something cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        folder = output_folder.check_writable(options.output, argument="output")
        for generator in options.generators:  # what is wrong is said before TensorFlow is there
            Config(generator=generator, corruption=options.corruption, objective=options.objective)
        process.import_quietly("tensorflow")
        report = _report(options, folder)
    except InputError as error:
        sys.stderr.write(f"error: --{error.argument}: {error}\n")
        return 2
    atomic_files.write(
        folder / "benchmark.json", (json.dumps(report, indent=2) + "\n").encode("utf-8")
    )
    from benchmarking.picture import png_of

    atomic_files.write(folder / "benchmark.png", png_of(report))
    sys.stdout.write(_summary(report) + f"{folder / 'benchmark.png'}\n")
    return 0 if report["same_objective"] else 1


def _report(options, folder: Path) -> dict[str, object]:
    """Everything that is measured, as plain values."""
    from benchmarking import machine

    starts = timing.in_turn(machine.start_programs(), rounds=options.rounds, progress=_say)
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


def _steps(options, folder: Path) -> dict[str, object]:
    from benchmarking import machine
    from benchmarking.steps import Case, Step

    sets = (options.generators, options.batch_sizes, options.precisions)
    cases = [Case(*values) for values in itertools.product(*sets)]
    steps = []
    for case in cases:
        _say(f"compiling {case}")
        steps.append(
            Step(
                case,
                corruption=options.corruption,
                objective=options.objective,
                overrides={"optimizer": options.optimizer},
                num_steps=options.num_steps,
                jit=not options.no_jit,
            )
        )
    programs = machine.matrix_programs()
    for step in steps:
        programs |= step.programs()
    peer_of, answers = {}, {}
    for step in steps if options.peer else []:
        problem = folder / f"problem-{len(peer_of)}.npz"
        peers.write_problem(
            problem,
            ws=step.ws,
            measurement=step.measurement,
            settings=dataclasses.asdict(step.case)
            | dataclasses.asdict(step.scales)
            | {"corruption": options.corruption},
        )
        peer_of[step.case] = f"{step.case}: peer"
        programs[peer_of[step.case]] = _asking(options.peer, problem, answers, step.case)
    measured = timing.in_turn(programs, rounds=options.rounds, progress=_say)
    matrix = {n: float(np.median(measured[n])) for n in machine.matrix_programs()}
    peak = max(matrix.values())
    rows = [step.report(measured) for step in steps]
    for step, row in zip(steps, rows, strict=True):
        row["share_of_peak"] = row["gflops"] / peak
        row["relative_difference"] = _difference(row, rows)
        if step.case in peer_of:
            row["peer"] = _against(measured, step, row, peer_of[step.case], answers[step.case])
    return {
        "matrix_gflops": matrix,
        "steps": rows,
        "same_objective": all(_is_same(row) for row in rows),
    }


def _asking(peer: str, problem: Path, answers: dict, case):
    def ask() -> float:
        answers[case] = peers.ask(peer, problem=problem)
        return answers[case].seconds_per_step

    return ask


def _against(measured, step, row, name: str, answer: peers.Answer) -> dict[str, object]:
    """How the peer did in the same rounds."""
    own = measured[f"{step.case}: step"]
    objective = sum(row["objective"])
    return {
        "seconds_per_step": dataclasses.asdict(timing.Seconds.of(measured[name])),
        "ratio": float(np.median(measured[name]) / np.median(own)),
        "ratio_by_round": (measured[name] / own).tolist(),
        "relative_difference": abs(answer.objective - objective) / abs(objective),
    }


def _difference(row, rows) -> float:
    """Of the objective of each image from that of the first case of the generator; the largest."""
    first = next(other for other in rows if other["generator"] == row["generator"])
    count = min(len(row["objective"]), len(first["objective"]))
    own, known = (np.array(r["objective"][:count]) for r in (row, first))
    return float(np.max(np.abs(own - known) / np.abs(known)))


def _is_same(row) -> bool:
    differences = [row["relative_difference"], row.get("peer", {}).get("relative_difference", 0.0)]
    return max(differences) <= TOLERANCE[row["precision"]]


def _schedules(options) -> list[dict[str, object]]:
    from benchmarking.schedules import BASELINE, Schedules, comparison

    schedules = Schedules(
        options.images, generator=options.generators[0], corruption=options.corruption
    )
    baseline = schedules.run(BASELINE, num_steps=options.schedule_steps, progress=_say)
    found = [_plain(baseline)]
    for plan in options.schedules:
        other = schedules.run(plan, num_steps=options.schedule_steps, progress=_say)
        found.append(_plain(other) | {"compared": comparison(baseline, other)})
    return found


def _plain(trajectory) -> dict[str, object]:
    values = dataclasses.asdict(trajectory)
    arrays = {name: array.tolist() for name, array in values.pop("measures").items()}
    return {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in values.items()} | arrays


def _summary(report) -> str:
    """What was found, a line each."""
    lines = [f"{n}: {rate:.0f} GFLOP/s" for n, rate in report["matrix_gflops"].items()]
    for row in report["steps"]:
        parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in row["parts"].items())
        lines.append(
            f"{row['generator']}, batch {row['batch_size']}, {row['precision']}: "
            f"{row['seconds_per_image_step']:.3f} s an image-step ({parts} s a step), "
            f"{row['gflop']:.0f} GFLOP, {row['share_of_peak']:.0%} of the peak, "
            f"{row['peak_memory_gb']:.1f} GB, compiled in {row['compile_seconds']:.0f} s"
        )
        if "peer" in row:
            lines.append(f"    {row['peer']['ratio']:.2f} times the peer's steps a second")
    for row in report.get("schedules", []):
        for name, item in row.get("compared", {}).items():
            done = f"{item['ratio']:.1f} times sooner" if item["ratio"] else "not reached"
            lines.append(f"{row['name']}: {name} {item['goal']:.4g} {done}")
    if not report["same_objective"]:
        lines.append("NOT the same objective from the same latents: see relative_difference")
    return "\n".join(lines) + "\n"


def _say(line: str) -> None:
    process.say(line)


def _schedule(text: str) -> plans.Plan:
    try:
        return plans.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", help="folder of the results")
    parser.add_argument("--generators", nargs="+", default=[DEFAULT_GENERATOR], help="handles")
    parser.add_argument("--batch_sizes", nargs="+", type=process.positive, default=[1, 4])
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=["float32"])
    parser.add_argument("--corruption", default="downsample(factor=8)")
    parser.add_argument("--objective", choices=list(OBJECTIVES), default="balanced")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help="default: the objective's")
    parser.add_argument(
        "--num_steps", type=process.positive, default=5, help="in one compiled call"
    )
    parser.add_argument("--rounds", type=process.positive, default=5)
    parser.add_argument("--no_jit", action="store_true", help="without XLA")
    parser.add_argument("--peer", help="a command that takes the same steps")
    parser.add_argument("--schedules", nargs="*", type=_schedule, default=[])
    parser.add_argument("--schedule_steps", type=process.positive, default=Config().num_steps)
    parser.add_argument("--images", default="example:xray", help="of the schedules; clean ones")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
