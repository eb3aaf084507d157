"""Parts of the commands: flags, process, memory, compilation cache, clusters."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.cli.memory import keep_freed as keep_freed
    from brgm_tf.cli.process import guarded as guarded
    from brgm_tf.cli.process import run as run
    from brgm_tf.cli.process import say as say
    from brgm_tf.cli.progress import RunProgress as RunProgress
    from brgm_tf.cli.ray_cluster import Cluster as Cluster
    from brgm_tf.cli.run_flags import parse as parse

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Cluster": "ray_cluster",
        "RunProgress": "progress",
        "guarded": "process",
        "keep_freed": "memory",
        "parse": "run_flags",
        "run": "process",
        "say": "process",
    },
)
