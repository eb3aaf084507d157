"""Noise: the scatter of a measurement around its mean."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.noise.noise import Noise as Noise
    from brgm_tf.corruptions.noise.noise_model import NoiseModel as NoiseModel
    from brgm_tf.corruptions.noise.poisson_noise import PoissonNoise as PoissonNoise
    from brgm_tf.corruptions.noise.salt_and_pepper import SaltAndPepper as SaltAndPepper

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Noise": "noise",
        "NoiseModel": "noise_model",
        "PoissonNoise": "poisson_noise",
        "SaltAndPepper": "salt_and_pepper",
    },
)
