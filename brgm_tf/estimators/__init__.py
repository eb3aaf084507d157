"""Estimators: modes, approximations and samples of a posterior."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.estimators.base import Estimator as Estimator
    from brgm_tf.estimators.base import Program as Program
    from brgm_tf.estimators.base import Progress as Progress
    from brgm_tf.estimators.base import Sampler as Sampler
    from brgm_tf.estimators.hmc import HMC as HMC
    from brgm_tf.estimators.map import MAP as MAP
    from brgm_tf.estimators.table import ESTIMATORS as ESTIMATORS
    from brgm_tf.estimators.table import EstimatorRow as EstimatorRow
    from brgm_tf.estimators.variational import VI as VI
    from brgm_tf.estimators.vi_brgm import VIBrgm as VIBrgm

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "ESTIMATORS": "table",
        "Estimator": "base",
        "EstimatorRow": "table",
        "HMC": "hmc",
        "MAP": "map",
        "Program": "base",
        "Progress": "base",
        "Sampler": "base",
        "VI": "variational",
        "VIBrgm": "vi_brgm",
    },
)
