"""The variational inference of brgm-pytorch's vi_recon.py with its faults, for comparison.

Notation: B images; L layers; w [B, L, D] the latents; mu [D] and s_w [D] mean and standard
deviation of the generator's w; m, rho [B, L, D] the fitted parameters, s = softplus(rho);
e the noise of six samples a step, the first of which is 0; w = m + s e.

    loss = mean over samples of (pixel + perceptual + prior) + colinearity of m
           - mean(e^2) / 2 - mean log InverseGamma(s / 2; 0.1, 0.95)

Adam minimizes the loss from m = mu and s = s_w, at a constant learning rate.

The result is no posterior. The term -mean(e^2) / 2 stands for log q(w), but ((w - m) / s)^2 is the
noise itself and has no gradient. The entropy, which would keep s from falling, is missing. The
fitted s is discarded: as in the original, `draw` uses s_w, the standard deviation that the fit
started from, because the fitted s is local to a closure there. The samples scatter as the prior
does, layer by layer, whatever was measured.

Reference: brgm-pytorch, vi_recon.py, `project` and `run_projection`; BRGM (arXiv 2012.04567),
section 3.3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.base import Estimator, Progress, Sampler
from brgm_tf.estimators.map import rule_of
from brgm_tf.estimators.optimizers.loop import Checkpoint, Optimizer
from brgm_tf.posterior.conditions import Conditions, mean_of_copies, repeat_conditions
from brgm_tf.posterior.posterior import TERMS, Posterior

VI_BRGM_TERMS = (*TERMS, "q", "scale")
_NUM_SAMPLES = 6
_CONCENTRATION, _RATE = 0.1, 0.95


class FittedLatents(NamedTuple):
    """The fitted m - mu and s [B, L, D]; nothing uses s."""

    mean: tf.Tensor
    fitted_stddev: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class VIBrgm(Estimator):
    """Variational inference as in the original, faults included; see the module.

    Args:
        num_steps: Number of steps of Adam; the original takes 501.
        seed: Seed of the samples.
        chunk_size: Number of steps between two values of `fit`.
        jit: Whether XLA compiles the steps.
        dtype: Floating-point type of the positions.

    Example:
        >>> VIBrgm(num_steps=501).num_steps
        501
    """

    warning: ClassVar[str] = (
        "vi_brgm repeats the original's faults: its samples are drawn with the standard deviation "
        "that the fit started from, and do not state what is known"
    )

    def create_program(self, posterior: Posterior) -> VIBrgmProgram:
        """Returns a new program for a posterior.

        Raises:
            InputError: The objective is not one of the originals', or a parameter is unknown.
        """
        if not posterior.model_terms.is_original:
            raise InputError(
                "objective",
                "must be brgm_torch or brgm_tf1 for --estimator=vi_brgm",
                remedy="Leave --objective out, or give --estimator=vi",
                objective=posterior.objective.family,
            )
        if posterior.parameter_priors:
            raise InputError(
                "corruption",
                f"must have no unknown '{next(iter(posterior.parameter_priors))}' for "
                "--estimator=vi_brgm",
                remedy="Give its value, or take --estimator=vi or map",
            )
        return VIBrgmProgram(posterior, self)


class VIBrgmProgram(Sampler):
    """`VIBrgm` bound to a posterior.

    Args:
        posterior: `Posterior` with an objective of the originals and without parameters.
        options: `VIBrgm` with the options.
    """

    def __init__(self, posterior: Posterior, options: VIBrgm):
        super().__init__(posterior, options)
        self._seed = options.seed
        self._optimizer = Optimizer(
            self._terms,
            names=VI_BRGM_TERMS,
            rule=rule_of(
                posterior.objective,
                num_steps=options.num_steps,
                size=posterior.layout.event_size,
            ),
            jit=options.jit,
            chunk_size=options.chunk_size,
        )

    @property
    def initial_stddev(self) -> np.ndarray:
        """s_w [D]."""
        return np.sqrt(np.diag(self._posterior.prior.covariance))

    def run(
        self,
        measurement: np.ndarray | tf.Tensor,
        *,
        data: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after each chunk; the approximation is `FittedLatents`."""
        conditions = self.condition(measurement, data)
        mean = self._posterior.layout.initial_position(len(measurement))
        # The inverse of softplus; log(exp(s) - 1) would lose small s to rounding.
        rho = np.broadcast_to(np.log(np.expm1(self.initial_stddev)), mean.shape)
        start = tf.constant(np.concatenate([mean, rho], axis=1), self._dtype)
        state = self._optimizer.resume(start, checkpoint)
        for chunk in self._optimizer.run(state, conditions):
            mean, rho = tf.split(chunk.state.position, 2, axis=1)
            yield Progress(
                position=mean,
                terms=chunk.state.terms,
                step=int(chunk.state.step),
                history=chunk.history,
                to_checkpoint=chunk.to_checkpoint,
                approximation=FittedLatents(mean, tf.math.softplus(rho)),
            )

    def draw(self, approximation: FittedLatents, *, num_samples: int, seed: int) -> tf.Tensor:
        """Returns m + s_w e [S, B, L, D]; the first sample has e = 0."""
        mean = approximation.mean
        noise = _noise([num_samples, 1, *mean.shape[1:]], [seed, 1], dtype=self._dtype)
        return mean + tf.constant(self.initial_stddev, self._dtype) * noise

    def _terms(
        self, packed: tf.Tensor, conditions: Conditions, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        mean, rho = tf.split(packed, 2, axis=1)
        stddev = tf.math.softplus(rho)
        shape = [_NUM_SAMPLES, 1, *mean.shape[1:]]
        noise = _noise(shape, tf.stack([self._seed, step]), dtype=self._dtype)
        samples = tf.reshape(mean + stddev * noise, [-1, *mean.shape[1:]])
        terms = self._posterior.terms(samples, repeat_conditions(conditions, _NUM_SAMPLES))
        terms = {name: mean_of_copies(values, _NUM_SAMPLES) for name, values in terms.items()}
        if self._posterior.objective.colinearity_scale > 0:
            latents = self._posterior.prior.latents(mean)
            colinearity = self._posterior.model_terms.colinearity(latents)
            terms["colinearity"] = colinearity.log_prob(tf.zeros_like(terms["pixel"]))
        terms["q"] = tf.zeros_like(terms["pixel"]) + 0.5 * tf.reduce_mean(tf.square(noise))
        terms["scale"] = tf.reduce_mean(_inverse_gamma_log_prob(0.5 * stddev), axis=[1, 2])
        return terms


def _noise(shape: list[int], seed: Any, *, dtype: Any) -> tf.Tensor:
    """Returns standard normal noise [S, ...], the first sample of which is 0."""
    zero = tf.zeros([1, *shape[1:]], dtype)
    noise = tf.random.stateless_normal([shape[0] - 1, *shape[1:]], seed, dtype=dtype)
    return tf.concat([zero, noise], axis=0)


def _inverse_gamma_log_prob(x: tf.Tensor) -> tf.Tensor:
    """Returns log InverseGamma(x; a, b) = a log b - log Gamma(a) - (a + 1) log x - b / x."""
    constant = _CONCENTRATION * np.log(_RATE) - tf.math.lgamma(tf.constant(_CONCENTRATION, x.dtype))
    return constant - (_CONCENTRATION + 1.0) * tf.math.log(x) - _RATE / x
