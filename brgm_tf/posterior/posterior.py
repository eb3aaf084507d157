"""The posterior over latents: priors, likelihoods and the objectives made of them.

Notation: B images; ws [B, L, D] latents; x = synthesis(ws) images in [-1, 1]; y the
measurement; f the corruption's mean; mu [D] and Sigma [D, D] the mean and covariance of
w; sigma = sqrt(trace Sigma); phi the weighted perceptual features, whose squared
differences sum to LPIPS. Every term is a log-probability per image [B], up to a
constant in ws unless the objective's family is bayes; a loss is minus their sum.
`joint` says the same in TensorFlow Probability's distributions.

Reference: Marinescu, Moyer, Golland, Bayesian Image Reconstruction using Deep
Generative Models (arXiv 2012.04567), equations 3 to 6.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from brgm_tf.core.parameter_priors import NOISE_SCALE, ParameterPrior
from brgm_tf.posterior.objectives import Objective

TERMS = ("pixel", "perceptual", "prior", "colinearity")
_HALF_RANGE = 127.5  # grey levels in one unit of [-1, 1]
# No covariance of a mapping has full rank in practice: eigenvalues below this share of
# the largest are raised to it, so that whitening does not blow up dead directions.
_EIGENVALUE_FLOOR = 1e-4


@dataclasses.dataclass(frozen=True)
class LatentPrior:
    """Where latents and unknown parameters lie, and the coordinates in which they are optimised.

    With `layer_scale` t, the latents of the layers are Gaussian and correlated,

        w_l = mu + S (u + t d_l),   u, d_l ~ N(0, I),   S S^T = Sigma,

    that is Cov(w_l, w_m) = Sigma (1 + t^2 [l = m]): a generator is trained with one w
    for all layers, and t says how far a layer may leave it. The coordinates are
    v = (u, d_1, ..., d_L) [B, 1 + L, D]; minimising |v|^2 over the splits of a given w
    gives its Mahalanobis norm, so the mode is that of the density of w. Without
    layer_scale the layers are independent, w_l ~ N(mu, diag Sigma), and the coordinates
    are w - mu, [B, L, D], as in the originals.

    Each of P unknown parameters has a coordinate z ~ N(0, 1) besides (see `unknown`): the first P
    of further rows, whose others are nothing.

    Args:
        mean: mu [D].
        covariance: Sigma [D, D].
        num_ws: L.
        layer_scale: t, or None for independent layers.
        unknowns: parameters that are inferred, by name.
    """

    mean: np.ndarray
    covariance: np.ndarray
    num_ws: int
    layer_scale: float | None = None
    parameter_priors: Mapping[str, ParameterPrior] = dataclasses.field(default_factory=dict)

    @property
    def total_stddev(self) -> float:
        """sigma = sqrt(trace Sigma): the originals' scalar."""
        return float(np.sqrt(np.trace(self.covariance)))

    @property
    def root(self) -> np.ndarray:
        """S [D, D], with S S^T = Sigma (its smallest eigenvalues raised)."""
        values, vectors = np.linalg.eigh(self.covariance)
        return vectors * np.sqrt(np.maximum(values, _EIGENVALUE_FLOOR * values[-1]))

    @property
    def num_rows(self) -> int:
        """Rows of coordinates that are of the latents: 1 + L or L."""
        return self.num_ws + (self.layer_scale is not None)

    @property
    def size(self) -> int:
        """Coordinates that are something, which are the first ones."""
        return self.num_rows * self.mean.shape[0] + len(self.parameter_priors)

    def start(self, num_images: int) -> np.ndarray:
        """Coordinates [B, K, D] of the mean latent and of the parameters' medians."""
        width = self.mean.shape[0]
        return np.zeros([num_images, math.ceil(self.size / width), width])

    def sample_equal_layers(self, num_samples: int, *, seed: int) -> np.ndarray:
        """Coordinates [num_samples, K, D] of w ~ N(mu, Sigma), the same at every layer.

        Unknown parameters are drawn, too.
        """
        rng = np.random.RandomState(seed)
        u = rng.randn(num_samples, 1, self.mean.shape[0])
        coordinates = self.start(num_samples)
        if self.layer_scale is None:
            coordinates[:, : self.num_rows] = u @ self.root.T
        else:
            coordinates[:, :1] = u
        for i, z in enumerate(rng.randn(len(self.parameter_priors), num_samples)):
            row, column = divmod(i, self.mean.shape[0])
            coordinates[:, self.num_rows + row, column] = z
        return coordinates

    @property
    def variance(self) -> np.ndarray:
        """Prior variance of each coordinate of a row [D]."""
        independent = self.layer_scale is None
        return np.diag(self.covariance) if independent else np.ones_like(self.mean)

    def squared_norm(self, coordinates):
        """-2 log density of the latents at coordinates v, up to a constant: [B]."""
        variance = tf.constant(self.variance, coordinates.dtype)
        return tf.reduce_sum(tf.square(self.of_latents(coordinates)) / variance, axis=[1, 2])

    def of_latents(self, coordinates):
        """The rows [B, 1 + L or L, D] of coordinates that are of the latents."""
        return coordinates[:, : self.num_rows] if self.parameter_priors else coordinates

    def of_parameters(self, coordinates):
        """The coordinates z [B, P] of the parameters."""
        count = len(self.parameter_priors)
        flat = tf.reshape(coordinates[:, self.num_rows :], [tf.shape(coordinates)[0], -1])
        return flat[:, :count]

    def flat(self, coordinates):
        """Those [B, N] of coordinates [B, K, D] that are something."""
        return tf.reshape(coordinates, [coordinates.shape[0], -1])[:, : self.size]

    def shaped(self, flat):
        """Coordinates [..., K, D] of flat ones [..., N]."""
        _, rows, columns = self.start(1).shape
        nothing = rows * columns - flat.shape[-1]
        if nothing:
            flat = tf.pad(flat, [[0, 0]] * (flat.shape.rank - 1) + [[0, nothing]])
        return tf.reshape(flat, [*flat.shape[:-1], rows, columns])

    def parameters(self, coordinates) -> dict[str, tf.Tensor]:
        """The parameters at coordinates v by name, [B] each."""
        if not self.parameter_priors:
            return {}
        z = tf.unstack(self.of_parameters(coordinates), num=len(self.parameter_priors), axis=1)
        return {
            name: unknown.forward(own)
            for (name, unknown), own in zip(self.parameter_priors.items(), z, strict=True)
        }

    @property
    def log_normaliser(self) -> float:
        """What `squared_norm` leaves out: log density = -squared_norm / 2 - log_normaliser."""
        return 0.5 * self.num_rows * float(np.log(2.0 * math.pi * self.variance).sum())

    def parameters_log_prob(self, coordinates):
        """log N(z | 0, I), [B]."""
        squared = tf.reduce_sum(tf.square(self.of_parameters(coordinates)), axis=1)
        return -0.5 * (squared + len(self.parameter_priors) * math.log(2.0 * math.pi))

    def latents(self, coordinates):
        """Latents ws [B, L, D] of coordinates v."""
        dtype = coordinates.dtype
        mean = tf.constant(self.mean, dtype)
        coordinates = self.of_latents(coordinates)
        if self.layer_scale is None:
            return mean + coordinates
        shared, deviations = coordinates[:, :1], coordinates[:, 1:]
        whitened = shared + self.layer_scale * deviations
        return mean + tf.einsum("bld,ed->ble", whitened, tf.constant(self.root, dtype))


