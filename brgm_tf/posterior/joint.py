"""The model as a joint distribution of TensorFlow Probability.

    p(v, t, y) = p(v) p(t) p(y | v, t)

Notation: B images; v [B, K, D] coordinates of the latents (`posterior.LatentPrior`);
t [B] each of the parameters that are inferred, the noise scale s in grey levels among them; x the
image of v, y the measurement, f the corruption's mean; M the number of values of y, of complex
ones two each.

`posterior` has the same terms as plain sums, which is what is optimised: here they are
distributions, to draw from and to be read. With the objective `bayes` the two are equal (its
pixel_scale and prior_scale are 1 unless they are given), but for |dz / dt|, for here the variable
is t and there its coordinate z; with the others they differ by a constant in v, for here every
factor is normalised:

    brgm_*    y ~ N(f(x), M / (2 pixel_scale))  [grey levels^2]
              v ~ N(0, sigma^2 K D / (2 prior_scale))
    tempered  y ~ N(f(x), s^2 / (pixel_scale share)),  v ~ N(0, 1 / prior_scale)

with one exception. A stage of noise brings its own p(y | f(x)), and where that is not normal, the
normaliser of its power would not be constant in v: log p is multiplied and no more, as in the
objective, and y is drawn from p itself.

Terms that are no density of a variable are pseudo-observations: exp(-c d), with d the
perceptual distance of y and f(x), or of the layers' directions, is up to a constant the
density at 0 of a Laplace distribution of mean d and scale 1 / c.
"""

from __future__ import annotations

import inspect
import math

import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.corruptions.complex_normal import ComplexNormal, normal_around
from brgm_tf.posterior.posterior import Posterior

tfd = tfp.distributions
PSEUDO_OBSERVATIONS = ("perceptual", "colinearity")


def joint_distribution(posterior: Posterior, *, corruption, num_images: int, dtype=tf.float32):
    """The joint distribution of latents, unknown parameters and measurement.

    Args:
        posterior: the `Posterior`, which says what each factor is.
        corruption: a `Corruption` with its data bound.
        num_images: B.
        dtype: of all variables.

    Returns:
        A `tfd.JointDistributionNamed` of batch shape [B] with the names latents, those of the
        unknown parameters (`noise_scale`, `sigma`, ...), measurement, perceptual and
        colinearity, as far as the objective has them. The last two are pseudo-observations,
        whose value is always 0:

            joint.log_prob(latents=v, measurement=y, perceptual=zeros, colinearity=zeros)
    """
    objective, parameter_priors = posterior.objective, posterior.prior.parameter_priors

    def image(latents):
        return posterior.synthesis(posterior.prior.latents(latents))

    def bound(parameters):
        return corruption.with_params(**{name: parameters[name] for name in corruption.params})

    def measurement(latents, **parameters):
        own = bound(parameters)
        mean = own.forward(image(latents))
        if objective.family.startswith("brgm"):  # the originals count the fill, too
            mean = own.fill_unobserved(mean)
            scale = _originals_scale(posterior, corruption.components(mean))
            return tfd.Independent(normal_around(mean, scale), 3)
        observed = tf.broadcast_to(corruption.observation_mask(mean), tf.shape(mean)) > 0
        noise = posterior.noise_params(parameters.get("noise_scale"))
        likelihood = own.distribution(mean, noise)
        power = posterior.likelihood_power(mean, corruption=corruption)[:, None, None, None]
        return tfd.Independent(tfd.Masked(_raised(likelihood, power), observed), 3)

    def perceptual(latents, measurement, **parameters):
        own = bound(parameters)
        target = posterior.features(corruption.as_image(measurement))
        predicted_measurement = own.as_image(own.fill_unobserved(own.forward(image(latents))))
        distance = -posterior.perceptual_log_prob(predicted_measurement, target=target)
        return tfd.Laplace(distance, tf.ones_like(distance))

    def colinearity(latents):
        distance = -posterior.colinearity_log_prob(posterior.prior.latents(latents))
        return tfd.Laplace(distance, tf.ones_like(distance))

    shape = [num_images, posterior.prior.num_rows, len(posterior.prior.mean)]
    scale = tf.broadcast_to(tf.constant(_prior_scale(posterior), dtype), shape)
    factors = {"latents": tfd.Independent(tfd.Normal(tf.zeros_like(scale), scale), 2)}
    for name, unknown in parameter_priors.items():
        factors[name] = unknown.distribution([num_images], dtype)
    factors["measurement"] = _taking(measurement, ["latents", *parameter_priors])
    if objective.perceptual_scale > 0:
        factors["perceptual"] = _taking(perceptual, ["latents", "measurement", *parameter_priors])
    if objective.colinearity_scale > 0:
        factors["colinearity"] = colinearity
    return tfd.JointDistributionNamed(factors)


def _taking(function, names):
    """The function with arguments of these names, which JointDistributionNamed looks at."""

    def called(**values):
        return function(**values)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    called.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    return called


def _prior_scale(posterior: Posterior):
    """Standard deviation of each coordinate of a row, [D] or scalar."""
    scale, prior = posterior.objective.prior_scale, posterior.prior
    if posterior.objective.family.startswith("brgm"):
        size = prior.num_rows * len(prior.mean)
        return prior.total_stddev * math.sqrt(size / (2.0 * scale))
    return (prior.variance / scale) ** 0.5


def _originals_scale(posterior: Posterior, components):
    """Standard deviation of a value of the measurement in the originals' objectives."""
    size = components.shape[1] * components.shape[2] * components.shape[3]
    levels = math.sqrt(size / (2.0 * posterior.objective.pixel_scale))
    return tf.constant(levels / 127.5, components.dtype)


def _raised(distribution, power):
    """A likelihood to a power, normalised where it is normal."""
    if isinstance(distribution, (tfd.Normal, ComplexNormal)):
        return type(distribution)(distribution.loc, distribution.scale * tf.math.rsqrt(power))
    return _Raised(distribution, power)


class _Raised(tfd.Distribution):
    """log_prob is `power` times that of another distribution, from which the draws are."""

    def __init__(self, distribution, power):
        self._base, self._power = distribution, power
        super().__init__(
            dtype=distribution.dtype,
            reparameterization_type=distribution.reparameterization_type,
            validate_args=False,
            allow_nan_stats=True,
            name="Raised",
        )

    def _log_prob(self, value):
        return self._power * self._base.log_prob(value)

    def _sample_n(self, n, seed=None):
        return self._base.sample(n, seed=seed)

    def _batch_shape(self):
        return self._base.batch_shape

    def _batch_shape_tensor(self):
        return self._base.batch_shape_tensor()

    def _event_shape(self):
        return self._base.event_shape

    def _event_shape_tensor(self):
        return self._base.event_shape_tensor()
