"""The distributions that the terms of an objective are, one class for each family.

Notation: B images; y the measurement; f(x) its prediction; w [B, L, D] latents; phi weighted
perceptual features, whose squared differences sum to LPIPS.

Reference: Marinescu, Moyer, Golland, Bayesian Image Reconstruction using Deep Generative Models
(arXiv 2012.04567), equations 3 to 6.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import NOISE_SCALE, ParameterPrior
from brgm_tf.corruptions.likelihood import Likelihood, num_observed
from brgm_tf.posterior.latent_prior import (
    LatentPrior,
    OriginalLatents,
    WeightDeviations,
    WhitenedLatents,
)
from brgm_tf.posterior.measurement import MeanSquaredError, PowerLikelihood
from brgm_tf.posterior.objectives import Objective
from brgm_tf.posterior.pseudo_observations import (
    PseudoObservation,
    cosine_distance,
    mean_of_squares,
    sum_of_squares,
)
from brgm_tf.posterior.slice_chain import SliceChain


class Terms(abc.ABC):
    """The distributions of the terms, with the scales of an objective.

        perceptual: -perceptual_scale * LPIPS(y, f(x))
        colinearity: -colinearity_scale * mean over l, m of |1 - cos(w_l, w_m)|

    Args:
        objective: Scales of the terms.

    Attributes:
        is_original: Whether the terms are the sums of the originals, which know no noise scale.
        enlarges_features: Whether features enlarge small images.
    """

    is_original: ClassVar[bool] = False
    enlarges_features: ClassVar[bool] = False

    def __init__(self, objective: Objective):
        self.objective = objective

    @property
    def parameter_priors(self) -> dict[str, ParameterPrior]:
        """Priors of the parameters that the objective itself infers."""
        return {}

    @abc.abstractmethod
    def latents(self, prior: LatentPrior, num_images: int, dtype) -> WhitenedLatents:
        """Returns the prior on the whitened latents of a batch."""

    def slice_chain(
        self, prior: LatentPrior, correlations: Sequence[float] | np.ndarray, dtype
    ) -> SliceChain:
        """Returns the prior on the whitened latents of the slices of a volume.

        Args:
            prior: Prior of the latents of a slice.
            correlations: Correlations [S - 1] of neighbouring slices.
            dtype: Floating-point type.

        Raises:
            InputError: The terms are the sums of the originals, which know no volumes.
        """
        raise InputError(
            "objective",
            "must be bayes or balanced for a volume",
            objective=self.objective.family,
        )

    @abc.abstractmethod
    def measurement(self, likelihood: Likelihood) -> Any:
        """Returns the distribution of the measurement, made of the corruption's likelihood."""

    def deviations(self, prior: LatentPrior, num_images: int, size: int, dtype) -> WeightDeviations:
        """Returns the prior on the deviations e [B, E] of the generator's weights.

        Args:
            prior: Prior of the latents.
            num_images: B.
            size: E.
            dtype: Floating-point type.
        """
        power = self._power_of_prior(prior)
        return WeightDeviations(num_images, size, power=power, dtype=dtype, name="adaptation")

    def _power_of_prior(self, prior: LatentPrior) -> float:
        """Returns the power of the prior of the latents, which the weights share."""
        del prior
        return self.objective.prior_scale

    def perceptual(self, features, target) -> PseudoObservation:
        """Returns the pseudo-observation of the distance between two lists of features."""
        distance = self._perceptual_distance(features, target)
        return PseudoObservation(distance, self.objective.perceptual_scale, name="perceptual")

    def colinearity(self, latents) -> PseudoObservation:
        """Returns the pseudo-observation of the cosine distances of latents w [B, L, D]."""
        distance = self._colinearity_distance(latents)
        return PseudoObservation(distance, self.objective.colinearity_scale, name="colinearity")

    def _perceptual_distance(self, features, target):
        return sum_of_squares(features, target)

    def _colinearity_distance(self, latents):
        return cosine_distance(latents, tf.reduce_mean)


