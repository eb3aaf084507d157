"""Surrogate posteriors: Gaussians that are fitted to a posterior."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.posterior.surrogates.gauss_newton import GaussNewton as GaussNewton
    from brgm_tf.posterior.surrogates.gaussian import LowRank as LowRank
    from brgm_tf.posterior.surrogates.gaussian import MeanField as MeanField
    from brgm_tf.posterior.surrogates.gaussian import Surrogate as Surrogate
    from brgm_tf.posterior.surrogates.laplace import LaplaceApproximation as LaplaceApproximation
    from brgm_tf.posterior.surrogates.laplace import gauss_newton_product as gauss_newton_product
    from brgm_tf.posterior.surrogates.laplace import principal_eigenpairs as principal_eigenpairs
    from brgm_tf.posterior.surrogates.table import SURROGATES as SURROGATES

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "GaussNewton": "gauss_newton",
        "LaplaceApproximation": "laplace",
        "LowRank": "gaussian",
        "MeanField": "gaussian",
        "SURROGATES": "table",
        "Surrogate": "gaussian",
        "gauss_newton_product": "laplace",
        "principal_eigenpairs": "laplace",
    },
)
