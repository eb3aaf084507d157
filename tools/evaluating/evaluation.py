"""Runs the tasks and methods of a command on its images, and resumes a stopped command."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm import tqdm

from brgm_tf.core import atomic_files
from brgm_tf.corruptions import parsing
from brgm_tf.evaluation import baselines
from brgm_tf.io import images, output_folder
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.restorer import Restorer
from evaluating import methods, tables
from evaluating.figure import figure_png
from evaluating.settings import Setting
from evaluating.trade_off import trade_off_png

_MAX_ROWS = 4  # of the figure, for each task


class Evaluation:
    """The tasks, methods and results of a command.

    Args:
        options: Parsed arguments of tools/evaluate.py.

    Raises:
        InputError: An option cannot be used; TensorFlow is not imported yet.
    """

    def __init__(self, options):
        self._options = options
        self.folder = output_folder.check_writable(options.output, argument="output")
        self._settings = {text: Setting.parse(text) for text in options.estimators}
        self._methods = {task: self._methods_of(task) for task in options.tasks}
        self._table = self.folder / "images.csv"
        rows = tables.read_csv(self._table)
        self._rows = {tuple(row[key] for key in tables.KEYS): row for row in rows}

    def run(self) -> None:
        """Computes the missing results, then writes the tables and the figure."""
        for task in self._options.tasks:
            masks = self._options.masks if parsing.parse(task).data_names else None
            plan = prepare(self._options.images, config=self._config(task), masks=masks)
            for method in self._methods[task]:
                self._evaluate(task, method, plan.specs, plan.requirements)
        self._write_tables()
        atomic_files.write(self.folder / "figure.png", figure_png(list(self._pictures())))

    def _methods_of(self, task: str) -> list[str]:
        stages = parsing.parse(task)
        kind = stages.kind
        known = baselines.baselines_of(kind, on_request=True)
        wanted = self._options.baselines
        wanted = baselines.baselines_of(kind) if wanted is None else wanted
        chosen = [baseline for baseline in wanted if baseline in known]
        for baseline in chosen:
            baselines.prepare(baseline, factor=stages.factor)
        for setting in self._settings.values():
            self._config(task, setting)  # refuses an unusable option before any work
        return [*self._options.estimators, *chosen]

    def _config(self, task: str, setting: Setting | None = None) -> Config:
        options = self._options
        setting = setting or Setting.parse("map")
        fields = {
            "objective": options.objective,
            "num_steps": options.num_steps,
            "batch_size": options.batch_size,
            "seed": options.seed,
        }
        return Config(
            corruption=task,
            generator=options.generator,
            input_kind="clean",
            overrides=dict(options.override) | setting.overrides,
            estimator=setting.estimator,
            **(fields | setting.fields),
        )

    def _evaluate(self, task, method, specs, expected) -> None:
        size = self._options.batch_size
        batches = [specs[first : first + size] for first in range(0, len(specs), size)]
        left = [
            batch
            for batch in batches
            if not all((task, method, spec.name) in self._rows for spec in batch)
        ]
        if not left:
            return
        restore = self._restoration(task, method, expected)
        for batch in tqdm(left, desc=f"{task} {method}", unit="batch"):
            for result in restore(batch):
                self._save(task, *result)
            tables.write_csv(self._table, tables.KEYS, self._rows.values())

    def _restoration(self, task, method, expected) -> Callable[[list], Iterator[methods.Result]]:
        """Returns the function that restores a batch."""
        if method in baselines.BASELINES:
            config = self._config(task)
            return functools.partial(methods.by_baseline, method, config=config, expected=expected)
        setting = self._settings[method]
        restorer = Restorer(self._config(task, setting))
        return functools.partial(methods.by_estimator, setting, restorer, expected=expected)

    def _save(self, task, method, name, pictures, figures) -> None:
        self._rows[task, method, name] = {"task": task, "method": method, "image": name, **figures}
        for part, picture in pictures.items():
            part = method if part == "restored" else part
            folder = self._pictures_of(task) / _file_name(part)
            folder.mkdir(parents=True, exist_ok=True)
            images.save_image(folder / f"{name}.png", picture)

    def _write_tables(self) -> None:
        summaries = {
            task: {method: tables.summary(self._rows_of(task, method)) for method in methods}
            for task, methods in self._all_methods().items()
        }
        rows = [
            {"task": task, "method": method, **figures}
            for task, by_method in summaries.items()
            for method, figures in by_method.items()
        ]
        tables.write_csv(self.folder / "table.csv", ("task", "method"), rows)
        text = "\n".join(tables.markdown(*item) for item in summaries.items())
        atomic_files.write(self.folder / "table.md", text.encode("utf-8"))
        atomic_files.write(self.folder / "trade_off.png", trade_off_png(summaries))

    def _all_methods(self) -> dict[str, list[str]]:
        """Returns the names of the methods that have results, by task."""
        return {
            task: [
                name
                for method in methods
                for name in (
                    self._settings[method].methods if method in self._settings else [method]
                )
            ]
            for task, methods in self._methods.items()
        }

    def _rows_of(self, task, method) -> list[dict[str, object]]:
        return [row for key, row in self._rows.items() if key[:2] == (task, method)]

    def _pictures(self) -> Iterator[tuple[list[str], list[Path]]]:
        """Returns the titles and files of each row: truth, measurement, restorations."""
        for task, task_methods in self._all_methods().items():
            parts = ["truth", "measurement", *task_methods]
            folder = self._pictures_of(task)
            names = sorted(path.name for path in (folder / "truth").glob("*.png"))
            for name in names[:_MAX_ROWS]:
                paths = [folder / _file_name(part) / name for part in parts]
                yield [task, *parts[1:]], paths

    def _pictures_of(self, task: str) -> Path:
        return self.folder / "pictures" / _file_name(task)


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_")
