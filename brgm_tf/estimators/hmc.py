"""Hamiltonian Monte Carlo: draws from the posterior itself, for small generators.

Notation: B images, C chains; q the surrogate that `vi` fits, v = m + s F e under it, with
e ~ N(0, I) [N]. The chains move in e,

    log p(e) = log p(y, v(e)) + constant,

where the posterior is near N(0, I): the surrogate is the chains' mass matrix. They start at
draws of it. Each image has a step size of its own, adapted during the first half.

Of 8 x 8 measurements of eight films of the model's own prior its 90 % intervals hold 88.2 +- 0.8 %
of the true pixels after 100 steps of `vi` and 100 iterations (tools/calibrate.py), which are few:
R-hat was 1.2 to 1.5 for the first four films.

Reference: Neal, MCMC using Hamiltonian dynamics (arXiv 1206.1901); Andrieu, Thoms, A tutorial on
adaptive MCMC (2008), section 4.2 (the step size); Gelman, Rubin, Inference from iterative
simulation using multiple sequences (1992).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.core.compilation import compiled
from brgm_tf.estimators.optimizers.loop import Checkpoint, Progress, State
from brgm_tf.estimators.variational import VI, VI_TERMS
from brgm_tf.estimators.variational import Fit as SurrogateFit

TARGET_ACCEPTANCE = 0.75
_LEAPFROG_STEPS = 8
_FIRST_STEP_SIZE = 0.2
_CHUNK = 5  # iterations between two calls back


class Fit(NamedTuple):
    """The surrogate, and the draws of e after adaptation [n, C, B, N]."""

    surrogate: SurrogateFit
    draws: np.ndarray


@dataclasses.dataclass
class _Chains:
    """The chains of one image while they run: all with B = 1."""

    surrogate: SurrogateFit
    inputs: dict
    state: tf.Tensor | None = None
    results: object = None
    samples: list[np.ndarray] = dataclasses.field(default_factory=list)


class HMC(VI):
    """Draws from the posterior of each image of a batch: first `VI`, then chains from there.

    Args:
        posterior, corruption, num_steps, surrogate, surrogate_rank, num_elbo_samples, seed, jit,
            chunk_size, dtype: as of `VI`; half of the steps fit the surrogate, the others
            are iterations of the chains, of 8 leapfrog steps each.
        num_chains: C.
    """

    Fit = Fit

    def __init__(self, posterior, *, num_steps: int, num_chains: int = 4, **options):
        self._iterations = max(2, num_steps // 2)
        self._fitting_steps = max(2, num_steps - self._iterations)
        super().__init__(posterior, num_steps=self._fitting_steps, **options)
        self._num_chains = num_chains
        # Not the loops: inside of one, XLA computes convolutions on a single core.
        self._evaluate = compiled(self._value_and_gradient, jit=self._jit)
        self._begin, self._advance = compiled(self._begun), compiled(self._advanced)

    def run(
        self, measurement, *, data: dict | None = None, checkpoint: Checkpoint | None = None
    ) -> Iterator[Progress]:
        """Yields the progress of a batch; in the end the slots are the `Fit`.

        While the chains run, history has the terms' means over them, and no entropy. The second
        chunk, which compiles nothing any more, brings a note of how long it will take. Chains are
        not kept: a batch that is interrupted while they run begins anew.

        Args:
            measurement, data, kept: as of `Estimator.run`.
        """
        durations = [time.monotonic()]
        for progress in super().run(measurement, data=data, checkpoint=checkpoint):
            durations.append(time.monotonic())
            note = ""
            climbs = not isinstance(progress.state.optimizer_state, SurrogateFit)
            if climbs and len(durations) == 3:
                note = self._estimate(durations[2] - durations[1], progress)
            is_last = progress.converged or int(progress.state.step) >= self._fitting_steps
            to_checkpoint = dict if is_last else progress.to_checkpoint
            yield progress._replace(to_checkpoint=to_checkpoint, converged=False, note=note)
        yield from self._sampled(progress.state, self.inputs(measurement, data=data))

    def draw(self, fit: Fit, *, num_samples: int, seed: int) -> tf.Tensor:
        """Draws of the chains at even distances: coordinates [S, B, K, D]."""
        del seed
        draws = fit.draws.reshape(-1, *fit.draws.shape[2:])
        chosen = np.linspace(0, len(draws) - 1, num_samples).round().astype(int)
        flat = self._place(tf.constant(draws[chosen]), fit.surrogate)
        return self._posterior.prior.shaped(flat)

    def diagnostics(self, fit: Fit) -> dict[str, np.ndarray]:
        """Diagnostics of the chains, each [B].

        r_hat: 95 % quantile over the coordinates of the potential scale reduction (1 is good).
        effective_samples: their median effective number of draws, all chains together.
        """
        draws = tf.constant(fit.draws)
        r_hat = tfp.mcmc.potential_scale_reduction(draws, independent_chain_ndims=1)
        with _quiet():  # it takes the real part of a Fourier transform, and is warned of that
            effective = tfp.mcmc.effective_sample_size(draws, cross_chain_dims=1)
        return {
            "r_hat": np.quantile(r_hat, 0.95, axis=-1),
            "effective_samples": np.median(effective, axis=-1),
        }

    def _estimate(self, seconds: float, progress: Progress) -> str:
        """The time that the chains will take, of that of a chunk on the way to the mode."""
        done = len(next(iter(progress.history.values())))
        # The chains of an image cost what as many images cost; a leapfrog step, one evaluation.
        evaluations = self._iterations * (_LEAPFROG_STEPS + 1) * self._num_chains
        minutes = evaluations * seconds / done / 60.0
        return (
            f"{self._iterations} iterations of {self._num_chains} chains an image: about "
            f"{max(1, math.ceil(minutes))} min more for this batch"
        )

    def _sampled(self, fitted: State, inputs) -> Iterator[Progress]:
        # Image by image: TFP draws a batch's random numbers at once, and an image's would
        # depend on how many neighbours it has.
        count = fitted.v.shape[0]
        images = [_Chains(*_of_image((fitted.optimizer_state, inputs), b)) for b in range(count)]
        e = tf.random.stateless_normal(
            [self._num_chains, 1, self._posterior.prior.size], [self._seed, 5], dtype=self._dtype
        )
        for image in images:
            image.state, image.results = e, self._begin(e, image.surrogate, image.inputs)
        for done in range(0, self._iterations, _CHUNK):
            adapting = done + _CHUNK <= self._iterations // 2
            size = min(_CHUNK, self._iterations - done)
            terms = [self._step(image, done, size, adapting=adapting) for image in images]
            terms = np.concatenate(terms, axis=-1)
            fit = None
            if images[0].checkpoint:
                draws = [np.concatenate(image.samples) for image in images]
                fit = Fit(fitted.optimizer_state, np.concatenate(draws, axis=2))
            places = tf.concat([image.state for image in images], axis=1)
            mean = self._mean(fit, fitted.optimizer_state, places)
            state = State(mean, tf.constant(terms[-1]), fit, fitted.step + done + size)
            history = dict(zip(VI_TERMS, np.moveaxis(terms, 1, 0), strict=True))
            yield Progress(state, history, to_checkpoint=dict)

    def _step(self, image: _Chains, first: int, count: int, *, adapting: bool) -> np.ndarray:
        """Advances an image's chains; the terms of each iteration [n, T, 1]."""
        image.state, image.results, draws, terms = self._advance(
            image.state,
            image.results,
            image.surrogate,
            image.inputs,
            tf.constant(first),
            tf.constant(adapting),
            tf.constant(count),
        )
        if not adapting:
            image.samples.append(draws.numpy())
        return terms.numpy()

    def _mean(self, fit: Fit | None, surrogate: SurrogateFit, state):
        """Coordinates [B, K, D]: the mean of the draws so far, or of the chains' places."""
        e = tf.reduce_mean(state, axis=0) if fit is None else fit.draws.mean(axis=(0, 1))
        flat = self._place(tf.convert_to_tensor(e)[None], surrogate)
        return self._posterior.prior.shaped(flat[0])

    def _begun(self, state, surrogate, inputs):
        return self._kernel(surrogate, inputs, adapting=True).bootstrap_results(state)

    def _advanced(self, state, results, surrogate, inputs, first, adapting, count):
        """`count` iterations: the last place, its results, all places and the terms there."""
        kernel = self._kernel(surrogate, inputs, adapting=adapting)

        def body(i, state, results, places, terms):
            seed = tf.stack([self._seed + 6, first + i])
            state, results = kernel.one_step(state, results, seed=seed)
            found, _, _ = self._evaluate(state, surrogate, inputs)
            means = tf.reduce_mean(found, axis=1)
            return i + 1, state, results, places.write(i, state), terms.write(i, means)

        lists = [tf.TensorArray(self._dtype, size=count) for _ in range(2)]
        _, state, results, places, terms = tf.while_loop(
            lambda i, *_: i < count, body, (0, state, results, *lists), parallel_iterations=1
        )
        return state, results, places.stack(), terms.stack()

    def _kernel(self, surrogate: SurrogateFit, inputs, *, adapting):
        @tf.custom_gradient
        def log_prob(e):
            _, value, gradient = self._evaluate(e, surrogate, inputs)

            def pull_back(upstream, variables=None):  # those of the generator, which is fixed
                found = upstream[..., None] * gradient
                return found if variables is None else (found, [None] * len(variables))

            return value, pull_back

        step_size = tf.constant(_FIRST_STEP_SIZE, self._dtype)
        inner = tfp.mcmc.HamiltonianMonteCarlo(
            log_prob,
            step_size=step_size,
            num_leapfrog_steps=_LEAPFROG_STEPS,
            store_parameters_in_results=True,  # where `Adaptive` changes the step size
        )
        return Adaptive(inner, adapting=adapting)

    def _value_and_gradient(self, e, surrogate: SurrogateFit, inputs):
        """Terms [T, C, B] of the joint density at e, their sum [C, B] and its gradient."""
        with tf.GradientTape() as tape:
            tape.watch(e)
            terms = self._terms_of_place(e, surrogate, inputs)
            terms = tf.stack([terms[name] for name in VI_TERMS])
            value = tf.reduce_sum(terms, axis=0)
        return terms, value, tape.gradient(value, e)

    def _terms_of_place(self, e, surrogate: SurrogateFit, inputs) -> dict[str, tf.Tensor]:
        """Terms of the joint density at places e [C, B, N], each [C, B]."""
        found = self.terms_of_draws(self._place(e, surrogate), inputs)
        found = {name: tf.reshape(values, [e.shape[0], -1]) for name, values in found.items()}
        return found | {"entropy": tf.zeros_like(found["pixel"])}

    def _place(self, e, surrogate: SurrogateFit):
        """Flat coordinates [C, B, N] of e."""
        return self.surrogate.draw(surrogate.parameters, surrogate.frame, e)


