"""The Gaussian that fits a posterior at coordinates: where surrogates start, and MAP's error bars.

Notation: as of `laplace`; z the coordinates of unknown parameters.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.posterior.posterior import Posterior
from brgm_tf.posterior.surrogates import laplace
from brgm_tf.posterior.surrogates.gaussian import LaplaceApproximation
from brgm_tf.posterior.tiling import tiled_data

_PROBES_AT_ONCE = 16


class GaussNewton:
    """The curvature of the pixel term, in coordinates whose prior is N(0, I).

    The perceptual term is left out, and so is what the noise scale depends on.

    Args:
        posterior: the `Posterior`; of none of the originals' objectives.
        corruption: a `Corruption` without its per-image data.
        rank: R, directions that are looked for (at most as many as the measurement has values).
        seed: of the vectors that they are looked for from.
        jit: whether XLA compiles the products.
        dtype: of the coordinates.
    """

    def __init__(self, posterior: Posterior, *, corruption, rank: int, seed: int, jit: bool, dtype):
        self._posterior, self._corruption = posterior, corruption
        self._rank, self._seed, self._dtype = rank, seed, dtype
        self._product = compiled(self._curvature_product, jit=jit)

    def frame(self, coordinates, inputs) -> LaplaceApproximation:
        """The Gaussian at coordinates [B, K, D].

        Args:
            coordinates: v.
            inputs: as of `Estimator.inputs`.
        """
        mean = self._posterior.prior.flat(coordinates)
        components = self._corruption.components(inputs["measurement"])
        rank = min(self._rank, int(np.prod(components.shape[1:])), mean.shape[1])
        # The same for every image, so that none depends on its neighbours.
        probes = tf.random.stateless_normal(
            [rank, 1, mean.shape[1]], [self._seed, 3], dtype=self._dtype
        )
        probes = tf.tile(probes, [1, mean.shape[0], 1])

        def product(q):
            # Parts of one size, for each size is a program.
            num_parts = math.ceil(rank / _PROBES_AT_ONCE)
            padded = tf.pad(q, [[0, -rank % num_parts], [0, 0], [0, 0]])
            parts = tf.split(padded, num_parts)
            return tf.concat([self._product(mean, part, inputs) for part in parts], axis=0)[:rank]

        directions, curvature = laplace.principal_directions(product, probes=probes)
        return LaplaceApproximation(mean, directions, tf.math.rsqrt(1.0 + curvature))

    def parameters_stddev(self, coordinates, inputs) -> dict[str, tf.Tensor]:
        """Standard deviations [B] of the unknown parameters in the Gaussian, to first order.

        |dt / dz| sqrt(C_zz), with C of the frame; of a noise scale s, of which the mean says
        nothing, C_zz = 1 / (1 + I) by the Fisher information I = 2 M (d log s / d z)^2 of the M
        values of a normal measurement.
        """
        prior, frame = self._posterior.prior, self.frame(coordinates, inputs)
        z = prior.of_parameters(coordinates)
        inside = frame.directions[:, prior.size - z.shape[1] :]
        # The square of what is left of a unit vector, not 1 minus what is inside, in which a small
        # variance is lost to rounding.
        unit = tf.eye(prior.size, dtype=self._dtype)[prior.size - z.shape[1] :]
        left = unit - tf.einsum("bnr,bpr->bpn", frame.directions, inside)
        outside = tf.reduce_sum(tf.square(left), axis=2)
        variance = outside + tf.einsum("bpr,br->bp", tf.square(inside), tf.square(frame.widths))
        corruption = self._corruption.with_data(**inputs["corruption"])
        size = self._posterior.effective_values(inputs["measurement"], corruption=corruption)
        found = {}
        for i, (name, unknown) in enumerate(prior.parameter_priors.items()):
            with tf.GradientTape() as tape:
                tape.watch(z)
                t = unknown.forward(z[:, i])
            slope = tape.gradient(t, z)[:, i]
            own = variance[:, i]
            if name == "noise_scale":
                own = 1.0 / (1.0 + 2.0 * size * tf.square(slope / t))
            found[name] = tf.abs(slope) * tf.sqrt(own)
        return found

    def _curvature_product(self, mean, q, inputs):
        """H q of q [R, B, N]."""
        corruption = self._corruption.with_data(**inputs["corruption"])
        tiled = self._corruption.with_data(**tiled_data(inputs["corruption"], q.shape[0]))

        def measured_of(flat, corruption):
            v = self._posterior.prior.shaped(flat)
            corruption, noise_scale = self._posterior.bound(corruption, v)
            x = self._posterior.synthesis(self._posterior.prior.latents(v))
            return corruption.forward(x), corruption, noise_scale

        def model(flat):
            values = tiled.components(measured_of(flat, tiled)[0])
            return tf.reshape(values, [flat.shape[0], -1])

        # Of normal noise the precision does not depend on the image, and the compiler leaves
        # its synthesis out.
        values, corruption, noise_scale = measured_of(mean, corruption)
        precision = self._posterior.pixel_precision(
            values, corruption=corruption, noise_scale=noise_scale
        )
        precision /= self._posterior.objective.prior_scale
        return laplace.gauss_newton_product(model, mean, q, precision=precision)
