"""Restores images of known truth in several ways and writes tables: python tools/evaluate.py.

    python tools/evaluate.py IMAGES OUTPUT --tasks 'downsample(factor=8)' 'mask()' --masks MASKS

Every image is corrupted as each task says, and restored by the estimators and by the
baselines. In OUTPUT: images.csv (a row an image, task and method), table.csv and
table.md (mean and standard error), figure.png (the first images of each task) and pictures/.
The same command goes on where it was stopped; what is there is not computed again.
"""

from __future__ import annotations

import argparse
import csv
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.evaluation import baselines, metrics
from brgm_tf.io import images, inputs, output_folder
from brgm_tf.pipeline.api import prepare
from brgm_tf.pipeline.batches import restore_all
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.restorer import Restorer, noise_seeds
from brgm_tf.posterior.objectives import OBJECTIVES

_KEYS = ("task", "method", "image")
# Columns of the tables, by whether the task leaves known pixels.
_FULL = ("lpips", "rmse", "psnr", "ssim")
_HOLE = ("merged_lpips", "hole_rmse", "lpips", "rmse", "psnr", "ssim")
_DIGITS = {"lpips": 3, "merged_lpips": 3, "ssim": 3}
_SHOWN = 4


def main(arguments: list[str]) -> int:
    """Runs the command; 0, or 2 if something cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        evaluation = Evaluation(options)
        process.import_quietly("tensorflow")
        evaluation.run()
    except InputError as error:
        sys.stderr.write(f"error: --{error.argument}: {error}\n")
        return 2
    for name in ("table.md", "figure.png"):
        sys.stdout.write(f"{evaluation.folder / name}\n")
    return 0


class Evaluation:
    """All tasks, methods and images of a command, and what is known of them so far.

    Args:
        options: of the command.

    Raises:
        InputError: an option cannot be used; nothing heavy has been done then.
    """

    def __init__(self, options):
        self._options = options
        self.folder = output_folder.check_writable(options.output, argument="output")
        self._methods = {task: self._methods_of(task) for task in options.tasks}
        self._table = self.folder / "images.csv"
        self._rows = {tuple(row[key] for key in _KEYS): row for row in _read(self._table)}

    def run(self) -> None:
        """Computes what is missing, then writes the tables and the figure."""
        for task in self._options.tasks:
            specs, expected = prepare(
                self._options.images, config=self._config(task), masks=self._masks(task)
            )
            for method in self._methods[task]:
                self._evaluate(task, method, specs, expected)
        self._write_tables()
        atomic_files.write(self.folder / "figure.png", self._figure())

    def _methods_of(self, task: str) -> list[str]:
        kind = parsing.parse(task).kind
        known = baselines.baselines_of(kind, slow=True)
        wanted = self._options.baselines
        wanted = baselines.baselines_of(kind) if wanted is None else wanted
        chosen = [baseline for baseline in wanted if baseline in known]
        for baseline in chosen:
            baselines.check_installed(baseline)
        return [*self._options.estimators, *chosen]

    def _config(self, task: str, estimator: str = "map") -> Config:
        options = self._options
        return Config(
            corruption=task,
            generator=options.generator,
            input_kind="clean",
            objective=options.objective,
            overrides=dict(options.override),
            estimator=estimator,
            num_steps=options.num_steps,
            batch_size=options.batch_size,
            seed=options.seed,
        )

    def _masks(self, task: str):
        return self._options.masks if parsing.parse(task).data_names else None

    def _evaluate(self, task, method, specs, expected) -> None:
        size = self._options.batch_size
        batches = [specs[first : first + size] for first in range(0, len(specs), size)]
        left = [batch for batch in batches if not self._has(task, method, batch)]
        if not left:
            return
        restore = self._restorer(task, method, expected)
        for batch in tqdm(left, desc=f"{task} {method}", unit="batch"):
            for name, pictures, figures in restore(batch):
                self._to_checkpoint(task, method, name, pictures, figures)
            self._write_rows()

    def _has(self, task, method, batch) -> bool:
        return all((task, method, spec.name) in self._rows for spec in batch)

    def _restorer(self, task, method, expected):
        """A function from jobs to (name, pictures by name, figures by name)."""
        config = self._config(task)
        if method in baselines.BASELINES:
            return functools.partial(_by_baseline, method, config=config, expected=expected)
        restorer = Restorer(self._config(task, method))
        return functools.partial(_by_estimator, restorer, expected=expected)

    def _to_checkpoint(self, task, method, name, pictures, figures) -> None:
        self._rows[task, method, name] = {"task": task, "method": method, "image": name, **figures}
        for part, picture in pictures.items():
            home = self.folder / "pictures" / _slug(task) / (method if part == "restored" else part)
            home.mkdir(parents=True, exist_ok=True)
            images.save_image(home / f"{name}.png", picture)

    def _write_rows(self) -> None:
        names = sorted({name for row in self._rows.values() for name in row} - set(_KEYS))
        _write_csv(self._table, [*_KEYS, *names], self._rows.values())

    # Tables.

    def _write_tables(self) -> None:
        rows = [
            {"task": task, "method": method, **self._summary(task, method)}
            for task in self._options.tasks
            for method in self._methods[task]
        ]
        names = sorted({name for row in rows for name in row} - {"task", "method"})
        _write_csv(self.folder / "table.csv", ["task", "method", *names], rows)
        text = "\n".join(self._markdown(task) for task in self._options.tasks)
        atomic_files.write(self.folder / "table.md", text.encode("utf-8"))

    def _summary(self, task, method) -> dict[str, float]:
        """Mean and standard error of each figure, and the number of images."""
        rows = [row for key, row in self._rows.items() if key[:2] == (task, method)]
        found = {"images": len(rows)}
        for name in rows[0].keys() - set(_KEYS):
            values = np.array([float(row[name]) for row in rows])
            found[name] = values.mean()
            found[f"{name}_error"] = values.std(ddof=1) / len(values) ** 0.5 if rows[1:] else np.nan
        return found

    def _markdown(self, task: str) -> str:
        first = self._summary(task, self._methods[task][0])
        columns = _HOLE if "hole_rmse" in first else _FULL
        lines = [
            f"`{task}`, {first['images']} images, mean (standard error)",
            "",
            "| method | " + " | ".join(columns) + " |",
            "| --- |" + " --- |" * len(columns),
        ]
        for method in self._methods[task]:
            cells = (_cell(name, self._summary(task, method)) for name in columns)
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def _figure(self) -> bytes:
        """Truth, measurement and every method's picture, the first images of each task."""
        return figure_png(list(self._pictures()))

    def _pictures(self) -> Iterator[tuple[list[str], list[Path]]]:
        """Titles and files of each row of the figure."""
        for task in self._options.tasks:
            parts = ["truth", "measurement", *self._methods[task]]
            home = self.folder / "pictures" / _slug(task)
            names = sorted(path.name for path in (home / "truth").glob("*.png"))[:_SHOWN]
            for name in names:
                yield [task, *parts[1:]], [home / part / name for part in parts]


