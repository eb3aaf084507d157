"""Variational inference: the Gaussian nearest to the posterior, by its ELBO.

Notation: B images; v [B, N] flat positions of latents and unknown parameters; q(v) a surrogate
(`posterior.surrogates`); S samples.

    ELBO = E_q[log p(y | v) + log p(v) - log q(v)]

A quarter of the steps maximizes the posterior with an inferred noise scale held at its prior's
median; at the joint mode the noise scale would be too small. The Laplace approximation there starts
the surrogate. Then Adam maximizes the ELBO with reparameterized samples, in antithetic pairs, the
same for every image. The gradient of the entropy -E log q passes through the samples alone: where
q is the posterior, the gradient of each sample is zero, and not only their mean.

With adaptation, the weights of the generator move to the joint mode over latents and weights, and
the surrogate is fitted to the latents with these weights. The intervals then leave out the
uncertainty of the weights, and are too narrow by it.

The surrogate is a little too narrow. For 8 x 8 measurements of images of the model's prior, the
90 % intervals cover 86.8 +- 0.4 % of the true pixels (tools/calibrate.py, 350 steps of two
samples). Real images need a model discrepancy as well (`reporting.posterior_summary.interval`),
because they lie outside the generator's range.

Reference: Kingma, Welling, Auto-encoding variational Bayes (arXiv 1312.6114); Roeder, Wu,
Duvenaud, Sticking the landing (arXiv 1703.09194); BRGM (arXiv 2012.04567), section 3.3.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.adaptation import AdaptingEstimator, Mode, is_adapting
from brgm_tf.estimators.base import Progress, Sampler
from brgm_tf.estimators.optimizers.adam import Adam, Schedule
from brgm_tf.estimators.optimizers.lbfgs import LBFGS
from brgm_tf.estimators.optimizers.loop import (
    Checkpoint,
    Chunk,
    Optimizer,
    State,
    from_arrays,
    to_arrays,
)
from brgm_tf.estimators.plateaus import Plateaus
from brgm_tf.posterior.conditions import Conditions, mean_of_copies, repeat_conditions
from brgm_tf.posterior.posterior import TERMS, Posterior
from brgm_tf.posterior.surrogates.gauss_newton import GaussNewton
from brgm_tf.posterior.surrogates.gaussian import Surrogate
from brgm_tf.posterior.surrogates.laplace import LaplaceApproximation
from brgm_tf.posterior.surrogates.table import SURROGATES

VI_TERMS = (*TERMS, "entropy")
_LEARNING_RATE = 0.03  # standard deviations of the surrogate a step
# Of Adam, in nats a standard deviation. A smaller gradient g moves the surrogate by 0.3 g, as
# gradient descent does; with a tiny epsilon, Adam would turn rounding errors into full steps.
_EPSILON = 0.1
# Initial scale of the noise scale's coordinate, which the curvature at the mode does not determine.
_NOISE_SCALE_STDDEV = 0.3


class FittedSurrogate(NamedTuple):
    """A surrogate as tensors: its Laplace approximation and its parameters [B, P]."""

    laplace: LaplaceApproximation
    parameters: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class VI(AdaptingEstimator):
    """Gaussian approximation of the posterior of each image.

    Args:
        num_steps: Number of steps. The first quarter leads to the mode.
        adaptation_steps: Number of further steps, which adapt the generator's weights after the
            mode; 0 for fixed weights. The samples have the adapted weights, and no uncertainty of
            the weights.
        surrogate: Name in `SURROGATES`.
        surrogate_rank: Number of directions with a scale of their own, at most the number of
            measured values.
        num_elbo_samples: S, number of samples a step; even.
        seed: Seed of the samples.
        chunk_size: Number of steps between two values of `fit`.
        jit: Whether XLA compiles the steps.
        dtype: Floating-point type of the positions.

    Example:
        >>> VI(num_steps=200, surrogate="mean_field").num_elbo_samples
        4
    """

    surrogate: str = "low_rank"
    surrogate_rank: int = 64
    num_elbo_samples: int = 4

    def create_program(self, posterior: Posterior) -> VIProgram:
        """Returns a new program for a posterior.

        Raises:
            InputError: The objective is one of the originals'.
        """
        if posterior.model_terms.is_original:
            raise InputError(
                "objective",
                "must be bayes or balanced for --estimator=vi",
                remedy="Give --estimator=vi_brgm, or leave --objective out",
                objective=posterior.objective.family,
            )
        return VIProgram(posterior, self)


class VIProgram(Sampler):
    """`VI` bound to a posterior.

    Args:
        posterior: `Posterior` with a likelihood, so that the prior of the positions is N(0, I).
        options: `VI` with the options.
    """

    def __init__(self, posterior: Posterior, options: VI):
        super().__init__(posterior, options)
        self._options = options
        self._surrogate_type: type[Surrogate] = SURROGATES.row(options.surrogate).load()
        self._gauss_newton = GaussNewton(
            posterior,
            rank=options.surrogate_rank,
            seed=options.seed,
            jit=options.jit,
            dtype=self._dtype,
        )
        num_mode_steps = max(1, options.num_steps // 4)
        self._num_mode_steps = num_mode_steps + options.adaptation_steps
        # At least two chunks, because the time of the second one predicts the time that is left.
        self._mode_optimizer = Optimizer(
            self._terms_of_mode,
            names=VI_TERMS,
            rule=LBFGS(num_mode_steps),
            chunk_size=min(options.chunk_size, -(-num_mode_steps // 2)),
            jit=options.jit,
        )
        schedule = Schedule(max(1, options.num_steps - num_mode_steps), _LEARNING_RATE, 0.0, 1.0)
        self._elbo_optimizer = Optimizer(
            self._terms_of_surrogate,
            names=VI_TERMS,
            rule=Adam(schedule, epsilon=_EPSILON),
            chunk_size=options.chunk_size,
            jit=options.jit,
        )
        self._adaptation = options.adaptation_stage(posterior, self._terms_of_mode, names=VI_TERMS)

    def run(
        self,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after each chunk of steps.

        The position is the surrogate's mean; the approximation is a `FittedSurrogate`.
        """
        if checkpoint is not None and "fit" in checkpoint:
            mode = Mode(*(tf.constant(array, self._dtype) for array in checkpoint["mode"]))
        else:
            mode = yield from self._find_mode(self.condition(measurement, data), checkpoint)
            checkpoint = None
        conditions = self.condition(measurement, data, deviations=mode.deviations)
        yield from self._fit_surrogate(mode, conditions, checkpoint)

    def surrogate(self, fitted: FittedSurrogate, *, antithetic: bool = False) -> Surrogate:
        """Returns a fitted surrogate as a distribution over flat positions v [B, N].

        Args:
            fitted: Approximation of the last progress.
            antithetic: Whether samples come in antithetic pairs.
        """
        return self._surrogate_type(fitted.laplace, fitted.parameters, antithetic=antithetic)

    def draw(self, approximation: FittedSurrogate, *, num_samples: int, seed: int) -> tf.Tensor:
        """Returns samples [S, B, K, D] of the surrogate."""
        samples = self.surrogate(approximation).sample(num_samples, seed=[seed, 1])
        return self._posterior.layout.unflatten(samples)

    def terms_of_samples(self, v: tf.Tensor, conditions: Conditions) -> dict[str, tf.Tensor]:
        """Returns the terms [S B] of log p(y, v) at samples v [S, B, N], by name."""
        count, _, size = v.shape
        position = self._posterior.layout.unflatten(tf.reshape(v, [-1, size]))
        return self._posterior.terms(position, repeat_conditions(conditions, count))

    def _terms_of_mode(
        self, position: tf.Tensor, conditions: Conditions, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the terms that lead to the mode, with an inferred noise scale held."""
        del step
        prior = self._posterior.parameter_priors.get("noise_scale")
        noise_scale = None
        if prior is not None:
            noise_scale = tf.fill([position.shape[0]], tf.cast(prior.median, self._dtype))
        terms = self._posterior.terms(position, conditions, noise_scale=noise_scale)
        return terms | {"entropy": tf.zeros_like(terms["pixel"])}

    def _find_mode(
        self, conditions: Conditions, checkpoint: Checkpoint | None
    ) -> Generator[Progress, None, Mode]:
        """Yields the progress of the steps to the mode, and returns the mode."""
        mode = Mode(self._posterior.layout.initial_position(len(conditions["measurement"])))
        if not is_adapting(checkpoint):
            start = tf.constant(mode.position, self._dtype)
            state = self._mode_optimizer.resume(start, checkpoint)
            for chunk in self._mode_optimizer.run(state, conditions):
                state = chunk.state
                yield Progress(
                    state.position, state.terms, int(state.step), chunk.history, chunk.to_checkpoint
                )
            mode = Mode(state.position)
        if self._adaptation is not None:
            first_step = self._mode_optimizer.rule.num_steps
            mode = yield from self._adaptation.run(
                mode.position, conditions, checkpoint, first_step=first_step
            )
        return mode

    def _fit_surrogate(
        self, mode: Mode, conditions: Conditions, checkpoint: Checkpoint | None
    ) -> Iterator[Progress]:
        laplace = self._gauss_newton.laplace(mode.position, conditions)
        start = self._surrogate_type.initial_parameters(laplace, log_scale=self._log_scale())
        plateaus = Plateaus(mode.position.shape[0])
        state = self._elbo_optimizer.start(start[:, None])
        if checkpoint:
            state = from_arrays(checkpoint["fit"], like=state)
            plateaus = Plateaus.from_arrays(checkpoint["plateaus"])
        data = {"conditions": conditions, "laplace": laplace}
        for chunk in self._elbo_optimizer.run(state, data):
            yield self._progress(chunk, mode, laplace, plateaus)
            if plateaus.all_converged:
                return

    def _progress(
        self, chunk: Chunk, mode: Mode, laplace: LaplaceApproximation, plateaus: Plateaus
    ) -> Progress:
        """Returns the progress of a chunk of the ELBO, and updates the plateaus."""
        state = chunk.state
        elbo = np.sum(list(chunk.history.values()), axis=0)
        parameters = plateaus.update(elbo, state.position[:, 0])
        fitted = FittedSurrogate(laplace, parameters)
        return Progress(
            position=self._posterior.layout.unflatten(self.surrogate(fitted).mean()),
            terms=state.terms,
            step=int(state.step) + self._num_mode_steps,
            history=chunk.history,
            to_checkpoint=functools.partial(_to_checkpoint, mode, state, plateaus),
            approximation=fitted,
            converged=plateaus.all_converged,
            deviations=mode.deviations,
        )

    def _log_scale(self) -> tf.Tensor:
        """Returns logarithms [N] of factors of the Laplace approximation's scales."""
        names = list(self._posterior.parameter_priors)
        size = self._posterior.layout.event_size
        scales = np.ones(size)
        if "noise_scale" in names:
            scales[size - len(names) + names.index("noise_scale")] = _NOISE_SCALE_STDDEV
        return tf.constant(np.log(scales), self._dtype)

    def _terms_of_surrogate(
        self, packed: tf.Tensor, data: Mapping[str, Any], step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the terms [B] of the ELBO, by samples."""
        count = self._options.num_elbo_samples
        fitted = FittedSurrogate(data["laplace"], packed[:, 0])
        surrogate = self.surrogate(fitted, antithetic=True)
        v = surrogate.sample(count, seed=tf.stack([self._options.seed, step]))
        terms = self.terms_of_samples(v, data["conditions"])
        terms = {name: mean_of_copies(values, count) for name, values in terms.items()}
        log_q = surrogate.stop_gradient().log_prob(v)
        return terms | {"entropy": -tf.reduce_mean(log_q, axis=0)}


def _to_checkpoint(mode: Mode, state: State, plateaus: Plateaus) -> Checkpoint:
    arrays = [np.asarray(tensor) for tensor in mode if tensor is not None]
    return {"mode": arrays, "fit": to_arrays(state), "plateaus": plateaus.to_arrays()}
