"""The loop: steps, rows of the table, snapshots, and going on where a run was stopped."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.training import backend, data, report
from brgm_tf.training import state as states
from brgm_tf.training.config import STRUCTURE, Config
from brgm_tf.training.export import export, start_from
from brgm_tf.training.frechet import Distance
from brgm_tf.training.step import Step, build

_GRID = 8


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long a training runs and how often it tells; only `jit` touches the weights.

    Args:
        total_kimg: thousands of images to train on.
        tick_kimg: thousands of images from one row of the table to the next.
        snapshot_minutes: time from one snapshot to the next; they are taken at rows.
        frechet_kimg: thousands of images from one Fréchet distance to the next; 0 for none.
        jit: whether XLA compiles the step, which rounds in another way; None where it is faster.
    """

    total_kimg: float
    tick_kimg: float = 4.0
    snapshot_minutes: float = 5.0
    frechet_kimg: float = 50.0
    jit: bool | None = None


class Trainer:
    """A training in a folder.

    Args:
        config: what is trained, and how.
        plan: how long.
        images: uint8 [N, H, W, C].
        folder: where everything goes; the newest whole snapshot there is gone on from. 'best' in
            it is the averaged generator of the smallest Fréchet distance so far, a preset.
        distance: `frechet.Distance` from held-out images; None for none.
        start: folder of `export.export`, whose networks a new training starts from.
        notify: called with a line for each thing worth telling.

    Raises:
        InputError: the folder holds a training of other networks.
    """

    def __init__(
        self,
        config: Config,
        plan: Plan,
        *,
        images: np.ndarray,
        folder: Path,
        distance: Distance | None = None,
        start: Path | str | None = None,
        notify: Callable[[str], object] = lambda line: None,
    ):
        self.config, self.plan, self.images, self.folder = config, plan, images, Path(folder)
        self._distance, self._notify = distance, notify
        self._stop = False
        self._networks = build(config)
        self._seconds = 0.0
        self._data = data.fingerprint(images)
        restored = self._restored()
        if restored is None:
            restored = self._first(start)
        self.step = int(restored["step"])
        self._rows = report.read_rows(self.table, up_to_step=self.step)
        self.state = states.to_tensors(restored)
        jit = backend.prefers_jit() if plan.jit is None else plan.jit
        self._advance = Step(self._networks, config, jit=jit)
        self._images_of = backend.compiled(self._synthesise, jit=False)

    @property
    def table(self) -> Path:
        """The file of the scalars."""
        return self.folder / "scalars.csv"

    @property
    def total_steps(self) -> int:
        """The steps that make up the plan's images."""
        return max(1, round(self.plan.total_kimg * 1000 / self.config.batch_size))

    def stop(self) -> None:
        """Asks for a snapshot and the end after the step that runs."""
        self._stop = True

    def run(self) -> bool:
        """Trains; returns whether it came to the end (and was not stopped)."""
        began, saved = time.monotonic() - self._seconds, time.monotonic()
        tick = max(1, round(self.plan.tick_kimg * 1000 / self.config.batch_size))
        first, started = self.step, time.monotonic()
        while self.step < self.total_steps and not self._stop:
            self._one_step()
            self._seconds = time.monotonic() - began
            if self.step % tick and self.step < self.total_steps:
                continue
            row = self._tick()
            rate = (self.step - first) / (time.monotonic() - started)
            self._notify(self._line(row, left=(self.total_steps - self.step) / rate))
            if time.monotonic() - saved >= 60 * self.plan.snapshot_minutes:
                self.save()
                saved = time.monotonic()
        self.save()
        return self.step >= self.total_steps

    def _one_step(self) -> None:
        images = data.batch(
            self.images,
            step=self.step,
            size=self.config.batch_size,
            seed=self.config.seed,
            mirror=self.config.mirror,
        )
        self.state = self._advance(self.state, images, step=self.step)
        self.step += 1

    def _tick(self) -> dict:
        """Ends the sums of the scalars with a row of the table."""
        values = states.means(self.state)
        bad = [name for name in ("loss_d", "loss_g") if not np.isfinite(values[name])]
        if bad:
            raise FloatingPointError(
                f"{' and '.join(bad)} not finite at step {self.step}: lower the learning rate"
            )
        values |= {
            "step": self.step,
            "kimg": self.config.kimg(self.step),
            "seconds": self._seconds,
            "strength": float(self.state["ada/strength"]),
            "learning_rate": self.config.learning_rate,
            "frechet_vgg16": self._measured(),
        }
        self.state = states.to_tensors(states.without_sums(self.state))
        row = report.format_row(values)
        self._rows.append(row)
        report.write_rows(self.table, self._rows)
        return row

    def _measured(self) -> float:
        """The Fréchet distance where one is due since the last row, else NaN."""
        every = self.plan.frechet_kimg
        if self._distance is None or every <= 0:
            return float("nan")
        last = float(self._rows[-1]["kimg"]) if self._rows else 0.0
        if self.config.kimg(self.step) // every == last // every:
            return float("nan")
        value = self._distance(self.sample(self._distance.count, seed=1))
        before = [float(row["frechet_vgg16"]) for row in self._rows if row["frechet_vgg16"]]
        if value < min(before, default=np.inf):
            about = {"kimg": self.config.kimg(self.step), "frechet_vgg16": value}
            export(self.folder / "best", self.state, self.config, about=about)
        return value

    def _line(self, row, *, left: float) -> str:
        shown = {"D": "loss_d", "G": "loss_g", "p": "strength", "sign": "sign"}
        shown |= {"frechet": "frechet_vgg16"} if row["frechet_vgg16"] else {}
        text = " ".join(f"{name} {float(row[key]):.3f}" for name, key in shown.items() if row[key])
        total = self.config.kimg(self.total_steps)
        return (
            f"kimg {float(row['kimg']):.1f}/{total:.1f} {text} "
            f"time {report.duration(self._seconds)} left {report.duration(left)}"
        )

    def sample(self, count: int, *, seed: int = 0) -> np.ndarray:
        """Images of the averaged generator, the same for a seed: float32 [count, H, W, C]."""
        z = np.random.default_rng((seed, 2)).standard_normal((count, self.config.z_dim), "float32")
        size = min(count, self.config.batch_size)
        z = np.concatenate([z, z[: -count % size]])
        weights = states.part(self.state, "ema")
        made = [
            ops.convert_to_numpy(self._images_of(weights, ops.convert_to_tensor(part)))
            for part in np.split(z, len(z) // size)
        ]
        return np.concatenate(made)[:count]

    def _synthesise(self, weights, z):
        with states.bound(self._networks.generator, weights):
            return self._networks.generator(z)

    def save(self) -> Path:
        """Writes a snapshot, the samples and the figure."""
        about = {
            "config": dataclasses.asdict(self.config),
            "data": self._data,
            "seconds": self._seconds,
            "keras_backend": keras.backend.backend(),
        }
        path = states.save(self.folder, self.state, about)
        states.remove_old(self.folder)
        # One grid is kept for every ten thousand images: the last one before the next.
        name = f"samples-{int(self.config.kimg(self.step)) // 10 * 10:06d}.png"
        report.save_grid(self.folder / name, self.sample(_GRID**2), columns=_GRID)
        report.save_figure(self.folder / "scalars.png", self._rows)
        return path

    def _first(self, start) -> dict:
        """The state before the first step."""
        state = states.initial(*self._networks, strength=self.config.ada_start)
        if start is None:
            return state
        state, count = start_from(start, state)
        self._notify(f"starting from {start}: {count} weights")
        return state

    def _restored(self) -> dict | None:
        """The newest whole snapshot, or None where there is none."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in reversed(states.snapshots(self.folder)):
            try:
                arrays, about = states.load(path)
            except ValueError as error:
                self._notify(f"warning: {error}; the one before is tried")
                continue
            self._compare(about)
            self._seconds = about["seconds"]
            self._notify(f"going on from {path.name}")
            return arrays
        return None

    def _compare(self, about) -> None:
        """Refuses other networks; tells of other settings and data."""
        before, now = about["config"], dataclasses.asdict(self.config)
        for name, value in now.items():
            if name not in before or _plain(before[name]) == _plain(value):
                continue
            if name in STRUCTURE:
                raise InputError(
                    name,
                    f"must be {before[name]}, as in the training that output_dir holds",
                    remedy="Give another output_dir",
                    **{name: value},
                )
            self._notify(f"warning: {name} was {before[name]} and is now {value}")
        if about["data"] != self._data:
            self._notify("warning: the images are not those that the training began with")


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
