"""Surrogate posteriors by name. TensorFlow is not imported."""

from brgm_tf.core.registry import Registry, Row

SURROGATES = Registry(
    "surrogate",
    {
        "low_rank": Row(
            "brgm_tf.posterior.surrogates.gaussian:LowRank",
            "Gaussian whose covariance is diagonal plus low rank",
        ),
        "mean_field": Row(
            "brgm_tf.posterior.surrogates.gaussian:MeanField",
            "Gaussian with independent coordinates, as in the BRGM paper",
        ),
    },
)