class BayesTerms(Terms):
    """Densities: the prior on the latents and the likelihood of the observed values.

        prior: prior_scale * log p(v)
        pixel: pixel_scale * log p(y | f(x)), summed over the observed values

    p(y | f(x)) is N(f(x), noise_scale^2) unless the corruption adds other noise.

    Attributes:
        is_normalized: Whether the prior has its constant.
    """

    is_normalized: ClassVar[bool] = True

    @property
    def parameter_priors(self) -> dict[str, ParameterPrior]:
        """Prior of the noise scale, if the objective does not give the noise scale."""
        return {"noise_scale": NOISE_SCALE} if self.objective.noise_scale is None else {}

    def latents(self, prior: LatentPrior, num_images: int, dtype) -> WhitenedLatents:
        """Returns the prior on the whitened latents of a batch."""
        return WhitenedLatents(
            prior.event_shape,
            num_images=num_images,
            variance=prior.variance,
            power=self.objective.prior_scale,
            log_normalizer=prior.log_normalizer if self.is_normalized else 0.0,
            dtype=dtype,
            name="latents",
        )

    def slice_chain(
        self, prior: LatentPrior, correlations: Sequence[float] | np.ndarray, dtype
    ) -> SliceChain:
        """Returns the prior on the whitened latents of the slices of a volume."""
        return SliceChain(
            prior.event_shape,
            correlations=correlations,
            variance=prior.variance,
            power=self.objective.prior_scale,
            is_normalized=self.is_normalized,
            dtype=dtype,
            name="latents",
        )

    def measurement(self, likelihood: Likelihood) -> PowerLikelihood:
        """Returns the likelihood of the corruption, raised to `power`."""
        power = self.power(likelihood.corruption, likelihood.noise_free)
        return PowerLikelihood(likelihood, power, name="measurement")

    def power(self, corruption, y):
        """Returns the power [B] of the likelihood.

        Args:
            corruption: `Corruption` with its data bound.
            y: Measurement, or its prediction; only its shape and type count.
        """
        return self.objective.pixel_scale * tf.ones_like(num_observed(corruption, y))

    def effective_sample_size(self, corruption, y):
        """Returns the number [B] of independent values that the measurement counts as.

        Args:
            corruption: `Corruption` with its data bound.
            y: Measurement.
        """
        return num_observed(corruption, y) * self.power(corruption, y)


class TemperedTerms(BayesTerms):
    """Densities with a tempered likelihood, without the normaliser of the prior.

        pixel: pixel_scale * min(1, cap / number of observed values) * log p(y | f(x))

    The misfit of a generator is smooth: a photograph of a million pixels holds far fewer
    independent measurements of it. `effective_sample_size_cap` states how many.
    """

    is_normalized = False

    @property
    def parameter_priors(self) -> dict[str, ParameterPrior]:
        """No priors, because the noise scale of a tempered likelihood cannot be inferred."""
        return {}

    def power(self, corruption, y):
        """Returns the power [B] of the likelihood."""
        size = num_observed(corruption, y)
        cap = self.objective.effective_sample_size_cap
        # The maximum avoids a division by zero if no value is observed; log p is 0 then.
        return self.objective.pixel_scale * tf.ones_like(size) * (cap / tf.maximum(size, cap))


class BrgmTf1Terms(Terms):
    """The sums of razvanmarinescu/brgm in TensorFlow 1, equal to densities up to a constant.

    prior: -prior_scale * mean over L, D of (w - mu)^2 / trace(Sigma)
    pixel: -pixel_scale * mean over all values of (y - f(x))^2, in grey levels
    """

    is_original = True

    def latents(self, prior: LatentPrior, num_images: int, dtype) -> OriginalLatents:
        """Returns the prior on the whitened latents of a batch."""
        return OriginalLatents(
            prior.event_shape,
            num_images=num_images,
            total_stddev=prior.total_stddev,
            prior_scale=self.objective.prior_scale,
            dtype=dtype,
            name="latents",
        )

    def _power_of_prior(self, prior: LatentPrior) -> float:
        # The sum of v^2 / variance / 2 that equals the originals' mean, if all variances are equal.
        num_vectors, width = prior.event_shape
        return 2.0 * self.objective.prior_scale / (num_vectors * width**2)

    def measurement(self, likelihood: Likelihood) -> MeanSquaredError:
        """Returns the distribution of the mean squared error."""
        return MeanSquaredError(likelihood, self.objective.pixel_scale, name="measurement")


class BrgmTorchTerms(BrgmTf1Terms):
    """The sums of razvanmarinescu/brgm-pytorch, equal to densities up to a constant.

    perceptual: -perceptual_scale * mean over all features of (phi(y) - phi(f(x)))^2
    colinearity: -colinearity_scale * sum over l, m of |1 - cos(w_l, w_m)|
    """

    enlarges_features = True

    def _perceptual_distance(self, features, target):
        return mean_of_squares(features, target)

    def _colinearity_distance(self, latents):
        return cosine_distance(latents, tf.reduce_sum)
