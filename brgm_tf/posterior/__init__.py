"""The posterior in TensorFlow Probability: prior, likelihood, objectives, joint distribution."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.posterior.latent_prior import LatentPrior as LatentPrior
    from brgm_tf.posterior.objectives import OBJECTIVES as OBJECTIVES
    from brgm_tf.posterior.objectives import Objective as Objective
    from brgm_tf.posterior.objectives import objective as objective
    from brgm_tf.posterior.posterior import Posterior as Posterior

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "LatentPrior": "latent_prior",
        "OBJECTIVES": "objectives",
        "Objective": "objectives",
        "Posterior": "posterior",
        "objective": "objectives",
    },
)
