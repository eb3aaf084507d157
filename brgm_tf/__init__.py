"""Bayesian image restoration with a generative model as the prior."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.core.errors import InputError as InputError
    from brgm_tf.generators import load_generator as load_generator
    from brgm_tf.pipeline import Config as Config
    from brgm_tf.pipeline import Restoration as Restoration
    from brgm_tf.pipeline import restore as restore

__version__ = "0.1.0"
__getattr__, __dir__, _names = lazy.exports(
    __name__,
    {
        "Config": "pipeline",
        "InputError": "core.errors",
        "Restoration": "pipeline",
        "load_generator": "generators",
        "restore": "pipeline",
    },
)
__all__ = ["__version__", *_names]