class Adaptive:
    """Hamiltonian Monte Carlo whose step sizes follow the acceptance while `adapting`.

    log step += (acceptance - target) / sqrt(t + 1), with the mean acceptance of the chains.
    """

    def __init__(self, inner: tfp.mcmc.HamiltonianMonteCarlo, *, adapting):
        self._inner, self._adapting = inner, adapting

    def bootstrap_results(self, state):
        return self._inner.bootstrap_results(state), tf.constant(0, tf.int32)

    def one_step(self, state, results, *, seed):
        inner, t = results
        state, inner = self._inner.one_step(state, inner, seed=seed)
        accept = tf.exp(tf.minimum(inner.log_accept_ratio, 0.0))
        accept = tf.where(tf.math.is_finite(accept), accept, tf.zeros_like(accept))
        error = tf.reduce_mean(accept) - TARGET_ACCEPTANCE
        change = tf.exp(error / tf.sqrt(tf.cast(t + 1, error.dtype)))
        change = tf.where(self._adapting, change, tf.ones_like(change))
        step_size = inner.accepted_results.step_size * change
        accepted = inner.accepted_results._replace(step_size=step_size)
        return state, (inner._replace(accepted_results=accepted), t + 1)


@contextlib.contextmanager
def _quiet():
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _of_image(structure, b: int):
    """Tensors [B, ...] of one image, [1, ...]; those of all images stay."""
    return tf.nest.map_structure(
        lambda a: a[b : b + 1] if a.shape[0] > 1 else tf.convert_to_tensor(a), structure
    )
