"""The flags of a run, what they say, and the text that replays it.

TensorFlow is not imported here but by `checked_config`, when what needs none is checked.
"""

from __future__ import annotations

import os
from pathlib import Path

from absl import flags

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import MAX_INT
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.table import CORRUPTIONS
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io.discovery import find_images
from brgm_tf.io.inputs import KINDS, SUFFIXES
from brgm_tf.io.mask_detection import finder
from brgm_tf.io.medical import AUTO, PLANES
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, read_perceptual
from brgm_tf.pipeline.config import Config
from brgm_tf.posterior.objectives import OBJECTIVES, OPTIMIZERS
from brgm_tf.posterior.surrogates.table import SURROGATES
from brgm_tf.reporting.destination import is_address
from brgm_tf.reporting.video import VIDEO_FORMATS, check_video
from brgm_tf.weights import handles
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR, GENERATORS

FLAGS = flags.FLAGS
PRESETS = Path(__file__).parents[1] / "presets"
SCALES = {
    "pixel_scale": "multiplies the pixel likelihood",
    "perceptual_scale": "multiplies the perceptual likelihood; 0 leaves it out",
    "prior_scale": "multiplies the Gaussian prior on the latents",
    "colinearity_scale": "multiplies the colinearity prior",
    "noise_scale": "standard deviation of a pixel, grey levels; bayes infers it if not given",
    "effective_sample_size_cap": "most independent values that a measurement is taken to hold",
    "layer_scale": "how far a layer's latent may leave the shared one",
    "learning_rate": "of Adam, at its height",
    "rampup": "share of the steps over which the learning rate grows",
    "rampdown": "share of the steps over which the learning rate falls",
}
OVERRIDES = ("optimizer", *SCALES)


def _names(registry) -> str:
    return ", ".join(registry)


flags.DEFINE_string(
    "generator",
    DEFAULT_GENERATOR,
    "the prior: a checkpoint's file or folder, its https:// or gs:// address (with #sha256=... "
    f"to have a file checked), a TF-Hub handle, or one of {_names(GENERATORS)}",
)
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
flags.DEFINE_integer(
    "num_elbo_samples", 4, "of the surrogate, each step of vi; even", lower_bound=2
)
flags.DEFINE_integer(
    "num_samples", 8, "restorations drawn from the posterior, where it is fitted", lower_bound=1
)
flags.DEFINE_integer("num_steps", 350, "steps of the optimiser", lower_bound=1)
flags.DEFINE_integer(
    "num_restarts", 1, "places from which map climbs; the best mode is kept", lower_bound=1
)
flags.DEFINE_float(
    "dispersion_factor",
    1.0,
    "factor on the samples' distance from their mean; tools/calibrate.py finds it",
)
flags.DEFINE_float(
    "model_discrepancy_stddev",
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
    PERCEPTUAL_WEIGHTS,
    "VGG16 of the perceptual distance: the packaged one, or the file or address of NVIDIA's "
    "vgg16.pt, torchvision's vgg16-*.pth or Keras Applications' h5",
)
flags.DEFINE_string("output_dir", "results", "where the results are written")
flags.DEFINE_bool("resume", False, "go on where the same command was interrupted")
flags.DEFINE_enum("save_video", None, VIDEO_FORMATS, "video of the optimisation")
flags.DEFINE_enum("optimizer", None, OPTIMIZERS, "how it is climbed (default: the objective's)")
for _name, _help in SCALES.items():
    flags.DEFINE_float(_name, None, f"{_help} (default: the objective's)")

CONFIG_FLAGS = (
    "corruption",
    "generator",
    "input_kind",
    "objective",
    "estimator",
    "surrogate",
    "surrogate_rank",
    "num_elbo_samples",
    "num_samples",
    "dispersion_factor",
    "model_discrepancy_stddev",
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


def parse(arguments: list[str]) -> list[str]:
    return process.parse_flags(
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


def checked_config() -> Config:
    """What the flags say; TensorFlow is imported when all that needs none is checked.

    Raises:
        InputError: a flag cannot be used, or there is no such input or generator.
    """
    if FLAGS.input is None:
        raise InputError("input", "must be given", remedy="Give an image, a folder or a glob")
    if parsing.user_files(FLAGS.corruption):  # which bring TensorFlow with them
        process.import_to_restore(batch_size=FLAGS.batch_size)
    config = Config(
        **{name: FLAGS[name].value for name in CONFIG_FLAGS},
        overrides={name: FLAGS[name].value for name in OVERRIDES},
        keep_frames=FLAGS.save_video is not None,
    )
    if not config.measures_kspace:  # whose headers `restoration.prepare` reads
        find_images(FLAGS.input, suffixes=SUFFIXES)
    check_video(FLAGS.save_video)
    describe_generator(config.generator, progress=process.say)
    if config.needs_perceptual and config.perceptual != PERCEPTUAL_WEIGHTS:
        read_perceptual(config.perceptual, progress=process.say)
    process.import_to_restore(batch_size=FLAGS.batch_size)
    return config


def effective() -> str:
    """The flags of this run, one a line, as a flagfile that replays it from any folder."""
    lines = []
    for name in sorted([*CONFIG_FLAGS, *OVERRIDES, "input", "masks", "output_dir", "save_video"]):
        value = FLAGS[name].value
        if value is None:
            continue
        is_path = name in ("input", "masks", "output_dir") and not value.startswith("example:")
        if is_path and not (name == "masks" and finder(value)):
            value = absolute_path(value)
        if name == "corruption":
            value = parsing.absolute(value)
        if name in ("generator", "perceptual"):
            value = handles.absolute(value, names=(*GENERATORS, PERCEPTUAL_WEIGHTS))
        lines.append(f"--{name}={value}")
    return "\n".join(lines) + "\n"


def absolute_path(text: str) -> str:
    """A path that does not depend on the folder that the command runs in; addresses as they are."""
    return text if is_address(text) else os.path.abspath(os.path.expanduser(text))
