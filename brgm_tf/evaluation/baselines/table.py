"""Registry of the baselines, which restore without a generator.

Their prior is smoothness, the form of a network, or a network that was trained for the task.

A new baseline is one file with a function, and one row here:

    function(y, *, corruption, missing, resolution, seed) -> x

    y            measurement [h, w, C] in [-1, 1], or complex k-space
    corruption   `Corruption` of y, bound to its data
    missing      bool [h, w, 1], True for unobserved values of y
    resolution   height and width of x, H = W
    seed         integer, for functions that draw
    x            restored image, float32 [H, W, C]

A function names the keywords that it uses, and accepts the others as `**_`. Loading a row imports
its module.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Callable

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import Row
from brgm_tf.evaluation.baselines import enlargements
from brgm_tf.weights import fetching


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baseline(Row):
    """A row of `BASELINES`.

    Args:
        corruptions: Names of the supported corruptions.
        requires: Required module of an optional dependency, or ''.
        extra: Name of the extra with that module.
        slow: Whether the baseline is slow, and runs on request only.
        weights: Name of downloaded weights, or ''. A baseline with weights runs on request only.
        check_factor: Function that raises an InputError for an unsupported factor of
            downsampling; None if every factor is supported.
    """

    corruptions: tuple[str, ...]
    requires: str = ""
    extra: str = "evaluate"
    slow: bool = False
    weights: str = ""
    check_factor: Callable[[float], object] | None = None

    @property
    def is_default(self) -> bool:
        """Whether the baseline runs without a request."""
        return not (self.slow or self.weights)

    @property
    def notes(self) -> str:
        """The supported corruptions, and the reason why the baseline runs on request only."""
        notes = [", ".join(self.corruptions)]
        if self.slow:
            notes.append("slow")
        if self.weights:
            notes.append(f"downloads {self.weights}")
        return "; ".join(notes)


_MASKS = ("mask", "random_mask", "box_mask", "scratches", "half_mask")

BASELINES: dict[str, Baseline] = {
    "bicubic": Baseline(
        "brgm_tf.evaluation.baselines.bicubic:bicubic",
        "enlargement by Keys' cubic kernel",
        corruptions=("downsample",),
    ),
    "biharmonic": Baseline(
        "brgm_tf.evaluation.baselines.biharmonic:biharmonic",
        "smoothest continuation into the hole",
        corruptions=_MASKS,
        requires="skimage",
    ),
    "tv": Baseline(
        "brgm_tf.evaluation.baselines.total_variation:tv",
        "continuation with the least total variation",
        corruptions=_MASKS,
    ),
    "dip": Baseline(
        "brgm_tf.evaluation.baselines.deep_image_prior:dip",
        "Deep Image Prior, an untrained network fitted to each measurement",
        corruptions=("downsample", *_MASKS),
        slow=True,
    ),
    "esrgan": Baseline(
        "brgm_tf.evaluation.baselines.esrgan:esrgan",
        "ESRGAN-thick, trained on photographs (MIT licence)",
        corruptions=("downsample",),
        weights="esrgan-thick",
        check_factor=enlargements.passes,
    ),
    "migan": Baseline(
        "brgm_tf.evaluation.baselines.migan:migan",
        "MI-GAN, a trained network (licence of its weights not stated)",
        corruptions=_MASKS,
        requires="onnxruntime",
        weights="migan",
    ),
    "zero_filled": Baseline(
        "brgm_tf.evaluation.baselines.zero_filled:zero_filled",
        "zeros for the samples outside the pattern",
        corruptions=("kspace",),
    ),
    "l1_wavelet": Baseline(
        "brgm_tf.evaluation.baselines.l1_wavelet:l1_wavelet",
        "compressed sensing with sparse wavelets",
        corruptions=("kspace",),
        requires="sigpy",
        extra="mri",
    ),
    "tv_kspace": Baseline(
        "brgm_tf.evaluation.baselines.tv_kspace:tv_kspace",
        "compressed sensing with small total variation",
        corruptions=("kspace",),
        requires="sigpy",
        extra="mri",
    ),
}


def baselines_of(corruption: str, *, on_request: bool = False) -> list[str]:
    """Returns the names of the baselines for a corruption.

    Args:
        corruption: Name of the corruption; for a chain, `corruptions.parsing.Stages.kind`.
        on_request: Whether to include baselines that run on request only; default False.

    Example:
        >>> baselines_of("downsample")
        ['bicubic']
    """
    fitting = {name: row for name, row in BASELINES.items() if corruption in row.corruptions}
    return [name for name, row in fitting.items() if on_request or row.is_default]


def descriptions() -> str:
    """Returns one text about all baselines, for `--help`."""
    return "; ".join(f"{name}: {row.help} ({row.notes})" for name, row in BASELINES.items())


def prepare(name: str, *, factor: float = 1) -> None:
    """Checks that a baseline can run, and fetches its weights.

    Args:
        name: Name of the baseline.
        factor: Ratio of the pixels of the image to the measured ones, along a side; default 1.

    Raises:
        InputError: The package of the baseline is not installed, the factor is not supported, or
            the weights cannot be fetched.
    """
    row = BASELINES[name]
    if row.requires and importlib.util.find_spec(row.requires) is None:
        raise InputError(
            "baselines",
            f"needs {row.requires} for {name}",
            remedy=f"pip install 'brgm_tf[{row.extra}]', or leave it out",
            baselines=name,
        )
    if row.check_factor is not None:
        row.check_factor(factor)
    if row.weights:
        fetching.fetch(
            row.weights, progress=lambda line: sys.stderr.write(f"{line}\n"), argument="baselines"
        )
