"""Corruptions: ways in which an image is damaged, by name.

A new corruption is one file and one row here; flags, `--help` and the generic tests
take it up from the row. TensorFlow is imported only when a corruption is created.
`parsing` reads calls, chains of them, and corruptions from a file of the user's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from brgm_tf.registry import (
    REQUIRED,
    Parameter,
    Registry,
    Row,
    between,
    number,
    one_of,
    optional,
    positive_float,
    positive_int,
)


@dataclasses.dataclass(frozen=True)
class CorruptionRow(Row):
    """A registered corruption.

    Args:
        data_names: names of the per-image arrays that it takes.
        noise_scale: of a stage of noise, its arguments -> the standard deviation of a value in
            grey levels, or None where they do not say; None for what adds no noise.
        fixed_noise: whether the densities take no other noise scale than that.
    """

    data_names: tuple[str, ...] = ()
    noise_scale: Callable[[Mapping[str, object]], float | None] | None = None
    fixed_noise: bool = False

    @property
    def adds_noise(self) -> bool:
        """Whether it is a stage of noise."""
        return self.noise_scale is not None


CORRUPTIONS = Registry(
    "corruption",
    {
        "none": CorruptionRow(
            "brgm_tf.corruptions.identity:Identity",
            "the image itself: inversion into the generator's latents",
        ),
        "downsample": CorruptionRow(
            "brgm_tf.corruptions.downsample:Downsample",
            "fewer pixels: super-resolution",
            {
                "factor": Parameter(REQUIRED, positive_int, "pixels of the image a side"),
                "method": Parameter(
                    "box",
                    one_of("box", "bicubic"),
                    "box: mean of a block; bicubic: PyTorch's, without antialiasing",
                ),
            },
        ),
        "mask": CorruptionRow(
            "brgm_tf.corruptions.mask:Mask",
            "pixels missing: in-painting; the mask itself comes with each image",
            {"fill": Parameter(1.0, number(-1, 1), "value of missing pixels, -1 black to 1 white")},
            data_names=("missing",),
        ),
        "noise": CorruptionRow(
            "brgm_tf.corruptions.gaussian_noise:GaussianNoise",
            "normal noise; the last stage, as all noise",
            {"scale": Parameter(REQUIRED, positive_float, "standard deviation, grey levels")},
            noise_scale=lambda arguments: arguments["scale"],
        ),
        "poisson": CorruptionRow(
            "brgm_tf.corruptions.poisson_noise:PoissonNoise",
            "noise of counted photons",
            {"peak": Parameter(REQUIRED, positive_float, "photons of a white pixel")},
            # Of a middle grey: (255 / peak) sqrt(peak / 2).
            noise_scale=lambda arguments: 255.0 * math.sqrt(0.5 / arguments["peak"]),
            fixed_noise=True,
        ),
        "salt_and_pepper": CorruptionRow(
            "brgm_tf.corruptions.salt_and_pepper:SaltAndPepper",
            "a share of the values is black or white",
            {
                "share": Parameter(REQUIRED, between(0, 1), "of the values that are lost"),
                "scale": Parameter(
                    None,
                    optional(positive_float),
                    "standard deviation of the others, grey levels; None adds nothing to them",
                ),
            },
            noise_scale=lambda arguments: arguments["scale"],
        ),
    },
)
