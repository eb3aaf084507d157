"""MRI with fewer measurements: compressed sensing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import either, file_name, fraction, one_of, optional, ratio
from brgm_tf.corruptions.common_parameters import seed_parameter, slice_seed
from brgm_tf.corruptions.mri.fourier_sampling import BoundFourierSampling, FourierSampling
from brgm_tf.corruptions.mri.pattern_files import SUFFIXES, fitted, load_pattern
from brgm_tf.corruptions.mri.sampling_patterns import PATTERNS, sampled_values
from brgm_tf.corruptions.mri.sensitivity_files import load_sensitivities


@dataclasses.dataclass(frozen=True, eq=False, repr=False)  # the files may change
class KSpace(FourierSampling):
    """An MRI scan that skips most of k-space: y_k = P F S_k (x + 1) / 2.

    The image is a magnitude, black 0 and white 1; F is orthonormal with the frequency 0 in the
    middle; P keeps the values of a pattern (`sampling_patterns`), the same for all images. See
    `fourier_sampling` for the adjoint and `FourierSampling` for the units of noise.

    Images are real, so the phase of a scan must be in the sensitivities. Every coil has the same
    noise, without correlations.

    DeepInverse's `MRI` and `MultiCoilMRI` give the same for the magnitude (x + 1) / 2, to 1e-14.
    They have real and imaginary parts as two channels, and coils before the sides. Their adjoint is
    complex, and A^H is half its real part. fastMRI's `fft2c` is F.

    Args:
        acceleration: Ratio of all values of k-space to measured values, at least 1; 4 and 8 are
            fastMRI's. None (default) if a file states the sampled values.
        pattern: 'uniform' (default), 'variable', 'equispaced' (columns, all three) or 'radial'; or
            the path of a file, the mask of a scanner, see `pattern_files`. With a file,
            center_fraction and seed have no effect. The constructor reads the file once.
        center_fraction: Fraction of the width around the frequency 0 that is measured without gaps,
            in (0, 1), default 0.08, fastMRI's for an acceleration of 4.
        seed: Seed of the draw, in [0, 2^31), default 0.
        sensitivities: Path of a .npy file with the maps S, complex [H, W, coils], used as they are;
            None (default) for one coil of sensitivity 1. The constructor reads the file once.

    Attributes:
        sensitivity_maps: S, complex128 [H, W, coils], or None.
        pattern_values: bool [H, W] or [W] from the file of the pattern; None without a file.

    Raises:
        InputError: An argument is not in its range, or a file does not hold maps or a pattern.

    Example:
        >>> from brgm_tf import KSpace
        >>> KSpace(acceleration=4).sampled_map(64, 64).mean().item()
        0.25

    Reference: Lustig, Donoho, Pauly (2007), Sparse MRI; Pruessmann et al. (1999), SENSE; Zbontar et
    al. (2018), fastMRI (arXiv 1811.08839).
    """

    acceleration: float | None = parameter(
        optional(ratio),
        "Ratio of all values of k-space to measured values; required without the file of a pattern",
        default=None,
        typical=(1, 12, 4),
    )
    pattern: str = parameter(
        either(one_of(*PATTERNS), file_name(*SUFFIXES)),
        "Random columns, random columns denser in the middle, columns at equal distances, or "
        "spokes; or a file of the sampled values, .npy or grey .png, [H, W] or columns [W], 0 = "
        "not sampled",
        default="uniform",
        suffixes=SUFFIXES,
    )
    center_fraction: float = parameter(
        fraction, "Fraction of the width measured without gaps in the middle", default=0.08
    )
    seed: int = seed_parameter()
    sensitivities: str | None = parameter(
        optional(file_name(".npy")),
        "Sensitivities of the coils: .npy, complex [H, W, coils]; None for a single coil",
        default=None,
        suffixes=(".npy",),
    )
    sensitivity_maps: np.ndarray | None = dataclasses.field(init=False, repr=False)
    pattern_values: np.ndarray | None = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
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
        """Returns bool [height, width], True = sampled.

        Raises:
            InputError: The acceleration leaves fewer values than the centre, or the pattern of the
                file has another size.
        """
        return self._sampled_map(height, width, seed=self.seed)

    def of_volume(
        self, volume_shape: tuple[int, ...], *, indices: Sequence[int] | None = None
    ) -> BoundFourierSampling:
        """Returns the samples of the slices; slice s has the pattern of the seed + s."""
        num_slices, height, width, _ = volume_shape
        indices = range(num_slices) if indices is None else indices
        seeds = [slice_seed(self.seed, index) for index in indices]
        maps = [self._sampled_map(height, width, seed=seed) for seed in seeds]
        return BoundFourierSampling(np.stack(maps), self.sensitivity_maps)

    def _sampled_map(self, height: int, width: int, *, seed: int) -> np.ndarray:
        if self.pattern_values is not None:
            return fitted(self.pattern_values, height, width, path=self.pattern)
        return sampled_values(
            height,
            width,
            pattern=self.pattern,
            acceleration=self.acceleration,
            center_fraction=self.center_fraction,
            seed=seed,
        )
