"""Registry of the baselines, whose prior is smoothness or the form of a network.

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

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baseline(Row):
    """A row of `BASELINES`.

    Args:
        corruptions: Names of the supported corruptions.
        requires: Required module of an optional dependency, or ''.
        extra: Name of the extra with that module.
        slow: Whether the baseline is slow, and runs on request only.
    """

    corruptions: tuple[str, ...]
    requires: str = ""
    extra: str = "evaluate"
    slow: bool = False


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


def baselines_of(corruption: str, *, slow: bool = False) -> list[str]:
    """Returns the names of the baselines for a corruption.

    Args:
        corruption: Name of the corruption; for a chain, `corruptions.parsing.Stages.kind`.
        slow: Whether to include slow baselines; default False.

    Example:
        >>> baselines_of("downsample")
        ['bicubic']
    """
    fitting = {name: row for name, row in BASELINES.items() if corruption in row.corruptions}
    return [name for name, row in fitting.items() if slow or not row.slow]


def descriptions() -> str:
    """Returns one text about all baselines, for `--help`."""
    return "; ".join(
        f"{name}: {row.help} ({', '.join(row.corruptions)}{'; slow' if row.slow else ''})"
        for name, row in BASELINES.items()
    )


def check_installed(name: str) -> None:
    """Checks that the package of a baseline is installed.

    Raises:
        InputError: The package is not installed.
    """
    import importlib.util

    row = BASELINES[name]
    if row.requires and importlib.util.find_spec(row.requires) is None:
        raise InputError(
            "baselines",
            f"needs {row.requires} for {name}",
            remedy=f"pip install 'brgm_tf[{row.extra}]', or leave it out",
            baselines=name,
        )
