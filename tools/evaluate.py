"""Compares restoration methods on images of known truth: python tools/evaluate.py.

    python tools/evaluate.py IMAGES OUTPUT --tasks 'downsample(factor=8)' 'mask()' --masks MASKS

Each task corrupts every image. The estimators and the baselines then restore it. OUTPUT holds
images.csv (a row for each image, task and method), table.csv and table.md (means and standard
errors), figure.png (the first images of each task), trade_off.png (LPIPS against RMSE) and
pictures/. The same command resumes a stopped one without computing its results again.

An estimator can have options, which replace the command's:

    --estimators map 'map(objective=brgm_torch, num_steps=501)' 'map(layer_scale=0.3)' vi
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from evaluating.evaluation import Evaluation

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.evaluation import baselines
from brgm_tf.pipeline.config import Config
from brgm_tf.posterior.objectives import OBJECTIVES


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or 2 for an unusable argument."""
    options = _parser().parse_args(arguments)
    try:
        evaluation = Evaluation(options)
        process.import_quietly("tensorflow")
        evaluation.run()
    except InputError as error:
        process.say(f"error: --{error.argument}: {error}")
        return process.UNUSABLE
    for name in ("table.md", "figure.png", "trade_off.png"):
        sys.stdout.write(f"{evaluation.folder / name}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = Config()
    add, positive = parser.add_argument, process.positive
    add("images", help="Clean images: file, folder or glob")
    add("output", help="Folder of the results")
    add("--tasks", nargs="+", required=True, help="Corruptions")
    add("--masks", help="File or folder of masks, for tasks with 'mask()'")
    add("--generator", default=defaults.generator, help="Handle of the generator")
    add(
        "--estimators",
        nargs="*",
        default=["map"],
        help=f"Estimators ({', '.join(ESTIMATORS)}), each with options in brackets or without",
    )
    add(
        "--baselines",
        nargs="*",
        choices=list(baselines.BASELINES),
        help="Baselines, each run for the tasks that it fits (default: all but the slow ones and "
        "those that download weights). " + baselines.descriptions(),
    )
    add("--objective", choices=list(OBJECTIVES), help="Objective (default: by estimator)")
    add("--override", nargs="*", type=_override, default=[], help="Scales, as noise_scale=5")
    add("--num_steps", type=positive, default=defaults.num_steps, help="Number of steps")
    add("--batch_size", type=positive, default=8, help="Number of images in one program")
    add("--seed", type=int, default=0, help="Seed of all random numbers")
    return parser


def _override(text: str) -> tuple[str, float | str]:
    name, _, value = text.partition("=")
    return name, value if name == "optimizer" else float(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