def _by_estimator(restorer, specs, *, expected):
    for batch in restore_all([restorer], specs, expected=expected):
        for name, message in batch.failures:
            sys.stderr.write(f"failed: {name}: {message}\n")
        for result in batch.images:
            shown = result.reconstruction if result.merged is None else result.merged
            pictures = {
                "restored": shown,
                "measurement": result.measurement,
                "truth": result.truth,
            }
            yield result.name, pictures, {"seconds": result.seconds, **result.metrics}


def _by_baseline(method, specs, *, config, expected):
    shape = (expected.resolution, expected.resolution, expected.channels)
    corruption = config.stages.create().of_images(shape)
    restore = baselines.BASELINES[method].load()
    distance = _distance()
    for spec in specs:
        item = inputs.load(spec, expected=expected)
        data = {} if item.missing is None else {"missing": item.missing[None]}
        bound = corruption.with_data(**data)
        truth = item.image[None]
        seeds = noise_seeds([spec.name], seed=config.seed)
        measurement = bound.sample(truth, seeds).numpy()[0]
        missing = _missing(bound, measurement)
        restored = restore(
            measurement,
            corruption=bound,
            missing=missing,
            resolution=expected.resolution,
            seed=config.seed,
        )
        merged = bound.composite(measurement[None], restored[None])
        figures = metrics.restoration_metrics(
            restored[None],
            truth,
            distance=distance,
            merged=None if merged is None else merged.numpy(),
            missing=missing[None] if merged is not None else None,
        )
        shown = restored if merged is None else merged.numpy()[0]
        picture = np.asarray(bound.as_image(measurement[None]))[0]
        pictures = {"restored": shown, "measurement": picture, "truth": item.image}
        yield spec.name, pictures, {name: float(values[0]) for name, values in figures.items()}


