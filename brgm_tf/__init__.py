"""Bayesian image restoration with a generative model as the prior."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.core.errors import InputError as InputError
    from brgm_tf.corruptions import Align as Align
    from brgm_tf.corruptions import Bayer as Bayer
    from brgm_tf.corruptions import Blur as Blur
    from brgm_tf.corruptions import BoxMask as BoxMask
    from brgm_tf.corruptions import Chain as Chain
    from brgm_tf.corruptions import Clip as Clip
    from brgm_tf.corruptions import Corruption as Corruption
    from brgm_tf.corruptions import DiskBlur as DiskBlur
    from brgm_tf.corruptions import Downsample as Downsample
    from brgm_tf.corruptions import Gain as Gain
    from brgm_tf.corruptions import Gamma as Gamma
    from brgm_tf.corruptions import Grayscale as Grayscale
    from brgm_tf.corruptions import HalfMask as HalfMask
    from brgm_tf.corruptions import Identity as Identity
    from brgm_tf.corruptions import Jpeg as Jpeg
    from brgm_tf.corruptions import KernelBlur as KernelBlur
    from brgm_tf.corruptions import KSpace as KSpace
    from brgm_tf.corruptions import Mask as Mask
    from brgm_tf.corruptions import MissingSlices as MissingSlices
    from brgm_tf.corruptions import MotionBlur as MotionBlur
    from brgm_tf.corruptions import Noise as Noise
    from brgm_tf.corruptions import Occlusion as Occlusion
    from brgm_tf.corruptions import PoissonNoise as PoissonNoise
    from brgm_tf.corruptions import Quantise as Quantise
    from brgm_tf.corruptions import RandomMask as RandomMask
    from brgm_tf.corruptions import SaltAndPepper as SaltAndPepper
    from brgm_tf.corruptions import Scratches as Scratches
    from brgm_tf.corruptions import ThickSlices as ThickSlices
    from brgm_tf.corruptions import list_corruptions as list_corruptions
    from brgm_tf.estimators import HMC as HMC
    from brgm_tf.estimators import MAP as MAP
    from brgm_tf.estimators import VI as VI
    from brgm_tf.estimators import VIBrgm as VIBrgm
    from brgm_tf.generators import load_generator as load_generator
    from brgm_tf.pipeline import Config as Config
    from brgm_tf.pipeline import list_generators as list_generators
    from brgm_tf.pipeline import list_presets as list_presets
    from brgm_tf.pipeline import restore as restore
    from brgm_tf.pipeline import restore_volume as restore_volume
    from brgm_tf.posterior import Posterior as Posterior
    from brgm_tf.posterior import VolumePosterior as VolumePosterior
    from brgm_tf.reporting import ImageResult as ImageResult
    from brgm_tf.reporting import Restoration as Restoration
    from brgm_tf.reporting import VolumeResult as VolumeResult

__version__ = "0.2.0"
__getattr__, __dir__, _names = lazy.exports(
    __name__,
    {
        "Align": "corruptions",
        "Bayer": "corruptions",
        "Blur": "corruptions",
        "BoxMask": "corruptions",
        "Chain": "corruptions",
        "Clip": "corruptions",
        "Config": "pipeline",
        "ImageResult": "reporting",
        "InputError": "core.errors",
        "Restoration": "reporting",
        "list_generators": "pipeline",
        "list_presets": "pipeline",
        "Corruption": "corruptions",
        "DiskBlur": "corruptions",
        "Downsample": "corruptions",
        "Gain": "corruptions",
        "Gamma": "corruptions",
        "Grayscale": "corruptions",
        "HalfMask": "corruptions",
        "Identity": "corruptions",
        "Jpeg": "corruptions",
        "KSpace": "corruptions",
        "KernelBlur": "corruptions",
        "Mask": "corruptions",
        "MissingSlices": "corruptions",
        "MotionBlur": "corruptions",
        "Noise": "corruptions",
        "Occlusion": "corruptions",
        "PoissonNoise": "corruptions",
        "Quantise": "corruptions",
        "RandomMask": "corruptions",
        "SaltAndPepper": "corruptions",
        "Scratches": "corruptions",
        "ThickSlices": "corruptions",
        "list_corruptions": "corruptions",
        "HMC": "estimators",
        "MAP": "estimators",
        "Posterior": "posterior",
        "VI": "estimators",
        "VIBrgm": "estimators",
        "load_generator": "generators",
        "VolumePosterior": "posterior",
        "VolumeResult": "reporting",
        "restore": "pipeline",
        "restore_volume": "pipeline",
    },
)
__all__ = ["__version__", *_names]
