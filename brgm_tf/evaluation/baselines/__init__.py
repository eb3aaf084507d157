"""Baselines without a generator, one file for each, and their registry."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.evaluation.baselines.table import BASELINES as BASELINES
    from brgm_tf.evaluation.baselines.table import Baseline as Baseline
    from brgm_tf.evaluation.baselines.table import baselines_of as baselines_of
    from brgm_tf.evaluation.baselines.table import descriptions as descriptions
    from brgm_tf.evaluation.baselines.table import prepare as prepare

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "BASELINES": "table",
        "Baseline": "table",
        "baselines_of": "table",
        "descriptions": "table",
        "prepare": "table",
    },
)
