"""The model as a joint distribution of TensorFlow Probability.

    p(v, s, y) = p(v) p(s) p(y | v, s)

Notation: B images; v [B, K, D] coordinates of the latents (`posterior.LatentPrior`);
s [B] the noise scale in grey levels, a variable only where it is inferred; x the image of v,
y the measurement, f the corruption's mean; M the number of values of y.

`posterior` has the same terms as plain sums, which is what is optimised: here they are
distributions, to draw from and to be read. With the objective `bayes` the two are equal; with
the others they differ by a constant in v, for here every factor is normalised:

    brgm_*    y ~ N(f(x), M / (2 pixel_scale))  [grey levels^2]
              v ~ N(0, sigma^2 K D / (2 prior_scale))
    tempered  y ~ N(f(x), s^2 / (pixel_scale share)),  v ~ N(0, 1 / prior_scale)

Terms that are no density of a variable are pseudo-observations: exp(-c d), with d the
perceptual distance of y and f(x), or of the layers' directions, is up to a constant the
density at 0 of a Laplace distribution of mean d and scale 1 / c.
"""

from __future__ import annotations

import math

import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.posterior import NOISE_MEDIAN, NOISE_SPREAD, Posterior

tfd = tfp.distributions
PSEUDO_OBSERVATIONS = ("perceptual", "colinearity")


def joint_distribution(posterior: Posterior, *, corruption, num_images: int, dtype=tf.float32):
    """The joint distribution of latents, noise scale (where inferred) and measurement.

    Args:
        posterior: the `Posterior`, which says what each factor is.
        corruption: a `Corruption` with its data bound.
        num_images: B.
        dtype: of all variables.

    Returns:
        A `tfd.JointDistributionNamed` of batch shape [B] with the names latents,
        noise_scale, measurement, perceptual and colinearity, as far as the objective has
        them. The last two are pseudo-observations, whose value is always 0:

            joint.log_prob(latents=v, measurement=y, perceptual=zeros, colinearity=zeros)
    """
    objective = posterior.objective

    def image(latents):
        return posterior.synthesis(posterior.prior.latents(latents))

    def measurement(latents, noise_scale):
        mean = corruption.mean(image(latents))
        scale = _pixel_scale(posterior, corruption, mean, noise_scale=noise_scale)
        observed = tf.broadcast_to(corruption.observed(mean), tf.shape(mean)) > 0
        if objective.family.startswith("brgm"):  # the originals count the fill, too
            observed = tf.ones_like(observed)
        return tfd.Independent(tfd.Masked(tfd.Normal(mean, scale), observed), 3)

    def perceptual(latents, measurement):
        target = posterior.features(measurement)
        recorrupted = corruption.mean(image(latents))
        distance = -posterior.perceptual_log_prob(recorrupted, target=target)
        return tfd.Laplace(distance, tf.ones_like(distance))

    def colinearity(latents):
        distance = -posterior.colinearity_log_prob(posterior.prior.latents(latents))
        return tfd.Laplace(distance, tf.ones_like(distance))

    shape = [num_images, *posterior.prior.start(1).shape[1:]]
    scale = tf.broadcast_to(tf.constant(_prior_scale(posterior), dtype), shape)
    factors = {"latents": tfd.Independent(tfd.Normal(tf.zeros_like(scale), scale), 2)}
    if objective.noise_scale is None:
        factors["noise_scale"] = tfd.LogNormal(
            tf.fill([num_images], tf.constant(math.log(NOISE_MEDIAN), dtype)),
            tf.constant(NOISE_SPREAD, dtype),
        )
        factors["measurement"] = measurement
    else:
        factors["measurement"] = lambda latents: measurement(latents, objective.noise_scale)
    if objective.perceptual_scale > 0:
        factors["perceptual"] = perceptual
    if objective.colinearity_scale > 0:
        factors["colinearity"] = colinearity
    return tfd.JointDistributionNamed(factors)


def _prior_scale(posterior: Posterior):
    """Standard deviation of each coordinate of a row, [D] or scalar."""
    scale, prior = posterior.objective.prior_scale, posterior.prior
    if posterior.objective.family.startswith("brgm"):
        _, rows, columns = prior.start(1).shape
        return prior.total_stddev * math.sqrt(rows * columns / (2.0 * scale))
    return (prior.variance / scale) ** 0.5


def _pixel_scale(posterior: Posterior, corruption, mean, *, noise_scale):
    """Standard deviation of a value of the measurement, broadcastable to it, in [-1, 1]."""
    scale = posterior.objective.pixel_scale
    if posterior.objective.family.startswith("brgm"):
        size = mean.shape[1] * mean.shape[2] * mean.shape[3]
        return tf.constant(math.sqrt(size / (2.0 * scale)) / 127.5, mean.dtype)
    precision = posterior.pixel_precision(
        corruption=corruption, measurement=mean, noise_scale=noise_scale
    )
    # Where nothing is observed any scale will do: the factor is masked there.
    return tf.where(precision > 0, tf.math.rsqrt(precision), tf.ones_like(precision))
