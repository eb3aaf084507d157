"""Loop of a training: steps, rows of the table, snapshots, and resuming."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.io.images import from_uint8
from brgm_tf.training import backend, data, report
from brgm_tf.training import state as states
from brgm_tf.training.config import TrainingConfig
from brgm_tf.training.export import export, start_from
from brgm_tf.training.frechet import Distance
from brgm_tf.training.step import Step, build

_GRID = 8
# Number of images that calibrate a discriminator with fixed features.
_CALIBRATION = 128


@dataclasses.dataclass(frozen=True)
class Plan:
    """Length and reports of a training; only `jit` affects the weights.

    Args:
        total_kimg: Thousands of images to train on.
        tick_kimg: Thousands of images between two rows of the table; default 4.
        snapshot_minutes: Minutes between two snapshots, which are taken at rows; default 5.
        frechet_kimg: Thousands of images between two Fréchet distances, 0 for no distances;
            default 50.
        jit: Whether XLA compiles the step, which changes the rounding; None compiles it if
            it is faster.
    """

    total_kimg: float
    tick_kimg: float = 4.0
    snapshot_minutes: float = 5.0
    frechet_kimg: float = 50.0
    jit: bool | None = None


class Trainer:
    """A training in a folder.

    Args:
        config: Configuration of the training.
        plan: Length and reports of the training.
        images: Training images, uint8 [N, H, W, C].
        folder: Folder of all results. The training resumes from the newest complete snapshot
            there. The preset 'best' is the averaged generator with the smallest Fréchet
            distance.
        distance: `frechet.Distance` from held-out images, or None.
        start: Folder from `export.export` with the networks of a new training, or None.
        features: Function from images to fixed features, for `discriminator='projected'`.
        notify: Function that receives lines of text about the progress.

    Raises:
        InputError: The folder holds a training of other networks.
    """

    def __init__(
        self,
        config: TrainingConfig,
        plan: Plan,
        *,
        images: np.ndarray,
        folder: Path,
        distance: Distance | None = None,
        start: Path | str | None = None,
        features: Callable | None = None,
        notify: Callable[[str], object] = lambda line: None,
    ):
        self.config, self.plan, self.images, self.folder = config, plan, images, Path(folder)
        self._distance, self._notify = distance, notify
        self._stop = False
        self._networks = build(config, features=features)
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
        """Path of the table of the scalars."""
        return self.folder / "scalars.csv"

    @property
    def total_steps(self) -> int:
        """Number of steps of the plan."""
        return max(1, round(self.plan.total_kimg * 1000 / self.config.batch_size))

    def stop(self) -> None:
        """Requests a snapshot and the end after the current step."""
        self._stop = True

    def run(self) -> bool:
        """Trains; returns True at the end of the plan, and False after `stop`."""
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
        """Adds a row to the table and resets the sums of the scalars."""
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
            "frechet_vgg16": self._frechet_distance(),
        }
        self.state = states.to_tensors(states.without_sums(self.state))
        row = report.format_row(values)
        self._rows.append(row)
        report.write_rows(self.table, self._rows)
        return row

    def _frechet_distance(self) -> float:
        """Returns the Fréchet distance if it is due since the last row, else NaN."""
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
        """Draws images of the averaged generator, float32 [count, H, W, C]."""
        z = np.random.default_rng((seed, 2)).standard_normal((count, self.config.z_dim), "float32")
        size = min(count, self.config.batch_size)
        z = np.concatenate([z, z[: -count % size]])
        weights = states.part(self.state, "ema")
        batches = [
            ops.convert_to_numpy(self._images_of(weights, ops.convert_to_tensor(part)))
            for part in np.split(z, len(z) // size)
        ]
        return np.concatenate(batches)[:count]

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
        # Every ten thousand images keep one grid, the last one.
        name = f"samples-{int(self.config.kimg(self.step)) // 10 * 10:06d}.png"
        report.save_grid(self.folder / name, self.sample(_GRID**2), columns=_GRID)
        report.save_figure(self.folder / "scalars.png", self._rows)
        return path

    def _first(self, start) -> dict:
        """Returns the state before the first step."""
        self._networks.discriminator.calibrate(self._some_images())
        state = states.initial(*self._networks, strength=self.config.ada_start)
        if start is None:
            return state
        state, count = start_from(start, state, self.config)
        self._notify(f"started from {start}: {count} weights")
        return state

    def _some_images(self) -> np.ndarray:
        order = np.random.default_rng((self.config.seed, 4)).permutation(len(self.images))
        return from_uint8(self.images[order[:_CALIBRATION]])

    def _restored(self) -> dict | None:
        """Loads the newest complete snapshot; returns None without snapshots."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in reversed(states.snapshots(self.folder)):
            try:
                arrays, about = states.load(path)
            except ValueError as error:
                self._notify(f"warning: {error}; trying the snapshot before")
                continue
            self._compare(about)
            self._seconds = about["seconds"]
            self._notify(f"resuming from {path.name}")
            return arrays
        return None

    def _compare(self, about) -> None:
        """Refuses other networks, and warns of other settings and images."""
        before, now = about["config"], dataclasses.asdict(self.config)
        for name, value in now.items():
            if name not in before or _plain(before[name]) == _plain(value):
                continue
            if name in self.config.structure:
                raise InputError(
                    name,
                    f"must be {before[name]}, as in the training in output_dir",
                    remedy="Give another output_dir",
                    **{name: value},
                )
            self._notify(f"warning: {name} was {before[name]} and is now {value}")
        if about["data"] != self._data:
            self._notify("warning: the images differ from the first images of the training")


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
