"""Keras layers and networks of generators, and how generators are loaded and saved."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.generators.base import Generator as Generator
    from brgm_tf.generators.base import LatentStatistics as LatentStatistics
    from brgm_tf.generators.classes import ClassGenerator as ClassGenerator
    from brgm_tf.generators.classes import of_class as of_class
    from brgm_tf.generators.loading import check_generator as check_generator
    from brgm_tf.generators.loading import describe_generator as describe_generator
    from brgm_tf.generators.loading import list_generators as list_generators
    from brgm_tf.generators.loading import load_generator as load_generator
    from brgm_tf.generators.mobile_stylegan import MobileStyleGAN as MobileStyleGAN
    from brgm_tf.generators.preset import load_preset as load_preset
    from brgm_tf.generators.preset import save_preset as save_preset
    from brgm_tf.generators.saved_model import SavedModelGenerator as SavedModelGenerator
    from brgm_tf.generators.saved_model import export as export
    from brgm_tf.generators.stylegan2 import StyleGAN2 as StyleGAN2

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "ClassGenerator": "classes",
        "Generator": "base",
        "LatentStatistics": "base",
        "MobileStyleGAN": "mobile_stylegan",
        "SavedModelGenerator": "saved_model",
        "StyleGAN2": "stylegan2",
        "check_generator": "loading",
        "describe_generator": "loading",
        "export": "saved_model",
        "list_generators": "loading",
        "load_generator": "loading",
        "load_preset": "preset",
        "of_class": "classes",
        "save_preset": "preset",
    },
)
