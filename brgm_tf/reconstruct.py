"""The command: `python -m brgm_tf.reconstruct --flagfile=inpaint.cfg`.

Flags become a frozen `Config`, inputs are checked, and images are restored batch by
batch. A flagfile that is not found where the user stands is looked for in presets/.
Exit codes: 0 done, 1 some images failed, 2 a flag or input cannot be used, 130 stopped.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from absl import flags

from brgm_tf import command, hub, outputs, resuming
from brgm_tf.catalogue import DEFAULT_GENERATOR
from brgm_tf.checks import MAX_INT
from brgm_tf.collection import restore_all
from brgm_tf.config import Config
from brgm_tf.corruptions import CORRUPTIONS, parsing
from brgm_tf.devices import STRATEGIES, devices_of
from brgm_tf.errors import InputError
from brgm_tf.estimators import ESTIMATORS
from brgm_tf.finding import find_images
from brgm_tf.inputs import KINDS, SUFFIXES
from brgm_tf.masks import finder
from brgm_tf.medical import AUTO, PLANES
from brgm_tf.objectives import OBJECTIVES, OPTIMISERS
from brgm_tf.progress import display
from brgm_tf.restoration import prepare
from brgm_tf.restorer import Restorer
from brgm_tf.results import KeptBatch
from brgm_tf.sharding import AUTO as ALL_OR_CLUSTER
from brgm_tf.sharding import shard_of
from brgm_tf.surrogates import SURROGATES
from brgm_tf.video import VIDEO_FORMATS, check_video

FLAGS = flags.FLAGS
PRESETS = Path(__file__).parent / "presets"
STOPPED = 130
SCALES = {
    "pixel_scale": "multiplies the pixel likelihood",
    "perceptual_scale": "multiplies the perceptual likelihood; 0 leaves it out",
    "prior_scale": "multiplies the Gaussian prior on the latents",
    "colinearity_scale": "multiplies the colinearity prior",
    "noise_scale": "standard deviation of a pixel, grey levels; bayes infers it if not given",
    "effective_size": "most independent values that a measurement is taken to hold",
    "layer_scale": "how far a layer's latent may leave the shared one",
    "learning_rate": "of Adam, at its height",
    "rampup": "share of the steps over which the learning rate grows",
    "rampdown": "share of the steps over which the learning rate falls",
}
OVERRIDES = ("optimiser", *SCALES)


def _names(registry) -> str:
    return ", ".join(registry)


flags.DEFINE_string(
    "generator",
    DEFAULT_GENERATOR,
    "the prior: a checkpoint's file or folder, its https:// or gs:// address (with #sha256=... "
    f"to have a file checked), a TF-Hub handle, or one of {_names(hub.GENERATORS)}",
)
flags.DEFINE_bool("list_generators", False, "say where the named generators are from, and stop")
flags.DEFINE_string(
    "input",
    None,
    "image, folder, glob, or example:NAME; also NIfTI and DICOM files, .tar, TFRecords, or a .txt "
    "with a path on each line; for kspace .npy files or fastMRI's .h5 files",
)
flags.DEFINE_enum("input_kind", "measurement", KINDS, "whether the input is damaged already")
flags.DEFINE_string(
    "corruption",
    "none",
    "a call such as 'downsample(factor=32)', or several, 'a(...) + b(...)', one after another: "
    f"{_names(CORRUPTIONS)}, or FILE.py:CLASS, a corruption of your own",
)
flags.DEFINE_string(
    "masks",
    None,
    "mask for all images, or folder with one of the same name each; or 'found' or "
    "'found(fill=255)' for the pixels that have the colour of the holes",
)
flags.DEFINE_enum(
    "objective", None, OBJECTIVES, "preset of the objective (default: the estimator's own)"
)
flags.DEFINE_enum(
    "estimator",
    "map",
    list(ESTIMATORS),
    "what is computed of the posterior: "
    + "; ".join(f"{name}, {row.help}" for name, row in ESTIMATORS.items()),
)
flags.DEFINE_enum(
    "surrogate",
    "low_rank",
    list(SURROGATES),
    "what vi fits: " + "; ".join(f"{name}, {row.help}" for name, row in SURROGATES.items()),
)
flags.DEFINE_integer(
    "surrogate_rank", 64, "directions of low_rank with a width of their own", lower_bound=1
)
flags.DEFINE_integer("num_draws", 4, "of the surrogate, each step of vi; even", lower_bound=2)
flags.DEFINE_integer(
    "num_samples", 8, "restorations drawn from the posterior, where it is fitted", lower_bound=1
)
flags.DEFINE_integer("num_steps", 350, "steps of the optimiser", lower_bound=1)
flags.DEFINE_integer(
    "num_restarts", 1, "places from which map climbs; the best mode is kept", lower_bound=1
)
flags.DEFINE_float(
    "spread", 1.0, "factor on the samples' distance from their mean; tools/calibrate.py finds it"
)
flags.DEFINE_float(
    "discrepancy",
    None,
    "standard deviation of what the generator cannot make, grey levels: widens standard deviation "
    "and intervals; tools/calibrate.py finds it (default: the noise scale where it is inferred)",
)
flags.DEFINE_integer("batch_size", 1, "images restored in one program", lower_bound=1)
flags.DEFINE_integer("seed", 0, "of everything random", lower_bound=0, upper_bound=MAX_INT)
flags.DEFINE_enum("non_square", "crop", ["crop", "refuse"], "what to do with other shapes")
flags.DEFINE_enum("plane", "axial", PLANES, "of the slices of NIfTI volumes")
flags.DEFINE_string(
    "slices",
    "middle",
    "of NIfTI volumes: 'middle', 'all', an index, or a range such as 60:120:10, from the feet, the "
    "back or the left",
)
flags.DEFINE_string(
    "window",
    AUTO,
    "LOW:HIGH, the values of NIfTI and DICOM files that become black and white; 'auto' for the "
    "file's own, or else all but 0.5 % at either end",
)
flags.DEFINE_string(
    "perceptual",
    hub.PERCEPTUAL_WEIGHTS,
    "VGG16 of the perceptual distance: the packaged one, or the file or address of NVIDIA's "
    "vgg16.pt, torchvision's vgg16-*.pth or Keras Applications' h5",
)
flags.DEFINE_string("output_dir", "results", "where the results are written")
flags.DEFINE_bool("resume", False, "go on where the same command was interrupted")
flags.DEFINE_string(
    "shard",
    ALL_OR_CLUSTER,
    "INDEX/COUNT: of COUNT processes on the same input the one that restores every COUNT-th batch, "
    "from INDEX on; 'auto': as TF_CONFIG says, else everything",
)
flags.DEFINE_enum(
    "strategy",
    "auto",
    list(STRATEGIES),
    "devices, each of which restores batches of its own: "
    + "; ".join(f"{name}, {what}" for name, what in STRATEGIES.items()),
)
flags.DEFINE_enum("save_video", None, VIDEO_FORMATS, "video of the optimisation")
flags.DEFINE_enum("optimiser", None, OPTIMISERS, "how it is climbed (default: the objective's)")
for _name, _help in SCALES.items():
    flags.DEFINE_float(_name, None, f"{_help} (default: the objective's)")


def main() -> None:
    """Runs the command; the exit code is the process's."""
    command.run(_run, parse=_parse_flags)


