"""Compares restorations of thick slices of volumes of known truth.

    python tools/evaluate_volumes.py OUTPUT VOLUME [VOLUME ...]

Each volume is the truth. The command measures thick slices of it, with noise, and restores them by

- linear: linear interpolation between the centres of the measured slices;
- cubic: a cubic spline through them (SciPy);
- alone: slices restored together, with independent latents (correlation_length=0);
- chain: slices restored together, with the Gauss-Markov chain of `--correlation_length`.

The last two are the merged volumes, in which the misfit of the measured slices is spread.

OUTPUT holds volumes.csv, a row for each volume and method; table.md, the means; and the folders of
the restorations. `evaluation.volume_metrics` defines the columns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.evaluation.slice_interpolation import interpolate_slices
from brgm_tf.evaluation.volume_metrics import volume_metrics
from brgm_tf.pipeline.config import Config
from brgm_tf.reporting.tables import csv_text

COLUMNS = ("rmse", "ssim_1", "ssim_2", "flicker")
METHODS = ("linear", "cubic", "alone", "chain")


def rows_of(path: str, options: Any, *, generator: Any) -> Iterator[dict[str, Any]]:
    """Yields the metrics of each method on a volume.

    Args:
        path: Path of the volume.
        options: Parsed arguments.
        generator: Handle of the generator, or the generator itself.
    """
    from brgm_tf.pipeline.volume_plan import plan_volume
    from brgm_tf.pipeline.volumes import load_volume, restore_plan

    for method, length in (("alone", 0.0), ("chain", options.correlation_length)):
        config = Config(
            f"thick_slices(factor={options.factor}) + noise(scale={options.noise})",
            generator=generator,
            volume=True,
            input_kind="clean",
            objective=options.objective,
            num_steps=options.num_steps,
            window=options.window,
            field_of_view=options.field_of_view,
            correlation_length=length,
        )
        plan = plan_volume(load_volume(path, config), config)
        if method == "alone":
            yield from _interpolations(plan, path, factor=options.factor)
        result = restore_plan(plan, config, notify=process.say).result
        result.save(Path(options.output) / method)
        metrics = {name: result.metrics[name] for name in COLUMNS}
        yield {"volume": path, "method": method, **metrics, "seconds": round(result.seconds, 1)}


def _interpolations(plan: Any, path: str, *, factor: int) -> Iterator[dict[str, Any]]:
    for method in ("linear", "cubic"):
        count = len(plan.truth)
        measured = plan.measurement[..., 0]
        slices = interpolate_slices(measured, factor=factor, count=count, method=method)
        metrics = volume_metrics(np.clip(slices, -1, 1), plan.truth)
        yield {"volume": path, "method": method, **{name: metrics[name] for name in COLUMNS}}


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    """Returns the means of each method as a table in Markdown."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "| --- |" + " --- |" * len(COLUMNS)]
    for method in METHODS:
        chosen = [row for row in rows if row["method"] == method]
        if chosen:
            means = [float(np.mean([row[name] for row in chosen])) for name in COLUMNS]
            lines.append(f"| {method} | " + " | ".join(f"{mean:.4g}" for mean in means) + " |")
    return "\n".join(lines) + "\n"


def write(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Writes volumes.csv and table.md."""
    columns = ["volume", "method", *COLUMNS, "seconds"]
    cells = ([row.get(name, "") for name in columns] for row in rows)
    folder.mkdir(parents=True, exist_ok=True)
    atomic_files.write(folder / "volumes.csv", csv_text(columns, cells))
    atomic_files.write(folder / "table.md", table_of(rows).encode())


def parsed(arguments: Sequence[str]) -> Any:
    """Returns the parsed arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = Config()
    add: Callable[..., Any] = parser.add_argument
    add("output", help="Folder of the results")
    add("volumes", nargs="+", help="Volumes without damage: files or folders, see --volume")
    add("--generator", default=defaults.generator, help="Handle of the generator")
    add("--factor", type=process.positive, default=4, help="Restored slices a measured slice")
    add("--noise", type=float, default=3.0, help="Standard deviation in grey levels")
    add("--objective", default="bayes", help="bayes or balanced")
    add("--num_steps", type=process.positive, default=100, help="Number of steps")
    add("--window", default=defaults.window, help="LOW:HIGH, or auto")
    add("--field_of_view", type=float, help="Side of the generator's square in millimetres")
    length = defaults.correlation_length
    add("--correlation_length", type=float, default=length, help="Millimetres of the chain")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns 0, or 2 for an unusable argument."""
    options, rows = parsed(arguments), []
    try:
        process.import_quietly("tensorflow")
        for path in options.volumes:
            rows += rows_of(path, options, generator=options.generator)
            write(rows, Path(options.output))
    except InputError as error:
        process.say(f"error: --{error.argument}: {error}")
        return process.UNUSABLE
    sys.stdout.write(table_of(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
