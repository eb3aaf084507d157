"""Training of generators; nothing that restores images imports this room."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.training.config import Config as Config
    from brgm_tf.training.export import export as export
    from brgm_tf.training.export import start_from as start_from
    from brgm_tf.training.trainer import Plan as Plan
    from brgm_tf.training.trainer import Trainer as Trainer

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Config": "config",
        "Plan": "trainer",
        "Trainer": "trainer",
        "export": "export",
        "start_from": "export",
    },
)
