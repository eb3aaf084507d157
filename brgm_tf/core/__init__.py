"""What every room needs: errors, checks, registries, atomic files, progress, compilation, priors.

Nothing here knows of images or networks.
"""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.core.cache import cache_folder as cache_folder
    from brgm_tf.core.compilation import compiled as compiled
    from brgm_tf.core.errors import InputError as InputError
    from brgm_tf.core.errors import NotFiniteError as NotFiniteError
    from brgm_tf.core.parameter_priors import Bounded as Bounded
    from brgm_tf.core.parameter_priors import LogNormal as LogNormal
    from brgm_tf.core.parameter_priors import ParameterPrior as ParameterPrior
    from brgm_tf.core.parameters import REQUIRED as REQUIRED
    from brgm_tf.core.parameters import Parameter as Parameter
    from brgm_tf.core.progress import display as display
    from brgm_tf.core.registry import Call as Call
    from brgm_tf.core.registry import Registry as Registry
    from brgm_tf.core.registry import Row as Row
    from brgm_tf.core.validation import checked as checked

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Bounded": "parameter_priors",
        "Call": "registry",
        "InputError": "errors",
        "LogNormal": "parameter_priors",
        "NotFiniteError": "errors",
        "Parameter": "parameters",
        "REQUIRED": "parameters",
        "Registry": "registry",
        "Row": "registry",
        "ParameterPrior": "parameter_priors",
        "cache_folder": "cache",
        "checked": "validation",
        "compiled": "compilation",
        "display": "progress",
    },
)
