"""Measures the speed of a step and compares it with the machine's peak: tools/benchmark.py.

    python tools/benchmark.py OUTPUT --generators xray-64 xray-128 --batch_sizes 1 4
    python tools/benchmark.py OUTPUT --generators net.pkl --objective=brgm_torch \
        --peer 'python tools/peer_brgm_pytorch.py --source=brgm-pytorch --network=net.pkl'
    python tools/benchmark.py OUTPUT --schedules balanced:lbfgs brgm_torch:lbfgs \
        --images example:xray

The command compiles every program first. Then all programs take turns, including the peer and a
large matrix product. The medians give ratios within one run on one machine. OUTPUT holds
benchmark.json and benchmark.png. The run also compares the objective of each image, at the same
latents, between all cases and the peer: to 0.1 % in float32 and to 5 % in bfloat16.

    parts                seconds of synthesis, corruption, perceptual, backward, optimizer
    share_of_peak        useful operations per second, divided by the rate of a matrix product
                         in float32
    --schedules          time until the objective, LPIPS and RMSE reach the values of the
                         original's 501 steps; a schedule is OBJECTIVE:OPTIMISER, optionally
                         followed by ',num_steps=80' and by values of the objective, such as
                         ',rampdown=0.5'
    --peer               another program; benchmarking/peers.py describes its output
    --record             Markdown table of the speed of each release, such as
                         docs/speed_history.md; the run appends its rows
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchmarking import history, plans

import brgm_tf
from brgm_tf.cli import process
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import output_folder
from brgm_tf.pipeline.config import Config
from brgm_tf.posterior.objectives import OBJECTIVES, OPTIMIZERS
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, 1 if objectives differ, or 2 for an unusable argument."""
    options = _parser().parse_args(arguments)
    try:
        folder = output_folder.check_writable(options.output, argument="output")
        if options.record:
            history.check(options.record)
        for generator in options.generators:  # checks the flags before TensorFlow is imported
            Config(generator=generator, corruption=options.corruption, objective=options.objective)
        process.import_quietly("tensorflow")
        from benchmarking.report import report_of, summary

        report = report_of(options, folder)
    except InputError as error:
        process.say(f"error: --{error.argument}: {error}")
        return process.UNUSABLE
    text = json.dumps(report, indent=2) + "\n"
    atomic_files.write(folder / "benchmark.json", text.encode("utf-8"))
    from benchmarking.figure import png_of

    atomic_files.write(folder / "benchmark.png", png_of(report))
    if options.record and report["same_objective"]:
        today = datetime.date.today()
        history.append(options.record, report, version=brgm_tf.__version__, date=today)
    sys.stdout.write(summary(report) + f"{folder / 'benchmark.png'}\n")
    return 0 if report["same_objective"] else 1


def _schedule(text: str) -> plans.Plan:
    try:
        return plans.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, positive = parser.add_argument, process.positive
    precisions = ("float32", "bfloat16")
    add("output", help="Folder of the results")
    add("--generators", nargs="+", default=[DEFAULT_GENERATOR], help="Handles of generators")
    add("--batch_sizes", nargs="+", type=positive, default=[1, 4], help="Images in one program")
    add("--precisions", nargs="+", choices=precisions, default=["float32"], help="Precisions")
    add("--corruption", default="downsample(factor=8)", help="Corruption, without data")
    add("--objective", choices=list(OBJECTIVES), default="balanced", help="Objective")
    add("--optimizer", choices=OPTIMIZERS, help="Optimizer (default: by objective)")
    add("--num_steps", type=positive, default=5, help="Number of steps in one compiled call")
    add("--rounds", type=positive, default=5, help="Number of measurements of each program")
    add("--no_jit", action="store_true", help="Compile without XLA")
    add("--peer", help="Command of another program that takes the same steps")
    add("--schedules", nargs="*", type=_schedule, default=[], help="Schedules to compare")
    steps = Config().num_steps
    add("--schedule_steps", type=positive, default=steps, help="Default steps of a schedule")
    add("--record", type=Path, help="Markdown table to which the rows of this run are appended")
    add("--images", default="example:xray", help="Clean images of the schedules")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