def parameter_priors_of(
    params: Mapping[str, ParameterPrior], objective: Objective
) -> dict[str, ParameterPrior]:
    """What is inferred: a corruption's `params`, and the noise scale that bayes is not given."""
    infers_noise = objective.family == "bayes" and objective.noise_scale is None
    return ({"noise_scale": NOISE_SCALE} if infers_noise else {}) | dict(params)


class Posterior:
    """log p(ws, parameters | y) up to a constant, term by term.

    Args:
        synthesis: ws [B, L, D] -> images [B, H, W, C].
        features: images -> list of weighted perceptual features phi_l(x).
        prior: the `LatentPrior`.
        objective: which terms, with which scales.
    """

    def __init__(
        self, *, synthesis: Callable, features: Callable, prior: LatentPrior, objective: Objective
    ):
        self.synthesis = synthesis
        self.features = features
        self.prior = prior
        self.objective = objective

    def terms(
        self, coordinates, *, corruption, measurement, target, noise_scale=None
    ) -> dict[str, tf.Tensor]:
        """The terms of `TERMS` at `coordinates`, each [B].

        Args:
            coordinates: v, see `LatentPrior`.
            corruption: a `Corruption` with its data bound; its `params` are bound here.
            measurement: y.
            target: features of the picture of y (None when `perceptual_scale` is 0).
            noise_scale: [B] in grey levels, instead of the objective's or one that is inferred.
        """
        ws = self.prior.latents(coordinates)
        x = self.synthesis(ws)
        corruption, own_scale = self.bound(corruption, coordinates)
        noise_scale = own_scale if noise_scale is None else noise_scale
        zero = tf.zeros_like(coordinates[:, 0, 0])
        has_features = self.objective.perceptual_scale > 0
        return {
            "pixel": self.pixel_log_prob(
                x, corruption=corruption, measurement=measurement, noise_scale=noise_scale
            ),
            "perceptual": self.perceptual_log_prob(
                corruption.as_image(corruption.fill_unobserved(corruption.forward(x))),
                target=target,
            )
            if has_features
            else zero,
            "prior": self.prior_log_prob(coordinates),
            "colinearity": self.colinearity_log_prob(ws),
        }

    def bound(self, corruption, coordinates):
        """The corruption with the parameters at v bound, and the noise scale [B] there.

        The latter is None where it is not inferred.
        """
        parameters = self.prior.parameters(coordinates)
        own = corruption.with_params(**{name: parameters[name] for name in corruption.params})
        return own, parameters.get("noise_scale")

    def pixel_log_prob(self, x, *, corruption, measurement, noise_scale=None):
        """Pixel likelihood.

            brgm_*:   -pixel_scale * mean over all values of (y - f(x))^2, in grey levels
            bayes:    pixel_scale * log p(y | f(x)), summed over the observed values
            tempered: the same times min(1, effective_size / number of observed values)

        Values are real numbers: of a complex one the real and the imaginary part are two.

        p(y | f(x)) is the corruption's: N(y | f(x), noise_scale^2) unless a stage of noise says
        other. The tempering is there because the misfit of a generator is smooth: a photograph
        of a million pixels holds no million independent measurements of it.
        """
        if self.objective.family.startswith("brgm"):
            error = measurement - corruption.fill_unobserved(corruption.forward(x))
            error = corruption.components(error) * _HALF_RANGE
            scale = self.objective.pixel_scale
            return -scale * tf.reduce_mean(tf.square(error), axis=[1, 2, 3])
        log_prob = corruption.log_prob(measurement, x, self.noise_params(noise_scale))
        return self.likelihood_power(measurement, corruption=corruption) * log_prob

    def likelihood_power(self, measurement, *, corruption):
        """The power [B] that the likelihood is raised to; not of the originals' objectives."""
        size = self._observed_size(measurement, corruption=corruption)
        power = self.objective.pixel_scale * tf.ones_like(size)
        if self.objective.family == "tempered":
            # Never a division by zero: a measurement without an observed value has log_prob 0.
            effective = self.objective.effective_sample_size_cap
            power *= effective / tf.maximum(size, effective)
        return power

    def effective_values(self, measurement, *, corruption):
        """How many values [B] the measurement counts as: those observed, times `likelihood_power`."""
        size = self._observed_size(measurement, corruption=corruption)
        return size * self.likelihood_power(measurement, corruption=corruption)

    def _observed_size(self, measurement, *, corruption):
        observed = self._observed_components(measurement, corruption=corruption)
        return tf.reduce_sum(observed, axis=[1, 2, 3])

    def pixel_precision(self, mean, *, corruption, noise_scale=None):
        """Fisher information of the pixel term about f(x); not of the originals' objectives.

        For normal noise, p with pixel term = -1/2 sum p (y - f(x))^2 + constant.

        Args:
            mean: f(x).
            corruption: a `Corruption` with its data bound.
            noise_scale: [B] in grey levels, instead of the objective's.

        Returns:
            Of the shape of the components of f(x), in units of [-1, 1]; 0 where not observed.
        """
        observed = self._observed_components(mean, corruption=corruption)
        precision = corruption.precision(mean, self.noise_params(noise_scale))
        precision = tf.broadcast_to(precision, tf.shape(mean))
        precision = tf.tile(precision, [1, 1, 1, observed.shape[-1] // mean.shape[-1]])
        power = self.likelihood_power(mean, corruption=corruption)
        return power[:, None, None, None] * observed * precision

    def _observed_components(self, y, *, corruption):
        """1 for each component of y that is observed, 0 for the others."""
        observed = tf.broadcast_to(corruption.observation_mask(y), tf.shape(y))
        count = corruption.components(y).shape[-1] // y.shape[-1]
        return tf.tile(observed, [1, 1, 1, count])

    def noise_params(self, noise_scale=None) -> dict[str, object]:
        """The likelihood's parameters: a noise scale, or else the objective's.

        One that is to be inferred and is not given has its prior's median.
        """
        if noise_scale is None and "noise_scale" in self.prior.parameter_priors:
            noise_scale = self.prior.parameter_priors["noise_scale"].median
        if noise_scale is None:
            noise_scale = self.objective.noise_scale or NOISE_SCALE.median
        return {"noise_scale": noise_scale}

    def perceptual_log_prob(self, predicted_measurement, *, target):
        """Perceptual likelihood.

        brgm_torch:     -perceptual_scale * mean over all features of (phi(y) - phi(f(x)))^2
        the other ones: -perceptual_scale * LPIPS(y, f(x))

        Of the pictures of y and f(x), where they are none themselves.
        """
        features = self.features(predicted_measurement)
        pairs = zip(features, target, strict=True)
        total = sum(tf.reduce_sum(tf.square(a - b), axis=[1, 2, 3]) for a, b in pairs)
        if self.objective.family == "brgm_torch":
            total /= sum(int(np.prod(f.shape[1:])) for f in features)
        return -self.objective.perceptual_scale * total

    def prior_log_prob(self, coordinates):
        """Gaussian prior.

        brgm_*:   -prior_scale * mean over L, D of ((w - mu) / sigma)^2
        tempered: prior_scale * log N(ws | mu, Cov), less its constant (see `LatentPrior`)
        bayes:    prior_scale * log density of the coordinates v

        And of all the log density of the unknown parameters' coordinates.
        """
        log_prob = self._latents_log_prob(coordinates)
        if not self.prior.parameter_priors:
            return log_prob
        return log_prob + self.prior.parameters_log_prob(coordinates)

    def _latents_log_prob(self, coordinates):
        if not self.objective.family.startswith("brgm"):
            log_prob = -0.5 * self.prior.squared_norm(coordinates)
            if self.objective.family == "bayes":
                log_prob -= self.prior.log_normaliser
            return self.objective.prior_scale * log_prob
        squared = tf.square(self.prior.of_latents(coordinates))
        sigma = self.prior.total_stddev
        return -self.objective.prior_scale * tf.reduce_mean(squared, axis=[1, 2]) / sigma**2

    def colinearity_log_prob(self, ws):
        """Colinearity of the layers' latents.

        brgm_torch:     -colinearity_scale * sum over l, m of |1 - cos(w_l, w_m)|
        the other ones: -colinearity_scale * mean over l, m of |1 - cos(w_l, w_m)|
        """
        unit = tf.math.l2_normalize(ws, axis=-1, epsilon=1e-24)
        distance = tf.abs(1.0 - tf.einsum("bld,bmd->blm", unit, unit))
        reduce = tf.reduce_sum if self.objective.family == "brgm_torch" else tf.reduce_mean
        return -self.objective.colinearity_scale * reduce(distance, axis=[1, 2])

    def log_prob(self, coordinates, **data) -> tf.Tensor:
        """Sum of the terms, [B]."""
        return total(self.terms(coordinates, **data))


def total(terms: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Sum of the terms, [B]."""
    return tf.add_n(list(terms.values()))
