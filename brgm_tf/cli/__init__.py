"""What commands need: flags, the process, memory, the cache of compiled programs, clusters."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.cli.memory import keep_freed as keep_freed
    from brgm_tf.cli.process import guarded as guarded
    from brgm_tf.cli.process import run as run
    from brgm_tf.cli.process import say as say
    from brgm_tf.cli.ray_cluster import Cluster as Cluster
    from brgm_tf.cli.run_flags import parse as parse

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Cluster": "ray_cluster",
        "guarded": "process",
        "keep_freed": "memory",
        "parse": "run_flags",
        "run": "process",
        "say": "process",
    },
)
