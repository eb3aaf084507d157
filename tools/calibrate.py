"""Checks whether posteriors are calibrated, by simulation: python tools/calibrate.py.

    python tools/calibrate.py --output_dir=calibration --corruption='downsample(factor=8)'

Each image is corrupted, with noise of a known scale, and restored without a perceptual term. The
noise is normal, unless the corruption ends in a noise stage. The command then compares the truth
with samples of the posterior. It records the rank of a random pixel, and the fraction of pixels
inside the central 50 % and 90 % intervals. With a mask of the image, missing pixels alone count.

    --truth=prior    images from the prior of the model; ranks are uniform if inference is right
    --truth=mapped   images from the generator's mapping of z; the prior is a Gaussian near them
    --truth=FOLDER   real images, which may lie outside the generator's range

The output folder holds images.csv (a row for each image), ranks.png (histograms) and
coverage.json. coverage.json has the means of the fractions, of the samples' distance from the
measurement (`samples_residual`, grey levels), and, with --estimator=hmc, of `r_hat` and
`effective_samples`. It also has two corrections for overconfident posteriors, which are flags of
`python -m brgm_tf.reconstruct`. Each correction is fitted to the odd images, so that their 90 %
intervals hold 90 %, and scored on the even images (`..._coverage_90`):

    dispersion_factor         factor on the samples' distance from their mean, for a surrogate
                              that is too narrow
    model_discrepancy_stddev  standard deviation of the model discrepancy in grey levels, for
                              images outside the generator's range

With --infer_noise, `coverage_90_noise` is the coverage with the inferred noise scale as the
discrepancy. The same command resumes a stopped one. Another --truth, --estimator or --surrogate
adds rows; other settings are refused.

Reference: Talts et al., Validating Bayesian inference algorithms with simulation-based
calibration (arXiv 1804.06788).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from calibrating.settings import Settings
from calibrating.summary import BINS

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.io import output_folder
from brgm_tf.posterior.surrogates.table import SURROGATES
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or 2 for an unusable argument."""
    options = vars(_parser().parse_args(arguments))
    try:
        folder = output_folder.check_writable(options.pop("output_dir"))
        settings = Settings(**options)
        process.import_quietly("tensorflow")
        from calibrating.study import calibrate

        sys.stdout.write(calibrate(settings, folder))
    except InputError as error:
        process.say(f"error: --{error.argument}: {error}")
        return process.UNUSABLE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, positive = parser.add_argument, process.positive
    add("--output_dir", required=True, help="Folder of the results")
    estimators = [name for name, row in ESTIMATORS.items() if row.samples]
    add("--estimator", choices=estimators, default="vi", help="Estimator to check")
    add("--truth", default="prior", help="prior, mapped, or a file, folder or glob of images")
    add("--num_images", type=_num_images, default=200, help="Number of images")
    add("--generator", default=DEFAULT_GENERATOR, help="Handle of the generator")
    add("--corruption", default="downsample(factor=8)", help="Corruption of the images")
    add("--mask", help="File of the mask, for a corruption with 'mask()'")
    add("--noise_scale", type=_scale, help="Standard deviation of the noise in grey levels (3)")
    add("--infer_noise", action="store_true", help="Infer the noise scale")
    add("--num_steps", type=positive, default=350, help="Number of steps of the estimator")
    add("--surrogate", choices=list(SURROGATES), default="low_rank", help="Surrogate of vi")
    add("--surrogate_rank", type=positive, default=64, help="Rank of the low_rank surrogate")
    add("--num_elbo_samples", type=_even, default=4, help="Samples of a step of vi, even")
    add("--batch_size", type=positive, default=8, help="Number of images in one program")
    add("--seed", type=int, default=0, help="Seed of all random numbers")
    return parser


def _num_images(text: str) -> int:
    if process.positive(text) < BINS:
        raise argparse.ArgumentTypeError(f"must be at least {BINS}")
    return int(text)


def _even(text: str) -> int:
    if process.positive(text) % 2:
        raise argparse.ArgumentTypeError("must be even")
    return int(text)


def _scale(text: str) -> float:
    scale = float(text)
    if not 1e-3 <= scale < float("inf"):
        raise argparse.ArgumentTypeError("must be a number of at least 0.001")
    return scale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
