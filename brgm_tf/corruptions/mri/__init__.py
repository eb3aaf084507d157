"""Undersampled k-space of magnetic resonance imaging."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.mri.fourier_sampling import FourierSampling as FourierSampling
    from brgm_tf.corruptions.mri.kspace import KSpace as KSpace
    from brgm_tf.corruptions.mri.sampling_patterns import PATTERNS as PATTERNS

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "FourierSampling": "fourier_sampling",
        "KSpace": "kspace",
        "PATTERNS": "sampling_patterns",
    },
)
