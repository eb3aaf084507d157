"""Base classes of estimators, and of the programs that they compile for a posterior."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.estimators.optimizers.loop import Checkpoint
from brgm_tf.estimators.restoring.run import run_on_arrays
from brgm_tf.posterior.conditions import Conditions
from brgm_tf.posterior.posterior import Posterior
from brgm_tf.reporting.results import Restoration


class Progress(NamedTuple):
    """Where an estimator is after some steps on a batch.

    Attributes:
        position: Estimate [B, K, D] of the position; `Posterior.latents` and
            `Posterior.parameters` unpack it.
        terms: Terms [T, B] of the estimate.
        step: Number of steps done.
        history: Terms [n, B] of the steps since the last progress, by name.
        to_checkpoint: Function that returns the arrays to resume from; empty if the estimator
            cannot resume here.
        approximation: Approximation of the posterior, an argument of `Sampler.draw`; None before
            there is one.
        converged: Whether further steps would change nothing.
        note: Line for the user.
        deviations: Deviations e [B, E] of the generator's weights; None for the trained weights.
    """

    position: Any
    terms: Any
    step: int
    history: dict[str, np.ndarray]
    to_checkpoint: Callable[[], Checkpoint]
    approximation: Any = None
    converged: bool = False
    note: str = ""
    deviations: Any = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimator(abc.ABC):
    """Options of a computation on the posterior of each image of a batch.

    Args:
        num_steps: Number of steps.
        seed: Seed of random numbers.
        chunk_size: Number of steps between two values of `fit`.
        jit: Whether XLA compiles the steps.
        dtype: Floating-point type of the positions.
    """

    warning: ClassVar[str] = ""  # a line for the user, about every result

    num_steps: int = 350
    seed: int = 0
    chunk_size: int = 10
    jit: bool = True
    dtype: Any = "float32"

    @property
    def total_steps(self) -> int:
        """Number of steps of all stages."""
        return self.num_steps

    @abc.abstractmethod
    def create_program(self, posterior: Posterior) -> Program:
        """Returns a new program of this estimator for a posterior."""

    def bind(self, posterior: Posterior) -> Program:
        """Returns the program of this estimator for a posterior, compiled once.

        The posterior keeps its programs: estimators with equal options share one.

        Raises:
            InputError: The estimator does not support the objective or an unknown parameter.
        """
        if self not in posterior.programs:
            posterior.programs[self] = self.create_program(posterior)
        return posterior.programs[self]

    def fit(
        self,
        posterior: Posterior,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[Progress]:
        """Returns an iterator over the `Progress` of a batch.

        Args:
            posterior: `Posterior`.
            measurement: Measurement y [B, h, w, c].
            data: Per-image arrays of the corruption, by name.
            checkpoint: Arrays of `Progress.to_checkpoint` of an earlier fit of the same batch.

        Raises:
            InputError: The estimator does not support the objective or an unknown parameter.
            NotFiniteError: A term of an image is not finite.
        """
        return self.bind(posterior).run(measurement, data=data, checkpoint=checkpoint)

    def run(
        self,
        posterior: Posterior,
        measurement: np.ndarray | tf.Tensor,
        *,
        num_samples: int = 8,
        progress: Callable[[Any], object] | None = None,
        **data: Any,
    ) -> Restoration:
        """Runs the estimator on a measurement, and returns its results.

        Args:
            posterior: `Posterior`.
            measurement: Measurement y [h, w, c], or a batch [B, h, w, c].
            num_samples: Number of posterior samples of each image, if the estimator draws samples.
            progress: Function that receives a `Step` after every chunk of steps; True stops.
            **data: Per-image arrays of the corruption, such as `missing=mask`.

        Returns:
            A `Restoration`, with `mean`, `stddev`, `sample(n)`, `plot()` and `save(folder)`.

        Raises:
            InputError: The estimator does not support the objective or an unknown parameter.
            NotFiniteError: A term of an image is not finite.

        Example:
            >>> from types import SimpleNamespace
            >>> from brgm_tf.corruptions.identity import Identity
            >>> moments = SimpleNamespace(mean=np.zeros(2), covariance=np.eye(2))
            >>> generator = SimpleNamespace(
            ...     synthesis=lambda w: tf.reshape(w, [-1, 2, 2, 1]), num_ws=2, resolution=2,
            ...     latent_statistics=lambda: moments, channels=1)
            >>> posterior = Posterior(generator, Identity(), objective="bayes")
            >>> from brgm_tf.estimators.map import MAP
            >>> result = MAP(num_steps=2, jit=False).run(posterior, np.full([2, 2, 1], 0.5))
            >>> result.reconstructions.shape
            (1, 2, 2, 1)
        """
        return run_on_arrays(
            self, posterior, measurement, data=data, num_samples=num_samples, progress=progress
        )


class Program(abc.ABC):
    """An estimator bound to a posterior.

    Args:
        posterior: `Posterior`.
        options: `Estimator` with the options.
    """

    def __init__(self, posterior: Posterior, options: Estimator):
        self._posterior = posterior
        self._dtype = tf.as_dtype(options.dtype)
        self.warning = options.warning

    @abc.abstractmethod
    def run(
        self,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after each chunk of steps; see `Estimator.fit`."""

    def condition(
        self,
        measurement: np.ndarray | tf.Tensor,
        data: Mapping[str, Any] | None = None,
        *,
        deviations: tf.Tensor | None = None,
    ) -> Conditions:
        """Returns the `Conditions` of a batch, in the precision of the estimator.

        Args:
            measurement: Measurement y [B, h, w, c].
            data: Per-image arrays of the corruption, by name.
            deviations: Deviations e [B, E] of the generator's weights; None for the trained ones.
        """
        conditions = self._posterior.condition(measurement, data, dtype=self._dtype)
        return conditions if deviations is None else {**conditions, "deviations": deviations}

    def latents(self, position: tf.Tensor) -> tf.Tensor:
        """Returns the latents w [B, L, D] of a position."""
        return self._posterior.latents(position)

    def parameters(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the unknown parameters and the noise scale [B] at a position, by name."""
        return self._posterior.parameters(tf.convert_to_tensor(position, self._dtype))

    def parameters_stddev(
        self,
        progress: Progress,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
    ) -> dict[str, tf.Tensor]:
        """Returns standard deviations [B] of the unknown parameters, by name.

        The dictionary is empty if the estimator samples the parameters instead.

        Args:
            progress: Last progress of the estimator.
            measurement: Measurement y [B, h, w, c].
            data: Per-image arrays of the corruption, by name.
        """
        del progress, measurement, data
        return {}


class Sampler(Program):
    """A program that also draws samples, from the `approximation` of its last progress."""

    @abc.abstractmethod
    def draw(self, approximation: Any, *, num_samples: int, seed: int) -> tf.Tensor:
        """Returns samples [S, B, K, D] of the position.

        Args:
            approximation: Attribute of the last `Progress`.
            num_samples: S.
            seed: Seed of the samples.
        """

    def diagnostics(self, approximation: Any) -> dict[str, np.ndarray]:
        """Returns diagnostics [B] of an approximation, by name."""
        del approximation
        return {}