def _parse_flags(arguments: list[str]) -> list[str]:
    return command.parse_flags(
        arguments, change=_with_preset, instead="an image is given by --input"
    )


def _with_preset(argument: str) -> str:
    """'--flagfile=inpaint.cfg' with the path of the preset, unless there is such a file here."""
    name, separator, value = argument.partition("=")
    if name.lstrip("-") != "flagfile" or not separator or Path(value).exists():
        return argument
    preset = PRESETS / value
    if not preset.is_file():
        known = ", ".join(sorted(path.name for path in PRESETS.glob("*.cfg")))
        raise flags.Error(f"`flagfile` {value} is neither a file nor a preset ({known})")
    return f"{name}={preset}"


def _run() -> int:
    if FLAGS.list_generators:
        sys.stdout.write(hub.list_generators())
        return 0
    # What needs no TensorFlow is checked before it is imported.
    if FLAGS.input is None:
        raise InputError("input", "must be given", remedy="Give an image, a folder or a glob")
    shard = shard_of(FLAGS.shard)
    if parsing.own_files(FLAGS.corruption):  # which bring TensorFlow with them
        command.import_quietly("tensorflow")
    config = Config(
        **{name: FLAGS[name].value for name in _CONFIG_FLAGS},
        overrides={name: FLAGS[name].value for name in OVERRIDES},
        keep_frames=FLAGS.save_video is not None,
    )
    if not config.measures_kspace:  # whose headers `prepare` reads
        find_images(FLAGS.input, suffixes=SUFFIXES)
    check_video(FLAGS.save_video)
    hub.describe_generator(config.generator, progress=command.say)
    if config.needs_perceptual and config.perceptual != hub.PERCEPTUAL_WEIGHTS:
        hub.read_perceptual(config.perceptual, progress=command.say)
    command.import_quietly("tensorflow")
    devices = devices_of(FLAGS.strategy)
    jobs, expected = prepare(FLAGS.input, config=config, masks=FLAGS.masks)
    folder = outputs.check_writable(FLAGS.output_dir)
    own = [job.name for batch in shard.own(jobs, batch_size=config.batch_size) for job in batch]
    replay, finished, kept = _effective_flags(), {}, {}
    if FLAGS.resume:
        finished = resuming.finished_rows(folder, own, flags=replay)
        kept = resuming.load_kept(folder, name=shard.state)
        command.say(f"{len(finished)} of {len(own)} images were finished before")
    else:
        # Of other flags, perhaps; if this run is interrupted, they must not count as its own.
        outputs.forget(folder, own)
        resuming.save_kept(folder, [], name=shard.state)
    if len(finished) == len(own):
        return 0
    outputs.save_flags(folder, replay)
    table = resuming.MetricsTable(folder, list(finished.values()), name=shard.table)
    restorers = [Restorer(config, notify=command.say, device=device) for device in devices]
    with _Progress(len(own) - len(finished), config.num_steps) as progress:
        batches = restore_all(
            restorers,
            jobs,
            expected=expected,
            progress=progress,
            finished=finished,
            shard=shard,
            kept=kept,
            notify=progress.say,
        )
        failures, stopped = _save_all(batches, folder, table, progress)
    resuming.save_kept(folder, stopped, name=shard.state)
    for name, message in failures:
        command.say(f"failed: {name}: {message}")
    if progress.stopped:
        command.say("stopped; what was done is kept")
        return STOPPED
    return 1 if failures else 0


