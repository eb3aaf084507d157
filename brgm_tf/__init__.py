"""Bayesian image restoration with a generative model as the prior."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.core.errors import InputError as InputError
    from brgm_tf.generators import load_generator as load_generator
    from brgm_tf.pipeline import Config as Config
    from brgm_tf.pipeline import list_generators as list_generators
    from brgm_tf.pipeline import list_presets as list_presets
    from brgm_tf.pipeline import restore as restore
    from brgm_tf.reporting import ImageResult as ImageResult
    from brgm_tf.reporting import Restoration as Restoration

__version__ = "0.1.0"
__getattr__, __dir__, _names = lazy.exports(
    __name__,
    {
        "Config": "pipeline",
        "ImageResult": "reporting",
        "InputError": "core.errors",
        "Restoration": "reporting",
        "list_generators": "pipeline",
        "list_presets": "pipeline",
        "load_generator": "generators",
        "restore": "pipeline",
    },
)
__all__ = ["__version__", *_names]
