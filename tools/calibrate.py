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
(`..._coverage_90`): `spread`, a factor on the draws' distance from their mean, for a surrogate
that is too narrow, and `discrepancy`, in grey levels, for what no latent of the generator makes.
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

from brgm_tf import command, files, folders, hub, inputs, sampling
from brgm_tf.calibration import chi_square_p, fitted_correction
from brgm_tf.catalogue import DEFAULT_GENERATOR
from brgm_tf.config import Config
from brgm_tf.corruptions import parsing
from brgm_tf.errors import InputError
from brgm_tf.estimators import ESTIMATORS
from brgm_tf.restoration import prepare
from brgm_tf.restorer import Restorer
from brgm_tf.surrogates import SURROGATES

SIMULATED = ("prior", "mapped")
BINS = 8
# Of `sampling.draw_samples` and `sampling.interval`; between them coverage is interpolated.
CORRECTIONS = {
    "spread": (1.0, 1.25, 1.5, 2.0, 3.0),
    "discrepancy": (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0),
}
_OF_CHAINS = ("r_hat", "effective_samples")  # of `hmc`
_KEYS = ("truth", "estimator", "image")
# What all rows of a folder have in common; --truth, --estimator and --surrogate may differ.
_SETTINGS = (
    "generator",
    "corruption",
    "mask",
    "noise_scale",
    "num_steps",
    "surrogate_rank",
    "num_draws",
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
flags.DEFINE_integer("num_draws", 4, "of the surrogate, each step of vi; even", lower_bound=2)
flags.DEFINE_integer("batch_size", 8, "images in one program", lower_bound=1)
flags.DEFINE_integer("seed", 0, "of everything random", lower_bound=0)


def main() -> None:
    """Runs the command; the exit code is the process's."""
    command.run(
        _run, parse=lambda words: command.parse_flags(words, instead="see --helpshort for flags")
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
        num_draws=FLAGS.num_draws,
        num_steps=FLAGS.num_steps,
        seed=FLAGS.seed,
        overrides=overrides | ({"noise_scale": FLAGS.noise_scale} if is_told else {}),
    )
    masked = bool(config.stages.data_names)
    if masked and FLAGS.mask is None:
        raise InputError("mask", "must be given for a corruption with 'mask()'")
    folder = folders.check_writable(FLAGS.output_dir)
    command.import_quietly("tensorflow")
    missing = _missing(config) if masked else None
    _check_settings(folder / "settings.json")
    calibration = Calibration(config, missing=missing, folder=folder)
    calibration.run()
    summary = calibration.summary()
    text = json.dumps(summary, indent=2) + "\n"
    files.write(folder / "coverage.json", text.encode("utf-8"))
    files.write(folder / "ranks.png", ranks_png(calibration.ranks()))
    sys.stdout.write(text)
    return 0


def _check_settings(path: Path) -> None:
    """Refuses a folder whose rows were made with other settings: they would be mixed."""
    own = {name: FLAGS[name].value for name in _SETTINGS}
    if path.exists():
        kept = json.loads(path.read_text("utf-8"))
        for name in _SETTINGS:
            if kept[name] != own[name]:
                raise InputError(
                    "output_dir",
                    f"holds results with --{name}={kept[name]}",
                    remedy="Give another folder",
                    **{name: own[name]},
                )
    files.write(path, (json.dumps(own, indent=2) + "\n").encode("utf-8"))


def _missing(config: Config) -> np.ndarray:
    """The mask, bool [1, M, M, 1], True = missing."""
    row = hub.describe_generator(config.generator)
    blank = np.zeros([row.resolution, row.resolution, row.channels], np.float32)
    jobs, expected = prepare(blank, config=config, masks=FLAGS.mask)
    return inputs.load(jobs[0], expected=expected).missing[None]


class Calibration:
    """The images of a command, and what is known of them so far.

    Args:
        config: how they are inferred.
        missing: bool [1, M, M, 1], True = missing; or None.
        folder: of the results.
    """

    def __init__(self, config: Config, *, missing, folder: Path):
        self._config, self._missing = config, missing
        self._restorer = Restorer(config)
        self._table = folder / "images.csv"
        self._rows = {tuple(row[key] for key in _KEYS): row for row in _read(self._table)}

    def run(self) -> None:
        """Infers what is missing, batch by batch."""
        size = FLAGS.batch_size
        truths = None if FLAGS.truth in SIMULATED else self._real()
        count = FLAGS.num_images if truths is None else min(FLAGS.num_images, len(truths))
        if count < BINS:
            raise InputError("truth", f"must be at least {BINS} images", received=count)
        for first in tqdm(
            range(0, count, size), desc=f"{FLAGS.truth} {FLAGS.estimator}", unit="batch"
        ):
            indices = range(first, min(first + size, count))
            if all(self._key(index) in self._rows for index in indices):
                continue
            truth = self._simulated(indices) if truths is None else truths[list(indices)]
            for index, found in zip(indices, self._judged(truth, indices), strict=True):
                key = self._key(index)
                self._rows[key] = dict(zip(_KEYS, key, strict=True)) | found
            _write_csv(self._table, list(self._rows.values()))

    def ranks(self) -> dict[str, np.ndarray]:
        """Ranks in [0, 1) by 'truth estimator'."""
        found: dict[str, list[float]] = {}
        for row in self._rows.values():
            name = f"{row['truth']} {row['estimator']}"
            found.setdefault(name, []).append(float(row["rank"]))
        return {name: np.array(values) for name, values in found.items()}

    def summary(self) -> dict[str, dict[str, float]]:
        """Means of figures, their standard errors and the ranks' p-value, by 'truth estimator'."""
        found = {}
        for name, ranks in self.ranks().items():
            rows = [r for r in self._rows.values() if f"{r['truth']} {r['estimator']}" == name]
            own = {
                "num_images": len(rows),
                "chi_square_p": round(chi_square_p(ranks, bins=BINS), 4),
            }
            names = [*sampling.INTERVALS, "coverage_90_noise", "samples_residual", *_OF_CHAINS]
            for key in (key for key in names if rows[0].get(key, "") != ""):
                values = np.array([float(row[key]) for row in rows])
                own[key] = round(float(values.mean()), 4)
                own[f"{key}_error"] = round(float(values.std(ddof=1) / len(values) ** 0.5), 4)
            for correction in CORRECTIONS:
                own |= _fitted(rows, correction)
            found[name] = own
        return found

    def _key(self, index: int) -> tuple[str, str, str]:
        name = FLAGS.estimator
        if "surrogate" in ESTIMATORS.row(name).options:
            name += f"({FLAGS.surrogate})"
        truth = FLAGS.truth if FLAGS.truth in SIMULATED else Path(FLAGS.truth).name
        truth += " (noise inferred)" if FLAGS.infer_noise else ""
        return truth, name, str(index)

    def _real(self) -> np.ndarray:
        clean = Config(generator=self._config.generator, input_kind="clean")
        jobs, expected = prepare(FLAGS.truth, config=clean)
        return np.stack([inputs.load(job, expected=expected).image for job in jobs])

    def _simulated(self, indices) -> np.ndarray:
        """Images [B, H, W, C] of seeds of their own, as the generator makes them: not clipped."""
        import tensorflow as tf

        generator, prior = self._restorer.generator, self._restorer.posterior.prior
        rngs = [np.random.default_rng([self._config.seed, index]) for index in indices]
        if FLAGS.truth == "prior":
            shape = prior.num_rows, len(prior.mean)
            v = np.stack([rng.standard_normal(shape, "float32") for rng in rngs])
            ws = prior.latents(tf.constant(v))
        else:
            z = np.stack([rng.standard_normal(generator.z_dim, "float32") for rng in rngs])
            ws = tf.repeat(generator.mapping(z)[:, None], generator.num_ws, axis=1)
        return np.asarray(generator.synthesis(ws))

    def _judged(self, truth, indices) -> list[dict[str, float]]:
        """Rank and coverage of each image of a batch."""
        data = {}
        if self._missing is not None:
            data = {"missing": np.repeat(self._missing, len(truth), axis=0)}
        measurement = self._measured(truth, data, indices)
        *_, last = self._restorer.estimator.run(measurement, data=data)
        fit = self._restorer.estimator.fit(last.state)
        drawn, parameters = self._drawn(fit, measurement, data)
        observed = self._restorer.corruption.with_data(**data).observed(measurement)
        observed = np.broadcast_to(observed, measurement.shape) > 0
        missing = _hole(observed, measurement, truth)
        figures = sampling.figures_of(
            drawn, parameters, measurement, observed=observed, truth=truth, missing=missing
        )
        figures |= self._restorer.estimator.figures(fit)
        # Not of clipped pictures: where both are white, nothing would be learned.
        for name, share in sampling.INTERVALS.items():
            figures[name] = sampling.coverage(drawn[1], truth, share=share, counted=missing)
        for spread in CORRECTIONS["spread"]:
            wide, _ = self._drawn(fit, measurement, data, spread=spread)
            covered = sampling.coverage(wide[1], truth, share=0.9, counted=missing)
            figures[_column("spread", spread)] = covered
        if FLAGS.infer_noise:
            own = parameters["noise_scale"].mean(axis=0)
            discrepancy = sampling.discrepancy_map(drawn[1], own, missing=missing)
            figures["coverage_90_noise"] = sampling.coverage(
                drawn[1], truth, share=0.9, counted=missing, discrepancy=discrepancy
            )
        for levels in CORRECTIONS["discrepancy"]:
            figures[_column("discrepancy", levels)] = sampling.coverage(
                drawn[1], truth, share=0.9, counted=missing, discrepancy=levels
            )
        ranks = [
            self._rank(
                drawn[1][:, b],
                truth[b],
                missing=None if missing is None else missing[b],
                index=index,
            )
            for b, index in enumerate(indices)
        ]
        return [
            {"rank": rank, **{name: float(values[b]) for name, values in figures.items()}}
            for b, rank in enumerate(ranks)
        ]

    def _drawn(self, fit, measurement, data, *, spread: float = 1.0):
        """What `sampling.draw_samples` returns; known pixels are not put back."""
        return sampling.draw_samples(
            self._restorer.estimator,
            fit,
            render=lambda ws, own: (
                *self._restorer.render(ws, measurement, data, own)[:2],
                None,
            ),
            num_samples=sampling.STATISTICS_DRAWS,
            seed=self._config.seed + 1,
            spread=spread,
        )

    def _measured(self, truth, data, indices) -> np.ndarray:
        from brgm_tf.corruptions.gaussian_noise import GaussianNoise  # which imports TensorFlow

        seeds = np.array([[self._config.seed, index] for index in indices], np.int32)
        corruption = self._restorer.corruption.with_data(**data)
        corruption = corruption.with_params(**self._restorer.drawn_parameters(seeds))
        if not corruption.adds_noise:
            corruption = corruption + GaussianNoise(FLAGS.noise_scale)
        return corruption.simulate(truth, seeds).numpy()

    def _rank(self, draws, truth, *, missing, index: int) -> float:
        """Share of the draws that are below the truth at a random pixel that counts."""
        counted = np.broadcast_to(True if missing is None else missing, truth.shape)
        rng = np.random.default_rng([self._config.seed, index, 2])
        where = tuple(rng.choice(np.argwhere(counted)))
        below = (draws[(slice(None), *where)] < truth[where]).sum()
        return float(below / (len(draws) + 1))


def _hole(observed, measurement, truth) -> np.ndarray | None:
    """bool [B, H, W, 1], the pixels that are not measured, where others are; None elsewhere."""
    is_image = measurement.shape == truth.shape and not np.iscomplexobj(measurement)
    return ~observed.all(axis=-1, keepdims=True) if is_image and not observed.all() else None


def _column(correction: str, value: float) -> str:
    return f"coverage_90_{correction}_{value:g}"


def _fitted(rows, correction: str) -> dict[str, float]:
    """The correction that odd images need to cover 90 %, and what even images then cover."""
    values = CORRECTIONS[correction]

    def covered(remainder: int) -> list[float]:
        half = [row for row in rows if int(row["image"]) % 2 == remainder]
        return [float(np.mean([float(r[_column(correction, v)]) for r in half])) for v in values]

    value, scored = fitted_correction(covered(1), covered(0), values=values, share=0.9)
    return {correction: round(value, 3), f"{correction}_coverage_90": round(scored, 4)}


def ranks_png(ranks: dict[str, np.ndarray]) -> bytes:
    """A histogram for each name, with the band that 95 % of uniform ranks' bins lie in."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(ranks), 2.6), dpi=150, layout="tight")
    for i, (name, values) in enumerate(ranks.items()):
        axes = figure.add_subplot(1, len(ranks), i + 1)
        expected = len(values) / BINS
        spread = 1.96 * (expected * (1 - 1 / BINS)) ** 0.5
        axes.axhspan(expected - spread, expected + spread, color="#dddddd", zorder=0)
        axes.hist(values, bins=BINS, range=(0, 1), color="#3b6ea5", edgecolor="white")
        axes.set_ylim(bottom=0)
        axes.set_title(f"{name}, {len(values)} images", fontsize=8)
        axes.set_xlabel("rank of the truth among the draws", fontsize=7)
        axes.tick_params(labelsize=7)
    file = io.BytesIO()
    figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


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
    files.write(path, file.getvalue().encode("utf-8"))


if __name__ == "__main__":
    main()
