"""Markov chains of Hamiltonian Monte Carlo for one image, and their diagnostics.

Notation: C chains; e [C, 1, N] their positions.

Reference: Neal, MCMC using Hamiltonian dynamics (arXiv 1206.1901); Hoffman, Gelman, The No-U-Turn
sampler (arXiv 1111.4246), section 3.2 (the step size); Gelman, Rubin, Inference from iterative
simulation using multiple sequences (1992).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.core.compilation import compiled

TARGET_ACCEPTANCE = 0.75
LEAPFROG_STEPS = 8
_FIRST_STEP_SIZE = 0.2
_DIVERGENCE = -1000.0  # log acceptance below which a trajectory has diverged, as in Stan


@dataclasses.dataclass
class Chain:
    """The chains of one image while they run.

    Attributes:
        noise: Position e [C, 1, N].
        results: Results of the kernel, among them the step size.
        context: Argument of the terms.
        samples: Positions [n, C, 1, N] after adaptation.
        acceptance: Mean acceptance probabilities after adaptation.
        divergences: Numbers of diverged trajectories after adaptation.
    """

    noise: tf.Tensor
    results: Any
    context: Any
    samples: list[np.ndarray] = dataclasses.field(default_factory=list)
    acceptance: list[float] = dataclasses.field(default_factory=list)
    divergences: list[int] = dataclasses.field(default_factory=list)


class Kernel:
    """Hamiltonian Monte Carlo whose step size follows the acceptance by dual averaging.

    Args:
        terms: Function (e, context) -> {name: [C, 1]} of log-densities.
        num_adaptation_steps: Number of iterations that adapt the step size; their positions are
            no samples.
        seed: First seed of the iterations.
        jit: Whether XLA compiles the log-density and its gradient.
        dtype: Floating-point type of the positions.
    """

    def __init__(
        self,
        terms: Callable[[Any, Any], Mapping[str, tf.Tensor]],
        *,
        num_adaptation_steps: int,
        seed: int,
        jit: bool,
        dtype,
    ):
        self._terms, self._seed, self._dtype = terms, seed, dtype
        self._num_adaptation_steps = num_adaptation_steps
        # Without the loops, because XLA computes convolutions in a loop on one core.
        self._evaluate = compiled(self._value_and_gradient, jit=jit)
        self._bootstrap = compiled(lambda e, context: self._kernel(context).bootstrap_results(e))
        self._iterate = compiled(self._iterations)

    def start(self, noise, context) -> Chain:
        """Returns the chains at their first positions e [C, 1, N]."""
        return Chain(noise, self._bootstrap(noise, context), context)

    def advance(self, chain: Chain, first: int, count: int) -> np.ndarray:
        """Advances the chains of an image.

        Args:
            chain: Chains, which are changed.
            first: Number of iterations done.
            count: Number of iterations to do.

        Returns:
            Terms [count, T, 1], means over the chains.
        """
        chain.noise, chain.results, noise, terms, log_accept_ratio = self._iterate(
            chain.noise, chain.results, chain.context, tf.constant(first), tf.constant(count)
        )
        if first >= self._num_adaptation_steps:
            chain.samples.append(noise.numpy())
            chain.acceptance += list(acceptance(log_accept_ratio).numpy().mean(axis=(1, 2)))
            chain.divergences.append(int((log_accept_ratio.numpy() < _DIVERGENCE).sum()))
        return terms.numpy()

    def _kernel(self, context):
        @tf.custom_gradient
        def log_prob(e):
            _, value, gradient = self._evaluate(e, context)

            def pull_back(upstream, variables=None):  # variables of the generator, which is fixed
                pulled = upstream[..., None] * gradient
                return pulled if variables is None else (pulled, [None] * len(variables))

            return value, pull_back

        return adaptive_kernel(
            log_prob,
            step_size=tf.constant(_FIRST_STEP_SIZE, self._dtype),
            num_adaptation_steps=self._num_adaptation_steps,
        )

    def _value_and_gradient(self, e, context):
        """Returns terms [T, C, 1] at e, their sum [C, 1] and its gradient."""
        with tf.GradientTape() as tape:
            tape.watch(e)
            terms = tf.stack(list(self._terms(e, context).values()))
            value = tf.reduce_sum(terms, axis=0)
        return terms, value, tape.gradient(value, e)

    def _iterations(self, noise, results, context, first, count):
        """Returns the last position and results, and of each iteration position, terms, ratio."""
        kernel = self._kernel(context)

        def body(i, noise, results, positions, terms, ratios):
            seed = tf.stack([self._seed, first + i])
            noise, results = kernel.one_step(noise, results, seed=seed)
            evaluated, _, _ = self._evaluate(noise, context)
            means = tf.reduce_mean(evaluated, axis=1)
            ratio = results.inner_results.log_accept_ratio
            return (
                i + 1,
                noise,
                results,
                positions.write(i, noise),
                terms.write(i, means),
                ratios.write(i, ratio),
            )

        lists = [tf.TensorArray(self._dtype, size=count) for _ in range(3)]
        _, noise, results, *lists = tf.while_loop(
            lambda i, *_: i < count, body, (0, noise, results, *lists), parallel_iterations=1
        )
        return noise, results, *(values.stack() for values in lists)


def adaptive_kernel(log_prob: Callable, *, step_size, num_adaptation_steps: int):
    """Returns the kernel of Hamiltonian Monte Carlo with an adaptive step size.

    Args:
        log_prob: Function from e [C, 1, N] to log-densities [C, 1].
        step_size: First step size.
        num_adaptation_steps: Number of iterations that adapt the step size.
    """
    inner = tfp.mcmc.HamiltonianMonteCarlo(
        log_prob,
        step_size=step_size,
        num_leapfrog_steps=LEAPFROG_STEPS,
        store_parameters_in_results=True,  # where the adaptation changes the step size
    )
    return tfp.mcmc.DualAveragingStepSizeAdaptation(
        inner,
        num_adaptation_steps=num_adaptation_steps,
        target_accept_prob=tf.constant(TARGET_ACCEPTANCE, step_size.dtype),
    )


def acceptance(log_accept_ratio):
    """Returns the probability of accepting a trajectory, 0 if its energy is not finite."""
    probability = tf.exp(tf.minimum(log_accept_ratio, 0.0))
    return tf.where(tf.math.is_finite(probability), probability, tf.zeros_like(probability))


def chain_diagnostics(noise: np.ndarray) -> dict[str, np.ndarray]:
    """Returns diagnostics [B] of samples e [n, C, B, N], by name.

    r_hat: 95 % quantile over the coordinates of the potential scale reduction; 1 is good.
    effective_samples: Median over the coordinates of the effective number of samples of all
        chains.
    """
    samples = tf.constant(noise)
    r_hat = tfp.mcmc.potential_scale_reduction(samples, independent_chain_ndims=1)
    with _without_warnings():  # about the real part of a Fourier transform
        effective = tfp.mcmc.effective_sample_size(samples, cross_chain_dims=1)
    with np.errstate(invalid="ignore"):  # chains that never moved have an infinite r_hat
        return {
            "r_hat": np.quantile(r_hat, 0.95, axis=-1),
            "effective_samples": np.median(effective, axis=-1),
        }


@contextlib.contextmanager
def _without_warnings():
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
