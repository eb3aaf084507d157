"""Trains StyleGAN2: `python tools/train_generator.py --flagfile=checkpoints/xray-64/train.cfg`.

The same command resumes a stopped or killed training. Ctrl-C and SIGTERM save a snapshot first.
KERAS_BACKEND=jax trains on JAX. Exit codes: 0 finished, 2 a flag or input cannot be used, 3 the
training diverged, 130 stopped.
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
from brgm_tf.training import runs
from brgm_tf.training.config import AUGMENTATIONS, DISCRIMINATORS, DTYPES, TrainingConfig

FLAGS = flags.FLAGS
STOPPED, DIVERGED = 130, 3
_DEFAULTS = TrainingConfig()


def _shown(value) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


flags.DEFINE_string("data", None, "Folder (read recursively) or zip file of images")
flags.DEFINE_string("held_out", None, "Held-out images for the Fréchet distance")
flags.DEFINE_string("output_dir", "training", "Folder of the training, which is resumed")
flags.DEFINE_float("total_kimg", 1000.0, "Thousands of images to train on", lower_bound=0.0)
flags.DEFINE_float("tick_kimg", 4.0, "Thousands of images between rows", lower_bound=0.0)
flags.DEFINE_float("snapshot_minutes", 5.0, "Minutes between snapshots", lower_bound=0.0)
flags.DEFINE_float(
    "frechet_kimg", 50.0, "Thousands of images between Fréchet distances", lower_bound=0.0
)
flags.DEFINE_bool("jit", None, "Compile with XLA (default: not for TensorFlow on a CPU)")
flags.DEFINE_string("start_from", None, "Folder of --export; a new training starts from it")
flags.DEFINE_string("export", None, "Write the averaged generator to this folder, and stop")
flags.DEFINE_enum("storage", "float16", ["float16", "float32"], "Dtype of exported weights")

_NUMBERS = {
    "resolution": "Height and width in pixels",
    "channels": "1 (grey) or 3 (RGB)",
    "z_dim": "Size of z",
    "w_dim": "Size of w",
    "channel_base": "Features at resolution r are at most channel_base / r",
    "channel_max": "Largest number of features of a layer",
    "mapping_depth": "Number of layers of the mapping network",
    "batch_size": "Number of images of a step",
    "r1_interval": "Number of steps between R1 updates",
    "path_interval": "Number of steps between path-length updates",
    "style_mixing": "Probability that an image has two codes",
    "ema_kimg": "Half-life of the averaged generator in thousands of images",
    "ema_rampup": "Largest half-life, as a fraction of the images seen so far",
    "ada_kimg": "Thousands of images for a change of the augmentation's strength by one",
    "seed": "Seed of all random numbers",
}
# Settings whose defaults depend on the discriminator.
_CHOSEN = {
    "learning_rate": (flags.DEFINE_float, "Learning rate of both networks"),
    "path_weight": (flags.DEFINE_float, "Weight of the path-length penalty, 0 for no penalty"),
    "ada": (flags.DEFINE_bool, "Steer the strength of the augmentation, else keep ada_start"),
    "ada_start": (flags.DEFINE_float, "Initial strength of the augmentation"),
    "augmentations": (flags.DEFINE_list, f"Among {', '.join(AUGMENTATIONS)}"),
}
for _name, (_define, _help) in _CHOSEN.items():
    _values = "; ".join(f"{_shown(d[_name])} with {n}" for n, d in DISCRIMINATORS.items())
    _define(_name, None, f"{_help} (default: {_values})")
for _name, _help in _NUMBERS.items():
    _value = getattr(_DEFAULTS, _name)
    _define = flags.DEFINE_integer if isinstance(_value, int) else flags.DEFINE_float
    _define(_name, _value, _help)
flags.DEFINE_enum(
    "discriminator",
    _DEFAULTS.discriminator,
    list(DISCRIMINATORS),
    "Network on images, or heads on features of the fixed VGG16 ('projected')",
)
flags.DEFINE_integer(
    "feature_size",
    None,
    "Height and width in pixels at which VGG16 of 'projected' sees the images (default: the "
    "resolution, within 64 and 256)",
)
flags.DEFINE_float(
    "r1_gamma",
    None,
    "Weight of R1 (default: 0.0002 resolution^2 / batch_size; no R1 with 'projected')",
)
flags.DEFINE_float("ada_target", _DEFAULTS.ada_target, "Target of the mean sign of D(real)")
flags.DEFINE_bool("mirror", False, "Flip half of the images of the data set")
flags.DEFINE_enum("dtype", "float32", DTYPES, "Dtype of convolutions")


def main() -> None:
    """Runs the command and exits with its code."""
    process.run(
        _run,
        parse=lambda words: process.parse_flags(words, instead="the images are given by --data"),
    )


def _run() -> int:
    folder = Path(FLAGS.output_dir).expanduser()
    if FLAGS.export is not None:
        process.import_quietly("keras")
        target = os.path.expanduser(FLAGS.export)
        sys.stdout.write(f"{runs.export_newest(folder, target, storage=FLAGS.storage)}\n")
        return 0
    config = _config()
    images, held_out = runs.load_images(config, FLAGS.data, FLAGS.held_out, notify=process.say)
    process.import_quietly("keras")
    from brgm_tf.training.trainer import Plan

    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(**{field.name: FLAGS[field.name].value for field in dataclasses.fields(Plan)})
    trainer = runs.prepare(
        config,
        plan,
        images=images,
        held_out=held_out,
        folder=folder,
        start=FLAGS.start_from,
        notify=process.say,
    )
    (folder / "flags.cfg").write_text(FLAGS.flags_into_string(), encoding="utf-8")
    return _train(trainer)


def _train(trainer) -> int:
    """Trains until the end or a signal, and returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: trainer.stop())
    try:
        if trainer.run():
            return 0
    except FloatingPointError as error:
        process.say(f"error: {error}")
        return DIVERGED
    process.say("stopped; the same command resumes the training")
    return STOPPED


def _config() -> TrainingConfig:
    values = {field.name: FLAGS[field.name].value for field in dataclasses.fields(TrainingConfig)}
    if values["augmentations"] is not None:
        values["augmentations"] = tuple(name for name in values["augmentations"] if name)
    return TrainingConfig(**values)


if __name__ == "__main__":
    main()
