"""Local files for handles: package registries, HTTP, cache, unpacking, catalogue and formats."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.weights.catalogue import DEFAULT_GENERATOR as DEFAULT_GENERATOR
    from brgm_tf.weights.catalogue import GENERATORS as GENERATORS
    from brgm_tf.weights.catalogue import GeneratorRow as GeneratorRow
    from brgm_tf.weights.fetching import fetch as fetch
    from brgm_tf.weights.fetching import status as status
    from brgm_tf.weights.handles import Handle as Handle
    from brgm_tf.weights.handles import local_path as local_path
    from brgm_tf.weights.handles import parse as parse
    from brgm_tf.weights.package_table import PACKAGES as PACKAGES
    from brgm_tf.weights.package_table import Package as Package
    from brgm_tf.weights.unpacking import unpack_model as unpack_model

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "DEFAULT_GENERATOR": "catalogue",
        "GENERATORS": "catalogue",
        "GeneratorRow": "catalogue",
        "Handle": "handles",
        "PACKAGES": "package_table",
        "Package": "package_table",
        "fetch": "fetching",
        "local_path": "handles",
        "parse": "handles",
        "status": "fetching",
        "unpack_model": "unpacking",
    },
)
