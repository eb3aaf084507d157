"""The flags of a run, their `Config`, and the text that replays them.

The flags of the configuration are generated from the fields of `Config`. TensorFlow is imported
only at the end of `checked_config`, after all checks that do without it.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io.listing import check_files
from brgm_tf.io.mask_detection import parse_detector
from brgm_tf.io.mask_matching import check_masks
from brgm_tf.io.origin import state_of
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, read_perceptual
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.listings import PRESETS, list_presets
from brgm_tf.pipeline.objective import OVERRIDES, SCALES, needs_perceptual
from brgm_tf.pipeline.options import Option, options_of
from brgm_tf.pipeline.preparation import Preparation, check_class, prepare
from brgm_tf.posterior.objectives import OPTIMIZERS
from brgm_tf.reporting.destination import is_address
from brgm_tf.reporting.video import VIDEO_FORMATS, check_video
from brgm_tf.weights import handles
from brgm_tf.weights.catalogue import GENERATORS

FLAGS = flags.FLAGS
_PARSERS: dict[type, Any] = {int: flags.IntegerParser, float: flags.FloatParser}


class _CheckedParser(flags.ArgumentParser):
    """Parses a value, then applies the check of its option."""

    def __init__(self, parser: flags.ArgumentParser, check: Callable[[object], object]):
        super().__init__()
        self._parser, self._check = parser, check
        self.syntactic_help = parser.syntactic_help

    def parse(self, argument: Any) -> Any:
        """Returns the checked value; a check raises ValueError."""
        return self._check(self._parser.parse(argument))

    def flag_type(self) -> str:
        """Returns the type of the value, for `--help`."""
        return self._parser.flag_type()


def _define(name: str, option: Option, default: Any) -> None:
    """Defines the flag of an option."""
    if option.choices:
        flags.DEFINE_enum(name, default, list(option.choices), option.help)
    elif option.kind in _PARSERS:
        parser = _PARSERS[option.kind]()
        if option.check is not None:
            parser = _CheckedParser(parser, option.check)
        flags.DEFINE(parser, name, default, option.help)
    else:
        flags.DEFINE_string(name, default, option.help)


_OPTIONS = options_of(Config)
# Names of the fields of `Config` by the names of their flags.
CONFIG_FLAGS = {opt.flag or name: name for name, opt in _OPTIONS.items() if opt.has_flag}
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Config)}
for _flag, _field in CONFIG_FLAGS.items():
    _define(_flag, _OPTIONS[_field], _DEFAULTS[_field])

flags.DEFINE_string(
    "input",
    None,
    "Image, folder, glob or example:NAME; also NIfTI and DICOM files, .tar archives, TFRecords, "
    "or a .txt file with a path on each line; .npy or fastMRI's .h5 files for kspace",
)
flags.DEFINE_string(
    "masks",
    None,
    "Mask for all images, or a folder with a mask of the same name for each image; NIfTI masks for "
    "NIfTI volumes; 'found' or 'found(fill=255)' finds missing pixels by their colour, and 'alpha' "
    "by their transparency",
)
flags.DEFINE_bool(
    "volume",
    False,
    "Restore all slices of one volume together: NIfTI, MGZ, DICOM of several frames, or a folder "
    "of one DICOM series",
)
flags.DEFINE_string("output_dir", "results", "Folder of the results")
flags.DEFINE_bool("resume", False, "Resume the same command in its output_dir")
flags.DEFINE_enum(
    "save_video",
    None,
    VIDEO_FORMATS,
    "Format of a video of the optimization, or of the slices of a volume",
)
flags.DEFINE_bool(
    "save_generator",
    False,
    "Save the adapted generator of each image as a folder for --generator (adaptation_steps)",
)
flags.DEFINE_enum(
    "optimizer", None, OPTIMIZERS, "Optimizer of the objective (default: the objective's)"
)
for _name, _help in SCALES.items():
    flags.DEFINE_float(_name, None, f"{_help} (default: the objective's)")


def parse(arguments: list[str]) -> list[str]:
    """Parses the arguments of the process; see `process.parse_flags`."""
    return process.parse_flags(arguments, change=_with_preset, instead="give an image by --input")


def _with_preset(argument: str) -> str:
    """Returns '--flagfile=inpaint.cfg' with the path of the preset, unless the file exists."""
    name, separator, value = argument.partition("=")
    if name.lstrip("-") != "flagfile" or not separator or Path(value).exists():
        return argument
    preset = PRESETS / value
    if not preset.is_file():
        names = ", ".join(list_presets())
        raise flags.Error(f"`flagfile` {value} is neither a file nor a preset ({names})")
    return f"{name}={preset}"


def parsed_config() -> Config:
    """Returns the configuration of the parsed flags.

    Raises:
        InputError: a flag cannot be used.
    """
    values: dict[str, Any] = {field: FLAGS[flag].value for flag, field in CONFIG_FLAGS.items()}
    return Config(
        **values,
        overrides={name: FLAGS[name].value for name in OVERRIDES},
        volume=FLAGS.volume,
        keep_frames=FLAGS.save_video is not None and not FLAGS.volume,
        keep_generator=FLAGS.save_generator,
    )


def checked_config() -> Config:
    """Returns the configuration of the parsed flags after all checks, and imports TensorFlow.

    Raises:
        InputError: a flag cannot be used, or the input or the generator does not exist.
    """
    if FLAGS.input is None:
        raise InputError("input", "must be given", remedy="Give an image, a folder or a glob")
    if parsing.user_files(FLAGS.corruption):  # These files import TensorFlow.
        process.import_to_restore(batch_size=FLAGS.batch_size)
    config = parsed_config()
    if not config.volume:
        check_files(FLAGS.input, kspace=config.measures_kspace)
        if "missing" in config.traits.data_names and not parse_detector(FLAGS.masks):
            check_masks(FLAGS.masks)
    check_video(FLAGS.save_video)
    check_class(config, describe_generator(config.generator, progress=process.say))
    if needs_perceptual(config) and config.perceptual != PERCEPTUAL_WEIGHTS:
        read_perceptual(str(config.perceptual), progress=process.say)
    process.import_to_restore(batch_size=FLAGS.batch_size)
    return config


def prepare_inputs(config: Config) -> Preparation:
    """Returns the planned inputs and masks of the parsed flags.

    Args:
        config: Configuration of `checked_config`.

    Raises:
        InputError: No input can be used.
    """
    return prepare(
        FLAGS.input,
        config=config,
        masks=FLAGS.masks,
        output_dir=FLAGS.output_dir,
        notify=process.say,
    )


def effective() -> str:
    """Returns the flags of this run, one a line: a flagfile that replays it from any folder.

    Comments state the size and the time of the files that flags name, because --resume must not
    mix the results of two files. The files of the images have their own records.
    """
    lines = []
    others = "input", "masks", "output_dir", "save_generator", "save_video", "volume"
    for name in sorted([*CONFIG_FLAGS, *OVERRIDES, *others]):
        value = FLAGS[name].value
        if value is None:
            continue
        is_path = name in ("input", "masks", "output_dir") and not value.startswith("example:")
        if is_path and not (name == "masks" and parse_detector(value)):
            value = absolute_path(value)
        if name == "landmarks":
            value = absolute_path(value)
        if name == "corruption":
            value = parsing.absolute(value)
        if name in ("generator", "perceptual"):
            value = handles.make_absolute(value, names=(*GENERATORS, PERCEPTUAL_WEIGHTS))
        lines.append(f"--{name}={value}")
        is_state = name in ("generator", "perceptual", "corruption", "landmarks")
        if is_state or (FLAGS.volume and name in ("input", "masks")):
            states = map(state_of, _paths_in(str(value)))
            lines += [f"# --{name}: {state}" for state in states if state]
    return "\n".join(lines) + "\n"


def _paths_in(text: str) -> list[Path]:
    """Returns the absolute paths in the value of a flag: all of it, or parts such as file='/x'."""
    parts = [text, *re.findall(r"[\"'](/[^\"']+)[\"']|(/[^\s:\"']+\.py)(?=:)", text)]
    words = [word for part in parts for word in ([part] if isinstance(part, str) else part)]
    return [Path(word) for word in words if word.startswith("/") and os.path.exists(word)]


def absolute_path(text: str) -> str:
    """Returns a path that does not depend on the current folder; addresses stay as they are."""
    return text if is_address(text) else os.path.abspath(os.path.expanduser(text))
