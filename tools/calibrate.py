"""Does it know what it does not know? Simulation-based calibration: python tools/calibrate.py.

    python tools/calibrate.py --output_dir=calibration --corruption='downsample(factor=8)'

Draws images, damages them with noise of a known scale (normal, unless the corruption ends in a
stage of noise of its own), infers them without a perceptual term, and asks where among the draws
of the posterior the truth lies: of a random pixel its rank, of all pixels the share inside the
central 50 % and 90 % intervals. With a mask of the image only missing pixels count.

    --truth=prior    images of the model's own prior: ranks are uniform where inference is right
    --truth=mapped   images of the generator's mapping of z: the prior is a Gaussian near them
    --truth=FOLDER   real images: outside of the generator's range, too

In the output folder: images.csv (a row an image), ranks.png (histograms) and coverage.json: the
means of these shares, of the draws' distance from the measurement (`samples_residual`, grey
levels), and of the chains' `r_hat` and `effective_samples` where the estimator is `hmc`. It also
has two corrections of what is overconfident, flags of `python -m brgm_tf.reconstruct`, each fitted
to the odd images, so that their 90 % intervals hold 90 %, and scored on the even ones
(`..._coverage_90`): `dispersion_factor`, a factor on the draws' distance from their mean, for a surrogate
that is too narrow, and `model_discrepancy_stddev`, in grey levels, for what no latent of the generator makes.
With --infer_noise, `coverage_90_noise` is what the inferred noise scale as the discrepancy covers.
The same command goes on where it was stopped; another --truth, --estimator or --surrogate adds to
it, and other settings are refused.

Reference: Talts et al., Validating Bayesian inference algorithms with simulation-based
calibration (arXiv 1804.06788).
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
from absl import flags
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from calibrating import summary, truths
from calibrating.judging import Judge
from calibrating.summary import BINS

from brgm_tf.cli import process
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.generators.loading import describe_generator
from brgm_tf.io import inputs, output_folder
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.posterior.surrogates.table import SURROGATES
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR

_KEYS = ("truth", "estimator", "image")
# What all rows of a folder have in common; --truth, --estimator and --surrogate may differ.
_SETTINGS = (
    "generator",
    "corruption",
    "mask",
    "noise_scale",
    "num_steps",
    "surrogate_rank",
    "num_elbo_samples",
    "seed",
)

FLAGS = flags.FLAGS
flags.DEFINE_string("output_dir", None, "folder of the results")
flags.DEFINE_enum(
    "estimator", "vi", [n for n, row in ESTIMATORS.items() if row.samples], "what is judged"
)
flags.DEFINE_string("truth", "prior", "prior, mapped, or a file, folder or glob of images")
flags.DEFINE_integer("num_images", 200, "images that are drawn", lower_bound=BINS)
flags.DEFINE_string("generator", DEFAULT_GENERATOR, "handle of the prior")
flags.DEFINE_string("corruption", "downsample(factor=8)", "what damages the images")
flags.DEFINE_string("mask", None, "file of the mask, for a corruption with 'mask()'")
flags.DEFINE_float("noise_scale", 3.0, "of the noise, grey levels; inference is told", 1e-3)
flags.DEFINE_bool("infer_noise", False, "do not tell inference the noise scale")
flags.DEFINE_integer("num_steps", 350, "steps of the estimator", lower_bound=1)
flags.DEFINE_enum("surrogate", "low_rank", list(SURROGATES), "what vi fits")
flags.DEFINE_integer("surrogate_rank", 64, "directions of low_rank", lower_bound=1)
flags.DEFINE_integer(
    "num_elbo_samples", 4, "of the surrogate, each step of vi; even", lower_bound=2
)
flags.DEFINE_integer("batch_size", 8, "images in one program", lower_bound=1)
flags.DEFINE_integer("seed", 0, "of everything random", lower_bound=0)


def main() -> None:
    """Runs the command; the exit code is the process's."""
    process.run(
        _run, parse=lambda words: process.parse_flags(words, instead="see --helpshort for flags")
    )


