"""Training of generators; nothing that restores images imports this room."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.training.config import TrainingConfig as TrainingConfig
    from brgm_tf.training.export import export as export
    from brgm_tf.training.export import start_from as start_from
    from brgm_tf.training.runs import export_newest as export_newest
    from brgm_tf.training.runs import prepare as prepare
    from brgm_tf.training.trainer import Plan as Plan
    from brgm_tf.training.trainer import Trainer as Trainer

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Plan": "trainer",
        "Trainer": "trainer",
        "TrainingConfig": "config",
        "export": "export",
        "export_newest": "runs",
        "prepare": "runs",
        "start_from": "export",
    },
)
