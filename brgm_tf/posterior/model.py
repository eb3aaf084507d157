"""The model of a posterior as a coroutine of TensorFlow Probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.likelihood import Likelihood
from brgm_tf.posterior.joint import OnePassJointDistribution
from brgm_tf.posterior.latent_prior import StandardNormal

Root = tfp.distributions.JointDistributionCoroutine.Root


def create_joint(
    posterior: Any,
    num_images: int,
    *,
    data: Mapping[str, Any],
    target: list[Any] | None,
    noise_scale: Any,
    dtype: tf.DType,
    adapts: bool,
) -> OnePassJointDistribution:
    """Returns the joint distribution of a posterior; see `Posterior.joint`."""
    objective, terms = posterior.objective, posterior.model_terms
    prior, features, count = posterior.prior, posterior.features, len(posterior.parameter_priors)
    corruption = posterior.corruption.with_data(**data)

    def model():
        v = yield Root(terms.latents(prior, num_images, dtype))
        parameters = {}
        if count:
            z = yield Root(StandardNormal(num_images, count, dtype=dtype, name="parameters"))
            parameters = posterior.parameters_of(z)
        e = None
        if adapts:
            size = posterior.adaptation.size
            e = yield Root(terms.deviations(prior, num_images, size, dtype))
        latents = prior.latents(v)
        x = posterior.synthesis(latents, e)
        likelihood = likelihood_of(posterior, x, corruption, parameters, noise_scale)
        y = yield terms.measurement(likelihood)
        if features is not None:
            features_of_x = features.of_prediction(likelihood.corruption, likelihood.noise_free)
            features_of_y = target or features.of_prediction(likelihood.corruption, y)
            yield terms.perceptual(features_of_x, features_of_y)
        if objective.colinearity_scale > 0:
            yield terms.colinearity(latents)

    parts = {
        "latents": True,
        "parameters": count > 0,
        "adaptation": adapts,
        "measurement": True,
        "perceptual": features is not None,
        "colinearity": objective.colinearity_scale > 0,
    }
    names = tuple(name for name, is_part in parts.items() if is_part)
    return OnePassJointDistribution(model, names=names)


def bound_to_images(corruption: Corruption, size: tuple[int, int, int]) -> Corruption:
    """Returns the corruption for images of a size (H, W, C).

    Raises:
        InputError: The corruption acts along the slices of a volume.
    """
    if corruption.needs_volume:
        raise InputError(
            "corruption",
            "must act on images, because a posterior of images has no third axis",
            remedy="Give VolumePosterior, or --volume",
            corruption=str(corruption),
        )
    return corruption.of_images(size)


def likelihood_of(
    posterior: Any,
    x: tf.Tensor,
    corruption: Corruption,
    parameters: Mapping[str, Any],
    noise_scale: tf.Tensor | None = None,
) -> Likelihood:
    """Returns the likelihood of images, with the parameters bound to the corruption.

    Args:
        posterior: `Posterior` with the noise scale that neither argument gives.
        x: Images [B, H, W, C].
        corruption: Corruption with the data of the batch.
        parameters: Unknown parameters [B] of the corruption and of the noise, by name.
        noise_scale: Noise scale [B] in grey levels that replaces the one of the parameters.
    """
    bound = corruption.with_params(**{name: parameters[name] for name in corruption.params})
    noise_scale = parameters.get("noise_scale") if noise_scale is None else noise_scale
    return bound.likelihood(x, posterior.noise_params(noise_scale))
