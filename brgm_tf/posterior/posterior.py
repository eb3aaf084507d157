"""The posterior of latents and unknown parameters, given a measurement.

Notation: B images; v [B, V, D] whitened latents (`LatentPrior`); z [B, P] standard normal
parameters, t the parameters themselves (`core.parameter_priors`); e [B, E] standard normal
deviations of the generator's weights theta = theta0 + tau s e (`generators.adaptation`);
x = synthesis(w(v); theta(e)) images in [-1, 1]; f the corruption; y the measurement.

    p(v, z, e, y) = p(v) p(z) p(e) p(y | f(x)) exp(-perceptual) exp(-colinearity)

Without adaptation, e = 0.

Reference: Marinescu, Moyer, Golland, Bayesian Image Reconstruction using Deep Generative Models
(arXiv 2012.04567), equations 3 to 6.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from brgm_tf.core.parameter_priors import NOISE_SCALE, ParameterPrior
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.traits import traits_of
from brgm_tf.generators.adaptation import Adaptation
from brgm_tf.generators.classes import of_class
from brgm_tf.posterior.conditions import Conditions
from brgm_tf.posterior.features import MeasurementFeatures
from brgm_tf.posterior.joint import OnePassJointDistribution
from brgm_tf.posterior.latent_prior import LatentPrior
from brgm_tf.posterior.model import bound_to_images, create_joint, likelihood_of
from brgm_tf.posterior.objectives import Objective, objective_for
from brgm_tf.posterior.position import PositionLayout

TERMS = ("pixel", "perceptual", "prior", "colinearity", "adaptation")


class Posterior:
    """Posterior of the latents of a generator and of unknown parameters.

    `joint` is the model as a joint distribution of TensorFlow Probability. `terms` are its
    log-densities at a measurement, which every estimator maximizes or samples.

    Args:
        generator: `Generator`, or an object with its `synthesis`, `latent_statistics`, `num_ws`,
            `resolution` and `channels`. It is frozen.
        corruption: `Corruption` of the images; its unknown parameters are inferred.
        objective: Name in `OBJECTIVES`, which `objective_for` completes for the corruption; or an
            `Objective`, which is taken as it is.
        perceptual: LPIPS, or a handle of its weights; None for the default ones. They are
            loaded if the objective has a perceptual term.
        adaptation_scale: tau, the standard deviation of the generator's weights around the
            trained ones, relative to their size; None for fixed weights.
        class_label: Index or name of the class, for a conditional generator.

    Attributes:
        generator: The generator.
        adaptation: `Adaptation` of the generator's weights; None for fixed weights.
        corruption: The corruption for images of the generator's size.
        objective: The `Objective`.
        model_terms: Distributions of the terms, a `terms.Terms`.
        prior: `LatentPrior` of the generator.
        parameter_priors: Priors of the parameters that are inferred, by name.
        layout: `PositionLayout` of the positions that estimators move.
        features: `MeasurementFeatures`; None without a perceptual term.
        programs: Compiled programs of estimators, by estimator.

    Raises:
        InputError: There is no such objective, the perceptual weights cannot be read, the class
            does not belong to the generator, or the generator's weights cannot be adapted.

    Example:
        >>> from types import SimpleNamespace
        >>> from brgm_tf.corruptions.identity import Identity
        >>> moments = SimpleNamespace(mean=np.zeros(2), covariance=np.eye(2))
        >>> generator = SimpleNamespace(
        ...     synthesis=lambda w: tf.reshape(w, [-1, 2, 2, 1]), latent_statistics=lambda: moments,
        ...     num_ws=2, resolution=2, channels=1)
        >>> posterior = Posterior(generator, Identity(), objective="bayes")
        >>> list(posterior.parameter_priors), posterior.layout.shape(1)
        (['noise_scale'], (1, 4, 2))
        >>> y = tf.zeros([1, 2, 2, 1])
        >>> terms = posterior.terms(tf.zeros([1, 4, 2]), posterior.condition(y))
        >>> {name: round(float(term[0]), 1) for name, term in terms.items()}
        {'pixel': 9.3, 'perceptual': 0.0, 'prior': -6.4, 'colinearity': 0.0, 'adaptation': 0.0}
    """

    def __init__(
        self,
        generator: Any,
        corruption: Corruption,
        *,
        objective: str | Objective = "balanced",
        perceptual: Any = None,
        adaptation_scale: float | None = None,
        class_label: int | str | None = None,
    ):
        generator = of_class(generator, class_label)
        freeze = getattr(generator, "freeze", None)
        if freeze is not None:
            freeze()
        size = generator.resolution, generator.resolution, generator.channels
        self.generator, self.corruption = generator, self._bound(corruption, size)
        self.objective = (
            objective_for(objective, traits_of(corruption))
            if isinstance(objective, str)
            else objective
        )
        self.model_terms = self.objective.create_terms()
        statistics = generator.latent_statistics()
        self.prior = LatentPrior(
            statistics.mean, statistics.covariance, generator.num_ws, self.objective.layer_scale
        )
        self.parameter_priors: dict[str, ParameterPrior] = (
            self.model_terms.parameter_priors | self.corruption.params
        )
        self.layout = PositionLayout(*self.prior.event_shape, len(self.parameter_priors))
        self.adaptation: Adaptation | None = None
        if adaptation_scale is not None:
            self.adaptation = Adaptation(generator, scale=adaptation_scale)
        self.features = None
        if self.objective.perceptual_scale > 0:
            enlarge = self.model_terms.enlarges_features
            self.features = MeasurementFeatures(
                perceptual, corruption=self.corruption, enlarge=enlarge
            )
        self.programs: dict[Hashable, Any] = {}

    def _bound(self, corruption: Corruption, size: tuple[int, int, int]) -> Corruption:
        """Returns the corruption for images of the generator's size."""
        return bound_to_images(corruption, size)

    def condition(
        self,
        measurement: np.ndarray | tf.Tensor,
        data: Mapping[str, Any] | None = None,
        *,
        dtype: Any = "float32",
    ) -> Conditions:
        """Returns the conditions that a measured batch sets.

        Args:
            measurement: y [B, h, w, c].
            data: Per-image arrays of the corruption, by name.
            dtype: Floating-point type of the positions.
        """
        measurement = tf.convert_to_tensor(measurement, self.corruption.dtype_for(dtype))
        data = data or {}
        target = self.features.of_measurement(measurement, data) if self.features else []
        return {"measurement": measurement, "data": data, "target": target}

    # Positions.

    def latents(self, position: tf.Tensor) -> tf.Tensor:
        """Returns the latents w [B, L, D] of a position [B, K, D]."""
        return self.prior.latents(self.layout.whitened_latents(position))

    def inferred_parameters(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the unknown parameters t [B] at a position [B, K, D], by name."""
        if not self.parameter_priors:
            return {}
        return self.parameters_of(self.layout.parameters(position))

    def parameters(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the unknown parameters [B] at a position, and the noise scale if it is given."""
        position = tf.convert_to_tensor(position)
        parameters = self.inferred_parameters(position)
        if "noise_scale" not in parameters and not self.model_terms.is_original:
            scale = tf.cast(self.objective.noise_scale, position.dtype)
            parameters["noise_scale"] = tf.fill([position.shape[0]], scale)
        return parameters

    def synthesis(self, latents: tf.Tensor, deviations: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the images x [B, H, W, C] of latents w [B, L, D].

        Args:
            latents: w [B, L, D].
            deviations: Deviations e [B or 1, E] of the weights; None for the trained weights.
        """
        if deviations is None or self.adaptation is None:
            return self.generator.synthesis(latents)
        return self.adaptation.synthesis(latents, deviations)

    def sample_equal_layers(self, num_samples: int, *, seed: int) -> np.ndarray:
        """Samples positions [num_samples, K, D] from the prior, with equal latents at every layer.

        Args:
            num_samples: Number of positions.
            seed: Seed of the samples.
        """
        rng = np.random.RandomState(seed)
        whitened_latents = self.prior.sample_equal_layers(rng, num_samples)
        parameters = rng.randn(len(self.parameter_priors), num_samples).T
        return self.layout.pack(whitened_latents, parameters)

    # The model.

    def terms(
        self, position: tf.Tensor, conditions: Conditions, *, noise_scale: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of `TERMS` at a position, log-densities [B] by name.

        They are the `log_prob_parts` of `joint`, those of latents and parameters added to 'prior'.
        Terms that the objective does not have are 0.

        Args:
            position: Position [B, K, D].
            conditions: Measured batch of `condition`.
            noise_scale: Noise scale [B] in grey levels that replaces the one of the position.
        """
        joint = self.joint(
            position.shape[0],
            data=conditions["data"],
            target=conditions["target"],
            noise_scale=noise_scale,
            dtype=position.dtype,
            adapts="deviations" in conditions,
        )
        values = self.joint_values(
            joint, position, conditions["measurement"], deviations=conditions.get("deviations")
        )
        parts = joint.log_prob_parts(values)
        prior = parts["latents"]
        if "parameters" in parts:
            prior += parts["parameters"]
        zero = tf.zeros_like(prior)
        return {
            "pixel": parts["measurement"],
            "perceptual": parts.get("perceptual", zero),
            "prior": prior,
            "colinearity": parts.get("colinearity", zero),
            "adaptation": zero + parts.get("adaptation", zero),
        }

    def log_prob(self, position: tf.Tensor, conditions: Conditions) -> tf.Tensor:
        """Returns log p(v, z, y) [B] up to a constant, the sum of the terms."""
        return tf.add_n(list(self.terms(position, conditions).values()))

    def joint(
        self,
        num_images: int,
        *,
        data: Mapping[str, Any] | None = None,
        target: Any = None,
        noise_scale: tf.Tensor | None = None,
        dtype: Any = tf.float32,
        adapts: bool | None = None,
    ) -> OnePassJointDistribution:
        """Returns the model as a joint distribution of TensorFlow Probability.

        Its parts are 'latents' v [B, V, D], 'parameters' z [B, P], 'adaptation' e [B, E],
        'measurement' y, and the pseudo-observations 'perceptual' and 'colinearity' [B], whose
        observed value is 0. Parts that the model does not have are left out.

        Args:
            num_images: B.
            data: Per-image arrays of the corruption, by name.
            target: Features of y; None to compute them from y.
            noise_scale: Noise scale [B] in grey levels that replaces the one of z.
            dtype: Floating-point type of v, z and e.
            adapts: Whether the weights are a part; None if the posterior has an `adaptation`.
        """
        return create_joint(
            self,
            num_images,
            data=data or {},
            target=target,
            noise_scale=noise_scale,
            dtype=dtype,
            adapts=self.adaptation is not None if adapts is None else adapts,
        )

    def joint_values(
        self,
        joint: OnePassJointDistribution,
        position: tf.Tensor,
        measurement: np.ndarray | tf.Tensor,
        *,
        deviations: tf.Tensor | None = None,
    ) -> Any:
        """Returns the values of the parts of `joint` at a position and a measurement.

        Args:
            joint: Joint distribution.
            position: Position [B, K, D].
            measurement: y [B, h, w, c].
            deviations: e [B or 1, E], if `joint` has the part 'adaptation'.
        """
        zero = tf.zeros(position.shape[:1], position.dtype)
        values = {
            "latents": self.layout.whitened_latents(position),
            "parameters": self.layout.parameters(position),
            "adaptation": deviations,
            "measurement": measurement,
            "perceptual": zero,
            "colinearity": zero,
        }
        return joint.values(**values)

    def measurement_distribution(
        self, position: tf.Tensor, data: Mapping[str, Any], *, deviations: tf.Tensor | None = None
    ) -> Any:
        """Returns the distribution of the measurement at a position, as the terms have it.

        Args:
            position: Position [B, K, D].
            data: Per-image arrays of the corruption, by name.
            deviations: Deviations e [B or 1, E] of the weights; None for the trained weights.
        """
        x = self.synthesis(self.latents(position), deviations)
        return self.measurement_of(x, data=data, parameters=self.inferred_parameters(position))

    def measurement_of(
        self,
        x: tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Returns the distribution of the measurement of images, as the terms have it.

        Args:
            x: Images [B, H, W, C].
            data: Per-image arrays of the corruption, by name.
            parameters: Unknown parameters [B] of the corruption and of the noise, by name.
        """
        corruption = self.corruption.with_data(**(data or {}))
        likelihood = likelihood_of(self, x, corruption, parameters or {})
        return self.model_terms.measurement(likelihood)

    def noise_params(self, noise_scale: tf.Tensor | None = None) -> dict[str, Any]:
        """Returns the parameters of the likelihood: a noise scale in grey levels.

        Args:
            noise_scale: Noise scale; None for the one of the objective, or for the prior's median
                if the noise scale is inferred.
        """
        if noise_scale is None and "noise_scale" in self.parameter_priors:
            noise_scale = self.parameter_priors["noise_scale"].median
        if noise_scale is None:
            noise_scale = self.objective.noise_scale or NOISE_SCALE.median
        return {"noise_scale": noise_scale}

    def parameters_of(self, z: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the parameters t [B] of z [B, P], by name."""
        columns = tf.unstack(z, num=len(self.parameter_priors), axis=1)
        pairs = zip(self.parameter_priors.items(), columns, strict=True)
        return {name: prior.forward(column) for (name, prior), column in pairs}
