"""Hamiltonian Monte Carlo: samples of the posterior itself, for small generators.

Notation: B images; C chains; q the surrogate that `VI` fits, v = q.forward(e) with e ~ N(0, I) [N].
The chains move in e,

    log p(e) = log p(y, v(e)) + constant

where the posterior is near N(0, I), so that the surrogate is the mass matrix of the chains. They
start at samples of the surrogate. Each image has its own step size, which the first half of the
iterations adapts.

For 8 x 8 measurements of eight images of the model's prior, the 90 % intervals cover 88.2 +- 0.8 %
of the true pixels after 100 steps of `VI` and 100 iterations (tools/calibrate.py). These iterations
are few: R-hat was 1.2 to 1.5 for the first four images. An earlier adaptation of the step sizes
was in use then.

With adaptation, the chains move over the latents with the adapted weights of `VI`, and the samples
leave out the uncertainty of the weights.

Reference: Neal, MCMC using Hamiltonian dynamics (arXiv 1206.1901); Gelman, Rubin, Inference from
iterative simulation using multiple sequences (1992).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.estimators.adaptation import AdaptingEstimator
from brgm_tf.estimators.base import Progress, Sampler
from brgm_tf.estimators.chains import LEAPFROG_STEPS, Chain, Kernel, chain_diagnostics
from brgm_tf.estimators.optimizers.loop import Checkpoint
from brgm_tf.estimators.variational import VI, VI_TERMS, FittedSurrogate, VIProgram
from brgm_tf.posterior.conditions import Conditions
from brgm_tf.posterior.posterior import Posterior

_CHUNK = 5  # iterations between two values of `fit`


class HMCSamples(NamedTuple):
    """The samples of the chains after adaptation.

    Attributes:
        surrogate: The surrogate that maps e to v.
        noise: Samples e [n, C, B, N].
        acceptance: Mean acceptance probability [B] of the iterations after adaptation.
        divergences: Number [B] of iterations after adaptation whose energy error diverged.
    """

    surrogate: FittedSurrogate
    noise: np.ndarray
    acceptance: np.ndarray
    divergences: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class HMC(AdaptingEstimator):
    """Samples of the posterior of each image: `VI` first, then Markov chains from there.

    Args:
        num_steps: Number of steps; half of them fit the surrogate, the others are iterations of
            the chains, of 8 leapfrog steps each.
        adaptation_steps: Number of further steps, which adapt the generator's weights before the
            surrogate is fitted; 0 for fixed weights. The samples have the adapted weights, and no
            uncertainty of the weights.
        num_chains: C.
        surrogate: Surrogate of `VI`.
        surrogate_rank: Rank of the surrogate.
        num_elbo_samples: Number of samples a step of `VI`.
        seed: Seed of the samples.
        chunk_size: Number of steps of `VI` between two values of `fit`.
        jit: Whether XLA compiles the steps.
        dtype: Floating-point type of the positions.

    Example:
        >>> HMC(num_steps=400).num_iterations
        200
    """

    num_chains: int = 4
    surrogate: str = "low_rank"
    surrogate_rank: int = 64
    num_elbo_samples: int = 4

    @property
    def num_iterations(self) -> int:
        """Number of iterations of the chains."""
        return max(2, self.num_steps // 2)

    @property
    def initializer(self) -> VI:
        """Variational inference that the chains start from."""
        return VI(
            num_steps=max(2, self.num_steps - self.num_iterations),
            adaptation_steps=self.adaptation_steps,
            surrogate=self.surrogate,
            surrogate_rank=self.surrogate_rank,
            num_elbo_samples=self.num_elbo_samples,
            seed=self.seed,
            chunk_size=self.chunk_size,
            jit=self.jit,
            dtype=self.dtype,
        )

    def create_program(self, posterior: Posterior) -> HMCProgram:
        """Returns a new program for a posterior.

        Raises:
            InputError: The objective is one of the originals'.
        """
        return HMCProgram(posterior, self)


class HMCProgram(Sampler):
    """`HMC` bound to a posterior.

    Args:
        posterior: `Posterior` with a likelihood.
        options: `HMC` with the options.
    """

    def __init__(self, posterior: Posterior, options: HMC):
        super().__init__(posterior, options)
        self._options = options
        initializer = options.initializer.bind(posterior)
        if not isinstance(initializer, VIProgram):
            raise TypeError("the initializer must be a VIProgram")
        self._initializer: VIProgram = initializer
        self._kernel = Kernel(
            self._terms_of_noise,
            num_adaptation_steps=options.num_iterations // 2,
            seed=options.seed + 6,
            jit=options.jit,
            dtype=self._dtype,
        )

    def run(
        self,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[Progress]:
        """Yields the progress of a batch; the last approximation is an `HMCSamples`.

        While the chains run, the history has the means of the terms over the chains, and no
        entropy. The second chunk has a note with the time that the chains will take; the first one
        also compiles. There are no checkpoints of chains: a batch interrupted in them begins anew.
        """
        num_steps = self._options.initializer.total_steps
        times = [time.monotonic()]
        for progress in self._initializer.run(measurement, data=data, checkpoint=checkpoint):
            times.append(time.monotonic())
            note = ""
            if progress.approximation is None and len(times) == 3:
                note = self._estimate(times[2] - times[1], progress)
            is_last = progress.converged or progress.step >= num_steps
            to_checkpoint = dict if is_last else progress.to_checkpoint
            fitted = progress
            yield progress._replace(
                to_checkpoint=to_checkpoint, approximation=None, converged=False, note=note
            )
        conditions = self.condition(measurement, data, deviations=fitted.deviations)
        yield from self._run_chains(fitted, conditions)

    def draw(self, approximation: HMCSamples, *, num_samples: int, seed: int) -> tf.Tensor:
        """Returns samples [S, B, K, D] of the chains at even distances; the seed is not used."""
        del seed
        noise = approximation.noise.reshape(-1, *approximation.noise.shape[2:])
        chosen = np.linspace(0, len(noise) - 1, num_samples).round().astype(int)
        return self._position(tf.constant(noise[chosen]), approximation.surrogate)

    def diagnostics(self, approximation: HMCSamples) -> dict[str, np.ndarray]:
        """Returns diagnostics [B] of the chains; see `chains.chain_diagnostics`."""
        return chain_diagnostics(approximation.noise) | {
            "acceptance": approximation.acceptance,
            "divergences": approximation.divergences,
        }

    def _estimate(self, seconds: float, progress: Progress) -> str:
        """Returns a note with the time of the chains, by the time of a chunk before the mode."""
        num_iterations, num_chains = self._options.num_iterations, self._options.num_chains
        done = len(next(iter(progress.history.values())))
        # The chains of an image cost as much as so many images, a leapfrog step as an evaluation.
        evaluations = num_iterations * (LEAPFROG_STEPS + 1) * num_chains
        minutes = evaluations * seconds / done / 60.0
        return (
            f"{num_iterations} iterations of {num_chains} chains an image: about "
            f"{max(1, math.ceil(minutes))} min more for this batch"
        )

    def _run_chains(self, fitted: Progress, conditions: Conditions) -> Iterator[Progress]:
        # Image by image, because TensorFlow Probability draws the random numbers of a batch
        # together. The numbers of an image would depend on the size of the batch.
        start = tf.random.stateless_normal(
            [self._options.num_chains, 1, self._posterior.layout.event_size],
            [self._options.seed, 5],
            dtype=self._dtype,
        )
        surrogate: FittedSurrogate = fitted.approximation
        context = {"surrogate": surrogate, "conditions": conditions}
        num_images = fitted.position.shape[0]
        chains = [self._kernel.start(start, _of_image(context, b)) for b in range(num_images)]
        for done, count in _chunks(self._options.num_iterations):
            columns = [self._kernel.advance(chain, done, count) for chain in chains]
            terms = np.concatenate(columns, axis=-1)
            progress = self._progress(chains, surrogate, terms, step=fitted.step + done + count)
            yield progress._replace(deviations=fitted.deviations)

    def _progress(
        self, chains: list[Chain], surrogate: FittedSurrogate, terms: np.ndarray, *, step: int
    ) -> Progress:
        """Returns the progress after iterations with the terms [n, T, B]."""
        samples, noise = None, tf.concat([chain.noise for chain in chains], axis=1)[None]
        if chains[0].samples:
            sampled = np.concatenate([np.concatenate(chain.samples) for chain in chains], axis=2)
            noise = sampled
            samples = HMCSamples(
                surrogate,
                sampled,
                acceptance=np.array([np.mean(chain.acceptance) for chain in chains]),
                divergences=np.array([sum(chain.divergences) for chain in chains], float),
            )
        # The position is the mean of the samples or, before there are any, of the chains.
        mean = tf.convert_to_tensor(np.mean(noise, axis=(0, 1)))
        return Progress(
            position=self._position(mean[None], surrogate)[0],
            terms=tf.constant(terms[-1]),
            step=step,
            history=dict(zip(VI_TERMS, np.moveaxis(terms, 1, 0), strict=True)),
            to_checkpoint=dict,
            approximation=samples,
        )

    def _terms_of_noise(self, noise: tf.Tensor, context: Any) -> dict[str, tf.Tensor]:
        """Returns the terms [C, B] of the joint density at e [C, B, N], by name."""
        v = self._initializer.surrogate(context["surrogate"]).forward(noise)
        terms = self._initializer.terms_of_samples(v, context["conditions"])
        terms = {name: tf.reshape(values, [noise.shape[0], -1]) for name, values in terms.items()}
        return terms | {"entropy": tf.zeros_like(terms["pixel"])}

    def _position(self, noise: tf.Tensor, surrogate: FittedSurrogate) -> tf.Tensor:
        """Returns positions [C, B, K, D] of e [C, B, N]."""
        v = self._initializer.surrogate(surrogate).forward(noise)
        return self._posterior.layout.unflatten(v)


def _chunks(num_iterations: int) -> list[tuple[int, int]]:
    """Returns (iterations done, iterations to do) of each chunk; one begins after adaptation."""
    num_adaptation_steps = num_iterations // 2
    starts = [*range(0, num_adaptation_steps, _CHUNK)]
    starts += [*range(num_adaptation_steps, num_iterations, _CHUNK)]
    return [(a, b - a) for a, b in itertools.pairwise([*starts, num_iterations])]


def _of_image(structure: Any, b: int) -> Any:
    """Returns the tensors [1, ...] of an image; tensors [1, ...] of all images stay."""
    return tf.nest.map_structure(
        lambda a: a[b : b + 1] if a.shape[0] > 1 else tf.convert_to_tensor(a), structure
    )
