"""The images of a calibration: which are judged already, and which are left."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io import inputs
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.restorer import Restorer
from calibrating import summary, truths
from calibrating.judging import Judge
from calibrating.settings import Settings

_KEYS = ("truth", "estimator", "image")


def calibrate(settings: Settings, folder: Path) -> str:
    """Judges the images that are left, writes the results, and returns coverage.json.

    Args:
        settings: Settings of the command.
        folder: Folder of the results.

    Raises:
        InputError: The folder has results of other settings, or the images are too few.
    """
    settings.save(folder / "settings.json")
    study = Study(settings, table=folder / "images.csv")
    study.run()
    names = summary.by_name(study.rows)
    text = json.dumps({n: summary.summary(rows) for n, rows in names.items()}, indent=2) + "\n"
    atomic_files.write(folder / "coverage.json", text.encode("utf-8"))
    atomic_files.write(folder / "ranks.png", summary.ranks_png(study.rows))
    return text


class Study:
    """The judged images of a command.

    Args:
        settings: Settings of the command.
        table: Path of images.csv.
    """

    def __init__(self, settings: Settings, *, table: Path):
        self._settings, self._table = settings, table
        self._restorer = Restorer(settings.config)
        self._judge = Judge(
            self._restorer,
            missing=_missing(settings) if settings.mask is not None else None,
            noise_scale=settings.noise_scale,
            infer_noise=settings.infer_noise,
        )
        self._rows = {tuple(row[key] for key in _KEYS): row for row in _read(table)}

    @property
    def rows(self) -> list[dict[str, object]]:
        """The row of each image."""
        return list(self._rows.values())

    def run(self) -> None:
        """Judges the images that are left, batch by batch."""
        kind, size = self._settings.truth, self._settings.batch_size
        images = None
        if kind not in truths.SIMULATED:
            images = truths.real(kind, generator=self._settings.generator)
        count = self._settings.num_images
        count = count if images is None else min(count, len(images))
        if count < summary.BINS:
            raise InputError("truth", f"must be at least {summary.BINS} images", received=count)
        name = f"{kind} {self._settings.estimator}"
        for first in tqdm(range(0, count, size), desc=name, unit="batch"):
            indices = range(first, min(first + size, count))
            if all(self._key(index) in self._rows for index in indices):
                continue
            if images is None:
                truth = truths.simulated(kind, self._restorer, indices)
            else:
                truth = images[list(indices)]
            for index, figures in zip(indices, self._judge.judge(truth, indices), strict=True):
                key = self._key(index)
                self._rows[key] = dict(zip(_KEYS, key, strict=True)) | figures
            _write_csv(self._table, self.rows)

    def _key(self, index: int) -> tuple[str, str, str]:
        return (*self._settings.names, str(index))


def _missing(settings: Settings) -> np.ndarray:
    """Returns the mask, bool [1, M, M, 1], True = missing."""
    row = describe_generator(settings.generator)
    blank = np.zeros([row.resolution, row.resolution, row.channels], np.float32)
    plan = prepare(blank, config=settings.config, masks=settings.mask)
    return inputs.load(plan.specs[0], expected=plan.requirements).missing[None]


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_csv(path: Path, rows) -> None:
    file = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(file, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_files.write(path, file.getvalue().encode("utf-8"))
