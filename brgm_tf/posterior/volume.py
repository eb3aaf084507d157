"""The posterior of a volume: the latents of its slices are a Gauss-Markov chain.

Notation: S slices; v [S, V, D] the whitened latents (`slice_chain`); Q [S, S] the symmetric root of
their correlation matrix; u [S, V, D] the coordinates that estimators move; z [1, P] standard normal
parameters, which all slices share; x [S, R, R, C] the volume; f the corruption, which may act
across slices; y [S', h, w, c] the measurement.

    v = Q u,   p(v, z, y) = chain(v) p(z) p(y | f(x(v))) exp(-sum over slices of y of perceptual)

To an estimator, the volume is one image: a position [1, S V + ..., D] and a measurement
[1, S', h, w, c], so a line search moves all slices together. The coordinates u have the prior
N(0, I) apart from the variance of v, so the directions in which slices differ are no steeper than
the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.base import Corruption
from brgm_tf.posterior.chunks import in_chunks
from brgm_tf.posterior.conditions import Conditions
from brgm_tf.posterior.features import MeasurementFeatures
from brgm_tf.posterior.joint import OnePassJointDistribution
from brgm_tf.posterior.latent_prior import StandardNormal
from brgm_tf.posterior.model import Root, likelihood_of
from brgm_tf.posterior.objectives import Objective
from brgm_tf.posterior.position import PositionLayout
from brgm_tf.posterior.posterior import Posterior
from brgm_tf.posterior.pseudo_observations import PseudoObservation
from brgm_tf.posterior.slice_chain import checked_correlations, correlation_root

SLICES_AT_ONCE = 8


class VolumePosterior(Posterior):
    """Posterior of the latents of all slices of a volume; see the module.

    `MAP` finds its mode. Memory of the networks is bounded, because slices are generated in chunks.

    Args:
        generator: Generator of slices; see `Posterior`.
        corruption: `Corruption` of the volume, whose batch axis is the third axis.
        correlations: a [S - 1], correlations of the latents of neighbouring slices; see
            `slice_chain.correlations_of`.
        objective: Name in `OBJECTIVES`, or an `Objective`, of densities.
        perceptual: LPIPS, or a handle of its weights; see `Posterior`.
        class_label: Index or name of the class, for a conditional generator.
        indices: Indices [S] of the slices in the scan, which select the patterns of slices; None
            for 0 to S - 1.
        slices_at_once: Number of slices in a chunk.

    Raises:
        InputError: The objective is one of the originals; or see `Posterior`.

    Example:
        >>> from types import SimpleNamespace
        >>> from brgm_tf import MAP, ThickSlices
        >>> moments = SimpleNamespace(mean=np.zeros(2), covariance=np.eye(2))
        >>> generator = SimpleNamespace(
        ...     synthesis=lambda w: tf.reshape(w, [-1, 2, 2, 1]), latent_statistics=lambda: moments,
        ...     num_ws=2, resolution=2, channels=1)
        >>> posterior = VolumePosterior(generator, ThickSlices(factor=2), correlations=[0.9] * 3)
        >>> y = tf.zeros([1, 2, 2, 2, 1])
        >>> *_, last = MAP(num_steps=2, jit=False).fit(posterior, y)
        >>> posterior.volume(last.position).shape
        TensorShape([4, 2, 2, 1])
    """

    def __init__(
        self,
        generator: Any,
        corruption: Corruption,
        *,
        correlations: Sequence[float] | np.ndarray,
        objective: str | Objective = "bayes",
        perceptual: Any = None,
        class_label: int | str | None = None,
        indices: Sequence[int] | None = None,
        slices_at_once: int = SLICES_AT_ONCE,
    ):
        self.correlations = checked_correlations(correlations)
        self.num_slices = len(self.correlations) + 1
        self.slices_at_once, self._indices = slices_at_once, indices
        self._root = correlation_root(self.correlations)
        super().__init__(
            generator,
            corruption,
            objective=objective,
            perceptual=perceptual,
            class_label=class_label,
        )
        num_vectors, width = self.prior.event_shape
        num_parameters = len(self.parameter_priors)
        self.layout = PositionLayout(self.num_slices * num_vectors, width, num_parameters)
        self.model_terms.slice_chain(self.prior, self.correlations, tf.float32)
        if self.objective.colinearity_scale:
            raise InputError(
                "colinearity_scale",
                "must be 0 for a volume",
                colinearity_scale=self.objective.colinearity_scale,
            )

    def _bound(self, corruption: Corruption, size: tuple[int, int, int]) -> Corruption:
        return corruption.of_volume((self.num_slices, *size), indices=self._indices)

    def condition(
        self,
        measurement: np.ndarray | tf.Tensor,
        data: Mapping[str, Any] | None = None,
        *,
        dtype: Any = "float32",
    ) -> Conditions:
        """Returns the conditions that a measured volume sets.

        Args:
            measurement: y [1, S', h, w, c].
            data: Arrays of the corruption by name, [S', ...] or [1, ...].
            dtype: Floating-point type of the positions.
        """
        measurement = tf.convert_to_tensor(measurement, self.corruption.dtype_for(dtype))
        return {"measurement": measurement, "data": data or {}, "target": []}

    # Positions.

    def whitened_latents(self, position: tf.Tensor) -> tf.Tensor:
        """Returns v = Q u [S, V, D] of a position [1, K, D]."""
        shape = [self.num_slices, *self.prior.event_shape]
        u = tf.reshape(self.layout.whitened_latents(position), shape)
        return tf.einsum("st,tvd->svd", tf.constant(self._root, u.dtype), u)

    def latents(self, position: tf.Tensor) -> tf.Tensor:
        """Returns the latents w [S, L, D] of a position [1, K, D]."""
        return self.prior.latents(self.whitened_latents(position))

    def volume(self, position: tf.Tensor) -> tf.Tensor:
        """Returns the volume x [S, R, R, C] of a position [1, K, D]."""
        return self.volume_of(self.whitened_latents(position))

    def volume_of(self, whitened_latents: tf.Tensor) -> tf.Tensor:
        """Returns the volume x [S, R, R, C] of whitened latents v [S, V, D]."""
        return in_chunks(
            lambda v: self.synthesis(self.prior.latents(v)),
            whitened_latents,
            size=self.slices_at_once,
        )

    def sample_equal_layers(self, num_samples: int, *, seed: int) -> np.ndarray:
        """Samples no positions, because a volume has one start.

        Raises:
            InputError: `num_samples` is not 0.
        """
        if num_samples:
            raise InputError("num_restarts", "must be 1 for a volume", num_restarts=num_samples + 1)
        return np.zeros([0, *self.layout.shape(1)[1:]])

    # The model.

    def joint(
        self,
        num_images: int = 1,
        *,
        data: Mapping[str, Any] | None = None,
        target: Any = None,
        noise_scale: tf.Tensor | None = None,
        dtype: Any = tf.float32,
        adapts: bool | None = None,
    ) -> OnePassJointDistribution:
        """Returns the model as a joint distribution of TensorFlow Probability.

        Its parts are 'latents' v [S, V, D], 'parameters' z [1, P], 'measurement' y [S', h, w, c]
        and 'perceptual' [S'], whose observed value is 0.

        Args:
            num_images: 1.
            data: Arrays of the corruption by name.
            target: Not used.
            noise_scale: Noise scale [1] in grey levels that replaces the one of z.
            dtype: Floating-point type of v and z.
            adapts: Not used, because the weights are fixed.
        """
        del num_images, target, adapts
        corruption = self.corruption.with_data(**(data or {}))
        count = len(self.parameter_priors)

        def model() -> Iterator[Any]:
            v = yield Root(self.model_terms.slice_chain(self.prior, self.correlations, dtype))
            parameters: Mapping[str, Any] = {}
            if count:
                z = yield Root(StandardNormal(1, count, dtype=dtype, name="parameters"))
                parameters = self.parameters_of(z)
            x = self.volume_of(v)
            likelihood = likelihood_of(self, x, corruption, parameters, noise_scale)
            y = yield _of_volume(self.model_terms.measurement(likelihood))
            if self.features is not None:
                yield _of_volume(self._perceptual(likelihood, y))

        names = ["latents", *["parameters"] * (count > 0), "measurement"]
        names += ["perceptual"] * (self.features is not None)
        return OnePassJointDistribution(model, names=tuple(names))

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
            position: Position [1, K, D].
            measurement: y [1, S', h, w, c].
            deviations: None, because the weights are fixed.
        """
        del deviations
        values = {
            "latents": self.whitened_latents(position),
            "parameters": self.layout.parameters(position),
            "measurement": measurement[0],
            "perceptual": tf.zeros(measurement.shape[1:2], position.dtype),
        }
        return joint.values(**values)

    def terms(
        self, position: tf.Tensor, conditions: Conditions, *, noise_scale: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of `TERMS` at a position [1, K, D], log-densities [1] by name."""
        terms = super().terms(position, conditions, noise_scale=noise_scale)
        return {name: tf.reshape(term, [1]) for name, term in terms.items()}

    def _perceptual(self, likelihood: Any, y: tf.Tensor) -> Any:
        """Returns the pseudo-observations of the distances of the slices of y."""
        corruption, features = likelihood.corruption, cast(MeasurementFeatures, self.features)
        images, others = (
            corruption.as_image(corruption.fill_unobserved(values))
            for values in (likelihood.noise_free, y)
        )
        distances = features.distances_in_chunks(images, others, size=self.slices_at_once)
        return PseudoObservation(distances, self.objective.perceptual_scale, name="perceptual")


def _of_volume(distribution: Any) -> Any:
    """Returns independent slices [S'] as one event."""
    return tfp.distributions.Independent(distribution, reinterpreted_batch_ndims=1)
