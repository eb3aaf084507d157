"""Restorations to compare with, by name: no prior but smoothness, or a network's form.

A new baseline is one file with a function and one row here:

    function(y, *, corruption, missing, resolution, seed) -> x

with y [h, w, C] a measurement in [-1, 1], or complex k-space, the `Corruption` that it comes
from, bound to its data, missing bool [h, w, 1], True where y says nothing, H = W = resolution,
seed an int for those that draw, and x float32 [H, W, C]. A function names the keywords that it
needs and takes the others as `**_`. What it needs to import is imported only when a row is loaded.
"""

from __future__ import annotations

import dataclasses

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baseline(Row):
    """A row of `BASELINES`.

    Args:
        corruptions: names of the corruptions that it is for.
        requires: the module that it needs, of an extra; '' for none.
        extra: the name of that.
        slow: whether it takes so long that it runs only where it is named.
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
        "the smoothest continuation into the hole",
        corruptions=_MASKS,
        requires="skimage",
    ),
    "tv": Baseline(
        "brgm_tf.evaluation.baselines.total_variation:tv",
        "the continuation of least total variation",
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
        "zeros in the place of what was not sampled",
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
        "compressed sensing with little total variation",
        corruptions=("kspace",),
        requires="sigpy",
        extra="mri",
    ),
}


def baselines_of(corruption: str, *, slow: bool = False) -> list[str]:
    """Names of the baselines for a corruption.

    Args:
        corruption: its name; that of a chain is `corruptions.parsing.Stages.kind`.
        slow: whether the slow ones are among them.
    """
    fitting = {name: row for name, row in BASELINES.items() if corruption in row.corruptions}
    return [name for name, row in fitting.items() if slow or not row.slow]


def descriptions() -> str:
    """One sentence of all baselines, for `--help`."""
    return "; ".join(
        f"{name}: {row.help} ({', '.join(row.corruptions)}{'; slow' if row.slow else ''})"
        for name, row in BASELINES.items()
    )


def check_installed(name: str) -> None:
    """Refuses a baseline whose package is not installed.

    Raises:
        InputError: it is not.
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