_CONFIG_FLAGS = (
    "corruption",
    "generator",
    "input_kind",
    "objective",
    "estimator",
    "surrogate",
    "surrogate_rank",
    "num_draws",
    "num_samples",
    "spread",
    "discrepancy",
    "num_steps",
    "num_restarts",
    "batch_size",
    "seed",
    "non_square",
    "plane",
    "slices",
    "window",
    "perceptual",
)


def _save_all(
    batches, folder: Path, table, progress
) -> tuple[list[tuple[str, str]], list[KeptBatch]]:
    """Saves what is restored, batch by batch; returns the failures, and where batches stopped."""
    failures, stopped, last = [], [], None
    for batch in batches:
        failures += batch.failures
        stopped += [batch.kept] if batch.kept else []
        for result in batch.images:
            outputs.save_image_result(folder, result, save_video=FLAGS.save_video)
            last = folder / result.name / "figure.png"
            for warning in result.warnings:
                progress.say(f"warning: {result.name}: {warning}")
        table.add([outputs.metrics_row(result) for result in batch.images])
        progress.finish(batch)
    if last is not None:
        progress.close()
        sys.stdout.write(f"{last}\n")
    return failures, stopped


def _effective_flags() -> str:
    """The flags of this run, one a line, as a flagfile that replays it from any folder."""
    lines = []
    for name in sorted([*_CONFIG_FLAGS, *OVERRIDES, "input", "masks", "output_dir", "save_video"]):
        value = FLAGS[name].value
        if value is None:
            continue
        is_path = name in ("input", "masks", "output_dir") and not value.startswith("example:")
        if is_path and not (name == "masks" and finder(value)):
            value = os.path.abspath(os.path.expanduser(value))
        if name == "corruption":
            value = parsing.absolute(value)
        if name in ("generator", "perceptual"):
            value = hub.absolute(value)
        lines.append(f"--{name}={value}")
    return "\n".join(lines) + "\n"


class _Progress:
    """Shows all steps of all images; a first Ctrl-C stops at the chunk's end."""

    def __init__(self, num_images: int, num_steps: int):
        self._num_steps = num_steps
        self._done = 0
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.stopped = False
        self._display = display(num_images * num_steps, stream=sys.stderr)
        images = f"{num_images} image{'s' * (num_images > 1)}"
        self._display.update(0, doing=f"{images}: compiling")

    def __enter__(self) -> _Progress:
        self._previous = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self.close()

    def __call__(self, step) -> bool:
        """Counts steps of images of a batch; called from the thread that restores it."""
        if step.note:
            self.say(step.note)
        with self._lock:
            self._running |= dict.fromkeys(step.names, step.step)
            self._show(
                doing=", ".join(step.names[:2]) + ("..." if len(step.names) > 2 else ""),
                note=f"loss {sum(step.terms.values()):.4g}",
            )
        return self.stopped

    def finish(self, batch) -> None:
        """Counts the images of a batch that was not stopped, whatever became of them."""
        names = [image.name for image in batch.images] + [name for name, _ in batch.failures]
        if batch.stopped:
            return
        with self._lock:
            self._done += len(names)
            for name in names:
                self._running.pop(name, None)
            rate = 3600 * self._done / (time.monotonic() - self._begun)
            self._show(doing=f"{self._done} saved, {rate:.0f} an hour")

    def _show(self, **options) -> None:
        done = self._done * self._num_steps + sum(self._running.values())
        self._display.update(done, **options)

    def say(self, line: str) -> None:
        """Writes a line that does not disturb what is shown."""
        self._display.say(line)

    def close(self) -> None:
        """Ends what is shown."""
        self._display.close()

    def _stop(self, *_) -> None:
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True


if __name__ == "__main__":
    main()
