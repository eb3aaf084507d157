"""The posterior in TensorFlow Probability: prior, likelihood, objectives, joint distribution."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.posterior.latent_prior import LatentPrior as LatentPrior
    from brgm_tf.posterior.objectives import OBJECTIVES as OBJECTIVES
    from brgm_tf.posterior.objectives import Objective as Objective
    from brgm_tf.posterior.objectives import objective as objective
    from brgm_tf.posterior.posterior import Posterior as Posterior
    from brgm_tf.posterior.slice_chain import SliceChain as SliceChain
    from brgm_tf.posterior.slice_chain import correlations_of as correlations_of
    from brgm_tf.posterior.volume import VolumePosterior as VolumePosterior

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "LatentPrior": "latent_prior",
        "OBJECTIVES": "objectives",
        "Objective": "objectives",
        "Posterior": "posterior",
        "SliceChain": "slice_chain",
        "VolumePosterior": "volume",
        "correlations_of": "slice_chain",
        "objective": "objectives",
    },
)