def _missing(corruption, measurement) -> np.ndarray:
    """bool [h, w, 1], the places of a measurement [h, w, C] that say nothing."""
    observed = np.broadcast_to(
        corruption.observation_mask(measurement[None]), (1, *measurement.shape)
    )
    return ~(observed[0] > 0).all(axis=-1, keepdims=True)


@functools.cache
def _distance():
    from brgm_tf.core.compilation import compiled
    from brgm_tf.perceptual.loading import load_perceptual

    return compiled(load_perceptual(progress=lambda line: sys.stderr.write(line + "\n")))


def figure_png(rows: list[tuple[list[str], list[Path]]]) -> bytes:
    """A figure with a picture for each file, those of a row side by side.

    Args:
        rows: titles and files of each row.
    """
    import io

    from matplotlib.figure import Figure
    from PIL import Image

    columns = max(len(paths) for _, paths in rows)
    figure = Figure(figsize=(1.6 * columns, 1.75 * len(rows)), dpi=150, layout="tight")
    for i, (titles, paths) in enumerate(rows):
        for j, (title, path) in enumerate(zip(titles, paths, strict=True)):
            axes = figure.add_subplot(len(rows), columns, i * columns + j + 1)
            axes.set_axis_off()
            axes.set_title(title, fontsize=7)
            with Image.open(path) as image:
                axes.imshow(np.asarray(image), cmap="gray", vmin=0, vmax=255)
    file = io.BytesIO()
    figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


def _cell(name: str, summary) -> str:
    digits = _DIGITS.get(name, 2)
    return f"{summary[name]:.{digits}f} ({summary[name + '_error']:.{digits}f})"


def _slug(task: str) -> str:
    """The task as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", task).strip("_")


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        # A figure that a task does not have is an empty cell.
        return [{k: v for k, v in row.items() if v != ""} for row in csv.DictReader(file)]


def _write_csv(path: Path, names, rows) -> None:
    import io

    file = io.StringIO()
    writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_files.write(path, file.getvalue().encode("utf-8"))


def _override(text: str) -> tuple[str, float | str]:
    name, _, value = text.partition("=")
    return name, value if name == "optimizer" else float(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = Config()
    parser.add_argument("images", help="clean images: file, folder or glob")
    parser.add_argument("output", help="folder of the results")
    parser.add_argument("--tasks", nargs="+", required=True, help="corruptions")
    parser.add_argument("--masks", help="for the tasks with 'mask()': a file, or a folder")
    parser.add_argument("--generator", default=defaults.generator, help="handle of the prior")
    parser.add_argument("--estimators", nargs="*", default=["map"], choices=list(ESTIMATORS))
    parser.add_argument(
        "--baselines",
        nargs="*",
        choices=list(baselines.BASELINES),
        help="those that fit a task are run for it; default: all but the slow ones. "
        + baselines.descriptions(),
    )
    parser.add_argument(
        "--objective", choices=list(OBJECTIVES), help="default: of each estimator its own"
    )
    parser.add_argument(
        "--override", nargs="*", type=_override, default=[], help="scales, such as noise_scale=5"
    )
    parser.add_argument("--num_steps", type=int, default=defaults.num_steps)
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
