"""The Laplace approximation of a `Posterior`, by Gauss-Newton products.

Notation: see `laplace`; z the standard normal parameters, t the parameters.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.posterior.conditions import Conditions, repeat_data, repeat_deviations
from brgm_tf.posterior.posterior import Posterior
from brgm_tf.posterior.surrogates import laplace
from brgm_tf.posterior.surrogates.laplace import LaplaceApproximation

_PROBES_AT_ONCE = 16
# Of the images of the probes, which are generated at once: 16 of 256 x 256, or one of 1024 x 1024.
_MAX_PIXELS = 2**20


class GaussNewton:
    """The curvature of the measurement's log-density at positions whose prior is N(0, I).

    The perceptual term and the noise scale are left out.

    Args:
        posterior: `Posterior` with a likelihood; not of an original objective.
        rank: R, number of eigenpairs, at most the number of measured values.
        seed: Seed of the random vectors that the search starts from.
        jit: Whether XLA compiles the products.
        dtype: Floating-point type of the positions.
    """

    def __init__(self, posterior: Posterior, *, rank: int, seed: int, jit: bool, dtype):
        self._posterior = posterior
        self._rank, self._seed, self._dtype = rank, seed, dtype
        self._product = compiled(self._curvature_product, jit=jit)

    def laplace(self, position, conditions: Conditions) -> LaplaceApproximation:
        """Returns the Laplace approximation at a position [B, K, D]."""
        mean = self._posterior.layout.flatten(position)
        components = self._posterior.corruption.components(conditions["measurement"])
        rank = min(self._rank, int(np.prod(components.shape[1:])), mean.shape[1])
        # All images start from the same vectors, so that none depends on its neighbours.
        probes = tf.random.stateless_normal(
            [rank, 1, mean.shape[1]], [self._seed, 3], dtype=self._dtype
        )
        probes = tf.tile(probes, [1, mean.shape[0], 1])
        pixels = mean.shape[0] * self._posterior.generator.resolution**2
        at_once = max(1, min(_PROBES_AT_ONCE, _MAX_PIXELS // pixels))

        def product(q):
            # Parts of one size, because each size is a program.
            num_parts = math.ceil(rank / at_once)
            padded = tf.pad(q, [[0, -rank % num_parts], [0, 0], [0, 0]])
            parts = tf.split(padded, num_parts)
            return tf.concat([self._product(mean, part, conditions) for part in parts], 0)[:rank]

        eigenvectors, eigenvalues = laplace.principal_eigenpairs(product, probes=probes)
        return LaplaceApproximation(mean, eigenvectors, tf.math.rsqrt(1.0 + eigenvalues))

    def parameters_stddev(self, position, conditions: Conditions) -> dict[str, tf.Tensor]:
        """Returns the standard deviations [B] of the unknown parameters, to first order.

        They are |dt / dz| sqrt(C_zz), with the covariance C of the Laplace approximation. The
        prediction does not depend on a noise scale s: its variance is C_zz = 1 / (1 + I), with
        the Fisher information I = 2 M (d log s / dz)^2 of the M values of a normal measurement.

        Args:
            position: Mode [B, K, D].
            conditions: Measured batch.
        """
        posterior = self._posterior
        z = posterior.layout.parameters(position)
        variance = self._variance(self.laplace(position, conditions), z.shape[1])
        corruption = posterior.corruption.with_data(**conditions["data"])
        size = posterior.model_terms.effective_sample_size(corruption, conditions["measurement"])
        deviations = {}
        for i, (name, prior) in enumerate(posterior.parameter_priors.items()):
            with tf.GradientTape() as tape:
                tape.watch(z)
                t = prior.forward(z[:, i])
            slope = tape.gradient(t, z)[:, i]
            z_variance = variance[:, i]
            if name == "noise_scale":
                z_variance = 1.0 / (1.0 + 2.0 * size * tf.square(slope / t))
            deviations[name] = tf.abs(slope) * tf.sqrt(z_variance)
        return deviations

    def _variance(self, approximation: LaplaceApproximation, num_parameters: int):
        """Returns the variances [B, P] of the last coordinates, which are the parameters."""
        size = self._posterior.layout.event_size
        inside = approximation.eigenvectors[:, size - num_parameters :]
        # The squared rest of a unit vector; 1 minus the squared projection would lose a small
        # variance to rounding.
        unit = tf.eye(size, dtype=self._dtype)[size - num_parameters :]
        rest = unit - tf.einsum("bnr,bpr->bpn", approximation.eigenvectors, inside)
        outside = tf.reduce_sum(tf.square(rest), axis=2)
        squared_scales = tf.square(approximation.scales)
        return outside + tf.einsum("bpr,br->bp", tf.square(inside), squared_scales)

    def _curvature_product(self, mean, q, conditions):
        """Returns H q for q [R, B, N]."""
        posterior, data = self._posterior, conditions["data"]
        deviations = conditions.get("deviations")
        repeated = repeat_data(data, q.shape[0]), repeat_deviations(deviations, q.shape[0])

        def measurement(flat, data, deviations):
            position = posterior.layout.unflatten(flat)
            return posterior.measurement_distribution(position, data, deviations=deviations)

        def model(flat):
            likelihood = measurement(flat, *repeated).likelihood
            values = likelihood.corruption.components(likelihood.noise_free)
            return tf.reshape(values, [flat.shape[0], -1])

        # The precision of normal noise does not depend on the image, and the compiler removes the
        # image's synthesis.
        precision = measurement(mean, data, deviations).precision()
        precision /= posterior.objective.prior_scale
        return laplace.gauss_newton_product(model, mean, q, precision=precision)
