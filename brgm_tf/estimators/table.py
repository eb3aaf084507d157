"""Estimators by name. TensorFlow is not imported."""

import dataclasses

from brgm_tf.core.registry import Registry, Row


@dataclasses.dataclass(frozen=True)
class EstimatorRow(Row):
    """A registered estimator.

    Args:
        objective: Default objective.
        options: Fields of `Config` that the constructor takes, in addition to `num_steps`.
        samples: Whether the estimator draws samples of the posterior.
    """

    objective: str = "balanced"
    options: tuple[str, ...] = ()
    samples: bool = False


_ADAPTATION = "adaptation_steps"
_SURROGATE_OPTIONS = ("surrogate", "surrogate_rank", "num_elbo_samples", "seed", _ADAPTATION)
ESTIMATORS = Registry(
    "estimator",
    {
        "map": EstimatorRow(
            "brgm_tf.estimators.map:MAP",
            "the mode of the posterior (maximum a posteriori)",
            options=("num_restarts", "num_uncompiled_steps", "seed", _ADAPTATION),
        ),
        "vi": EstimatorRow(
            "brgm_tf.estimators.variational:VI",
            "a Gaussian fitted to the posterior (variational inference)",
            objective="bayes",
            options=_SURROGATE_OPTIONS,
            samples=True,
        ),
        "hmc": EstimatorRow(
            "brgm_tf.estimators.hmc:HMC",
            "samples of the posterior itself, after vi (Hamiltonian Monte Carlo; up to 128 x 128)",
            objective="bayes",
            options=_SURROGATE_OPTIONS,
            samples=True,
        ),
        "vi_brgm": EstimatorRow(
            "brgm_tf.estimators.vi_brgm:VIBrgm",
            "the variational inference of brgm-pytorch with its faults, for comparison",
            objective="brgm_torch",
            options=("seed",),
            samples=True,
        ),
    },
)
