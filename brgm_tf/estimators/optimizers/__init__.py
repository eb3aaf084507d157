"""Optimizers, and the compiled loop that runs them."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.estimators.optimizers.adam import Adam as Adam
    from brgm_tf.estimators.optimizers.adam import Schedule as Schedule
    from brgm_tf.estimators.optimizers.lbfgs import LBFGS as LBFGS
    from brgm_tf.estimators.optimizers.loop import Optimizer as Optimizer

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Adam": "adam",
        "LBFGS": "lbfgs",
        "Optimizer": "loop",
        "Schedule": "adam",
    },
)
