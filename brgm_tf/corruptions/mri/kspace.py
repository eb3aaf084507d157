"""MRI with fewer measurements: compressed sensing."""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import (
    MAX_INT,
    checked,
    either,
    file_name,
    fraction,
    integer,
    one_of,
    optional,
    ratio,
)
from brgm_tf.corruptions.mri.fourier_sampling import FourierSampling
from brgm_tf.corruptions.mri.pattern_files import SUFFIXES, fitted, load_pattern
from brgm_tf.corruptions.mri.sampling_patterns import PATTERNS, sampled_values
from brgm_tf.corruptions.mri.sensitivity_files import load_sensitivities


@dataclasses.dataclass(frozen=True, eq=False)  # a file may hold something else tomorrow
class KSpace(FourierSampling):
    """An MRI scan that skips most of k-space: y_k = P F S_k (x + 1) / 2.

    The image is a magnitude, black 0 and white 1; F is orthonormal with the frequency 0 in the
    middle; P keeps what `sampling_patterns` says, the same for all images. See
    `fourier_sampling` for the adjoint and `FourierSampling` for the units of noise.

    Images are real: what phase a scan has must be in the sensitivities. Every coil has the same
    noise, and none is correlated.

    DeepInverse's `MRI` and `MultiCoilMRI` give the same of the magnitude (x + 1) / 2, to 1e-14;
    they have real and imaginary parts as two channels, and coils before the sides. Their adjoint
    is complex: A^H is half its real part. fastMRI's `fft2c` is F.

    Args:
        acceleration: values of k-space for one that is measured, at least 1; 4 and 8 are
            fastMRI's. None where a file says what is sampled.
        pattern: 'uniform' (default), 'variable', 'equispaced' (columns, all three) or 'radial';
            or the path of a file, the mask of a scanner, see `pattern_files`: center_fraction
            and seed do not matter then. It is read once, here.
        center_fraction: share of the width about the frequency 0 that is measured without gaps,
            in (0, 1), default 0.08, fastMRI's of an acceleration of 4.
        seed: of the draw, in [0, 2^31), default 0.
        sensitivities: path of a .npy file, complex [H, W, coils], the maps S, taken as they
            are; None (default) for one coil of sensitivity 1. It is read once, here.

    Attributes:
        sensitivity_maps: S, complex128 [H, W, coils], or None.
        pattern_values: bool [H, W] or [W], of the pattern's file; None without one.

    Raises:
        InputError: an argument is no such value, or a file holds no such maps or pattern.

    Reference: Lustig, Donoho, Pauly (2007), Sparse MRI; Pruessmann et al. (1999), SENSE;
    Zbontar et al. (2018), fastMRI (arXiv 1811.08839).
    """

    acceleration: float | None = None
    pattern: str = "uniform"
    center_fraction: float = 0.08
    seed: int = 0
    sensitivities: str | None = None
    sensitivity_maps: np.ndarray | None = dataclasses.field(init=False, repr=False)
    pattern_values: np.ndarray | None = dataclasses.field(init=False, repr=False)

    def __post_init__(self):
        for name, check in (
            ("acceleration", optional(ratio)),
            ("pattern", either(one_of(*PATTERNS), file_name(*SUFFIXES))),
            ("center_fraction", fraction),
            ("seed", integer(0, MAX_INT)),
            ("sensitivities", optional(file_name(".npy"))),
        ):
            object.__setattr__(self, name, checked(name, getattr(self, name), check))
        has_file = self.pattern not in PATTERNS
        if has_file == (self.acceleration is not None):
            raise InputError(
                "corruption",
                "kspace needs either an acceleration or the file of a pattern, not both",
                remedy="Write kspace(acceleration=4), or kspace(pattern='mask.npy')",
                acceleration=self.acceleration,
                pattern=self.pattern,
            )
        object.__setattr__(self, "pattern_values", load_pattern(self.pattern) if has_file else None)
        maps = None if self.sensitivities is None else load_sensitivities(self.sensitivities)
        object.__setattr__(self, "sensitivity_maps", maps)

    def sampled_map(self, height: int, width: int) -> np.ndarray:
        """bool [height, width], True = sampled.

        Raises:
            InputError: the acceleration leaves less than the centre, or the file's pattern is
                for another size.
        """
        if self.pattern_values is not None:
            return fitted(self.pattern_values, height, width, path=self.pattern)
        return sampled_values(
            height,
            width,
            pattern=self.pattern,
            acceleration=self.acceleration,
            center_fraction=self.center_fraction,
            seed=self.seed,
        )

    def get_config(self) -> dict:
        """{'acceleration': ..., 'pattern': ..., ..., 'sensitivities': ...}."""
        names = ("acceleration", "pattern", "center_fraction", "seed", "sensitivities")
        return {name: getattr(self, name) for name in names}