def _run() -> int:
    if FLAGS.output_dir is None:
        raise InputError("output_dir", "must be given")
    noise = parsing.parse(FLAGS.corruption).noise
    if noise is not None and (FLAGS["noise_scale"].present or FLAGS.infer_noise):
        raise InputError(
            "noise_scale",
            "must not be given, nor inferred, with a corruption that has its own noise",
            corruption=str(noise),
        )
    is_told = noise is None and not FLAGS.infer_noise
    # No density, so that no truth is drawn from it; bayes has none anyway.
    overrides = {"perceptual_scale": 0.0}
    config = Config(
        corruption=FLAGS.corruption,
        generator=FLAGS.generator,
        estimator=FLAGS.estimator,
        surrogate=FLAGS.surrogate,
        surrogate_rank=FLAGS.surrogate_rank,
        num_elbo_samples=FLAGS.num_elbo_samples,
        num_steps=FLAGS.num_steps,
        seed=FLAGS.seed,
        overrides=overrides | ({"noise_scale": FLAGS.noise_scale} if is_told else {}),
    )
    masked = bool(config.traits.data_names)
    if masked and FLAGS.mask is None:
        raise InputError("mask", "must be given for a corruption with 'mask()'")
    folder = output_folder.check_writable(FLAGS.output_dir)
    process.import_quietly("tensorflow")
    missing = _missing(config) if masked else None
    _check_settings(folder / "settings.json")
    calibration = Calibration(config, missing=missing, folder=folder)
    calibration.run()
    names = summary.by_name(calibration.rows)
    text = json.dumps({n: summary.summary(rows) for n, rows in names.items()}, indent=2) + "\n"
    atomic_files.write(folder / "coverage.json", text.encode("utf-8"))
    atomic_files.write(folder / "ranks.png", summary.ranks_png(calibration.rows))
    sys.stdout.write(text)
    return 0


def _check_settings(path: Path) -> None:
    """Refuses a folder whose rows were made with other settings: they would be mixed."""
    own = {name: FLAGS[name].value for name in _SETTINGS}
    if path.exists():
        checkpoint = json.loads(path.read_text("utf-8"))
        for name in _SETTINGS:
            if checkpoint[name] != own[name]:
                raise InputError(
                    "output_dir",
                    f"holds results with --{name}={checkpoint[name]}",
                    remedy="Give another folder",
                    **{name: own[name]},
                )
    atomic_files.write(path, (json.dumps(own, indent=2) + "\n").encode("utf-8"))


def _missing(config: Config) -> np.ndarray:
    """The mask, bool [1, M, M, 1], True = missing."""
    row = describe_generator(config.generator)
    blank = np.zeros([row.resolution, row.resolution, row.channels], np.float32)
    specs, expected = prepare(blank, config=config, masks=FLAGS.mask)
    return inputs.load(specs[0], expected=expected).missing[None]


class Calibration:
    """The images of a command, and what is known of them so far.

    Args:
        config: how they are inferred.
        missing: bool [1, M, M, 1], True = missing; or None.
        folder: of the results.
    """

    def __init__(self, config: Config, *, missing, folder: Path):
        self._restorer = Restorer(config)
        self._judge = Judge(
            self._restorer,
            missing=missing,
            noise_scale=FLAGS.noise_scale,
            infer_noise=FLAGS.infer_noise,
        )
        self._table = folder / "images.csv"
        self._rows = {tuple(row[key] for key in _KEYS): row for row in _read(self._table)}

    @property
    def rows(self) -> list[dict[str, object]]:
        """What is known of each image."""
        return list(self._rows.values())

    def run(self) -> None:
        """Infers what is missing, batch by batch."""
        kind, size = FLAGS.truth, FLAGS.batch_size
        images = None
        if kind not in truths.SIMULATED:
            images = truths.real(kind, generator=self._restorer.config.generator)
        count = FLAGS.num_images if images is None else min(FLAGS.num_images, len(images))
        if count < BINS:
            raise InputError("truth", f"must be at least {BINS} images", received=count)
        for first in tqdm(range(0, count, size), desc=f"{kind} {FLAGS.estimator}", unit="batch"):
            indices = range(first, min(first + size, count))
            if all(self._key(index) in self._rows for index in indices):
                continue
            if images is None:
                truth = truths.simulated(kind, self._restorer, indices)
            else:
                truth = images[list(indices)]
            for index, found in zip(indices, self._judge.judge(truth, indices), strict=True):
                key = self._key(index)
                self._rows[key] = dict(zip(_KEYS, key, strict=True)) | found
            _write_csv(self._table, self.rows)

    def _key(self, index: int) -> tuple[str, str, str]:
        name = FLAGS.estimator
        if "surrogate" in ESTIMATORS.row(name).options:
            name += f"({FLAGS.surrogate})"
        truth = FLAGS.truth if FLAGS.truth in truths.SIMULATED else Path(FLAGS.truth).name
        truth += " (noise inferred)" if FLAGS.infer_noise else ""
        return truth, name, str(index)


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


if __name__ == "__main__":
    main()
