"""Corruptions: one physical effect a file, one registry, chains and the parser of their texts."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.corruptions.base import Chain as Chain
    from brgm_tf.corruptions.base import Corruption as Corruption
    from brgm_tf.corruptions.blur import Blur as Blur
    from brgm_tf.corruptions.blur import DiskBlur as DiskBlur
    from brgm_tf.corruptions.blur import KernelBlur as KernelBlur
    from brgm_tf.corruptions.blur import MotionBlur as MotionBlur
    from brgm_tf.corruptions.identity import Identity as Identity
    from brgm_tf.corruptions.masking import BoxMask as BoxMask
    from brgm_tf.corruptions.masking import HalfMask as HalfMask
    from brgm_tf.corruptions.masking import Mask as Mask
    from brgm_tf.corruptions.masking import Occlusion as Occlusion
    from brgm_tf.corruptions.masking import RandomMask as RandomMask
    from brgm_tf.corruptions.masking import Scratches as Scratches
    from brgm_tf.corruptions.mri import KSpace as KSpace
    from brgm_tf.corruptions.noise import Noise as Noise
    from brgm_tf.corruptions.noise import NoiseModel as NoiseModel
    from brgm_tf.corruptions.noise import PoissonNoise as PoissonNoise
    from brgm_tf.corruptions.noise import SaltAndPepper as SaltAndPepper
    from brgm_tf.corruptions.parsing import Stages as Stages
    from brgm_tf.corruptions.parsing import parse as parse
    from brgm_tf.corruptions.pointwise import Bayer as Bayer
    from brgm_tf.corruptions.pointwise import Clip as Clip
    from brgm_tf.corruptions.pointwise import Gain as Gain
    from brgm_tf.corruptions.pointwise import Gamma as Gamma
    from brgm_tf.corruptions.pointwise import Grayscale as Grayscale
    from brgm_tf.corruptions.pointwise import Jpeg as Jpeg
    from brgm_tf.corruptions.pointwise import Quantise as Quantise
    from brgm_tf.corruptions.resolution import Align as Align
    from brgm_tf.corruptions.resolution import Downsample as Downsample
    from brgm_tf.corruptions.resolution import Regrid as Regrid
    from brgm_tf.corruptions.table import CORRUPTIONS as CORRUPTIONS
    from brgm_tf.corruptions.table import list_corruptions as list_corruptions
    from brgm_tf.corruptions.volume import MissingSlices as MissingSlices
    from brgm_tf.corruptions.volume import ThickSlices as ThickSlices

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Align": "resolution",
        "Bayer": "pointwise",
        "Blur": "blur",
        "BoxMask": "masking",
        "CORRUPTIONS": "table",
        "Chain": "base",
        "Clip": "pointwise",
        "Corruption": "base",
        "DiskBlur": "blur",
        "Downsample": "resolution",
        "Gain": "pointwise",
        "Gamma": "pointwise",
        "Grayscale": "pointwise",
        "HalfMask": "masking",
        "Identity": "identity",
        "Jpeg": "pointwise",
        "KSpace": "mri",
        "KernelBlur": "blur",
        "Mask": "masking",
        "MissingSlices": "volume",
        "MotionBlur": "blur",
        "Noise": "noise",
        "NoiseModel": "noise",
        "Occlusion": "masking",
        "PoissonNoise": "noise",
        "Quantise": "pointwise",
        "RandomMask": "masking",
        "Regrid": "resolution",
        "SaltAndPepper": "noise",
        "Scratches": "masking",
        "Stages": "parsing",
        "ThickSlices": "volume",
        "list_corruptions": "table",
        "parse": "parsing",
    },
)
