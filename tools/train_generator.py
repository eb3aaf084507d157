"""Trains StyleGAN2: `python tools/train_generator.py --flagfile=checkpoints/xray-64/train.cfg`.

The same command goes on where a run was stopped or killed. Ctrl-C and SIGTERM save a snapshot
first. KERAS_BACKEND=jax trains on JAX. Exit codes: 0 done, 2 a flag or input cannot be
used, 3 the training diverged, 130 stopped.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from pathlib import Path

from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError
from brgm_tf.training import data
from brgm_tf.training.config import AUGMENTATIONS, DTYPES, Config

FLAGS = flags.FLAGS
STOPPED, DIVERGED = 130, 3
_DEFAULTS = Config()

flags.DEFINE_string("data", None, "folder (with those below it) or zip file of images")
flags.DEFINE_string("held_out", None, "images for the Fréchet distance, not trained on")
flags.DEFINE_string("output_dir", "training", "where everything is written, and gone on from")
flags.DEFINE_float("total_kimg", 1000.0, "thousands of images to train on", lower_bound=0.0)
flags.DEFINE_float("tick_kimg", 4.0, "thousands of images a row of the table", lower_bound=0.0)
flags.DEFINE_float("snapshot_minutes", 5.0, "time between snapshots", lower_bound=0.0)
flags.DEFINE_float("frechet_kimg", 50.0, "thousands of images a Fréchet distance", lower_bound=0.0)
flags.DEFINE_bool("jit", None, "compile by XLA (default: not for TensorFlow on a CPU)")
flags.DEFINE_string(
    "start_from", None, "folder of --export: start from its networks (not where one goes on)"
)
flags.DEFINE_string("export", None, "only write the averaged generator to this folder")
flags.DEFINE_enum("storage", "float16", ["float16", "float32"], "numbers in the exported file")

_NUMBERS = {
    "resolution": "height and width, pixels",
    "channels": "1 (grey) or 3 (RGB)",
    "z_dim": "size of z",
    "w_dim": "size of w",
    "channel_base": "features at resolution r are at most channel_base / r",
    "channel_max": "most features of a layer",
    "mapping_depth": "layers of the mapping network",
    "batch_size": "images a step",
    "learning_rate": "of both networks",
    "r1_interval": "steps between R1 updates",
    "path_weight": "weight of the path-length penalty; 0 leaves it out",
    "path_interval": "steps between path-length updates",
    "style_mixing": "probability of two codes an image",
    "ema_kimg": "half-life of the averaged generator, thousands of images",
    "ema_rampup": "the half-life is at most this share of what was seen",
    "ada_kimg": "thousands of images for a change of one of the augmentation's strength",
    "ada_start": "first strength of the augmentation",
    "seed": "of everything random",
}
for _name, _help in _NUMBERS.items():
    _value = getattr(_DEFAULTS, _name)
    _define = flags.DEFINE_integer if isinstance(_value, int) else flags.DEFINE_float
    _define(_name, _value, _help)
flags.DEFINE_float("r1_gamma", None, "weight of R1 (default: 0.0002 resolution^2 / batch_size)")
flags.DEFINE_float("ada_target", _DEFAULTS.ada_target, "mean sign of D(real) that is aimed at")
flags.DEFINE_bool("ada", True, "steer the augmentation; else its strength stays at ada_start")
flags.DEFINE_list(
    "augmentations", list(_DEFAULTS.augmentations), "among " + ", ".join(AUGMENTATIONS)
)
flags.DEFINE_bool("mirror", False, "flip half of the data set's images")
flags.DEFINE_enum("dtype", "float32", DTYPES, "of convolutions")


def main() -> None:
    """Runs the command; the exit code is the process's."""
    process.run(_guarded, parse=_parse_flags)


def _parse_flags(arguments: list[str]) -> list[str]:
    return process.parse_flags(arguments, instead="the images are given by --data")


def _guarded() -> int:
    try:
        return _run()
    except FloatingPointError as error:
        process.say(f"error: {error}")
        return DIVERGED


def _run() -> int:
    # What needs no TensorFlow is checked before it is imported.
    folder = _path("output_dir")
    if FLAGS.export is not None:
        return _export(folder)
    config = _config()
    if FLAGS.data is None:
        raise InputError("data", "must be given", remedy="Give a folder or zip file of images")
    data.find(FLAGS.data, argument="data")
    if FLAGS.held_out is not None:
        data.find(FLAGS.held_out, argument="held_out")
    folder.mkdir(parents=True, exist_ok=True)
    size = {"resolution": config.resolution, "channels": config.channels}
    images = data.load(FLAGS.data, **size, argument="data")
    held_out = None
    if FLAGS.held_out is not None:
        held_out = data.load(FLAGS.held_out, **size, argument="held_out")
        images, count = data.without(images, held_out), len(images)
        process.say(f"{count} images, {count - len(images)} left out as they are held out too")
    return _train(config, images, held_out, folder)


def _train(config, images, held_out, folder: Path) -> int:
    process.import_quietly("keras")
    from brgm_tf.training.trainer import Plan, Trainer

    distance = None if held_out is None or not FLAGS.frechet_kimg else _distance(images, held_out)
    plan = Plan(**{field.name: FLAGS[field.name].value for field in dataclasses.fields(Plan)})
    (folder / "flags.cfg").write_text(FLAGS.flags_into_string(), encoding="utf-8")
    trainer = Trainer(
        config,
        plan,
        images=images,
        folder=folder,
        distance=distance,
        start=FLAGS.start_from,
        notify=process.say,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: trainer.stop())
    if trainer.run():
        return 0
    process.say("stopped; the same command goes on from here")
    return STOPPED


def _distance(images, held_out):
    from brgm_tf.perceptual.loading import load_perceptual
    from brgm_tf.training.frechet import Distance

    try:
        perceptual = load_perceptual(progress=process.say)
    except InputError as error:
        raise InputError(
            "held_out", f"needs VGG16: {error}", remedy="--frechet_kimg=0 goes without"
        ) from None
    distance = Distance(held_out, features=perceptual.features)
    process.say(
        f"Fréchet distance of real images: {distance.floor(images):.3f} thousandths (VGG16)"
    )
    return distance


def _export(folder: Path) -> int:
    process.import_quietly("keras")
    from brgm_tf.training import state as states
    from brgm_tf.training.export import export

    found = states.snapshots(folder)
    if not found:
        raise InputError("output_dir", "must hold a snapshot", output_dir=str(folder))
    try:
        arrays, about = states.load(found[-1])
    except ValueError as error:
        raise InputError("output_dir", f"must hold a whole snapshot, but {error}") from None
    config = Config(**{**about["config"], "augmentations": tuple(about["config"]["augmentations"])})
    known = {"kimg": config.kimg(int(arrays["step"])), "data": about["data"]}
    target = export(
        os.path.expanduser(FLAGS.export), arrays, config, storage=FLAGS.storage, about=known
    )
    sys.stdout.write(f"{target}\n")
    return 0


def _config() -> Config:
    values = {field.name: FLAGS[field.name].value for field in dataclasses.fields(Config)}
    values["augmentations"] = tuple(name for name in values["augmentations"] if name)
    if not FLAGS.ada:
        values["ada_target"] = None
    return Config(**values)


def _path(name: str) -> Path:
    return Path(os.path.expanduser(FLAGS[name].value))


if __name__ == "__main__":
    main()
