"""The variational inference of brgm-pytorch's vi_recon.py, with its faults: to compare with.

Notation: B images; L layers; w [B, L, D] the latents; mu [D] and s_w [D] mean and standard
deviation of the generator's w; m, rho [B, L, D] the fitted parameters, s = softplus(rho);
e the noise of six draws a step, of which the first is 0; w = m + s e.

    loss = mean over draws of (pixel + perceptual + prior) + colinearity of m
           - mean(e^2) / 2 - mean log InverseGamma(s / 2; 0.1, 0.95)

climbed by Adam at a constant rate, from m = mu and s = s_w.

It is no posterior. The term -mean(e^2) / 2 stands for log q(w), but ((w - m) / s)^2 is the noise
itself: it has no gradient, and the entropy, which would keep s from falling, is missing. And what
was fitted of s is thrown away: `draw` takes s_w, the standard deviation that the fit started
from, as the original's final samples do. That s is a local of the closure there, whose outer
namesake is never assigned again. Its samples scatter as the prior does, layer by layer, whatever
was measured.

Reference: brgm-pytorch, vi_recon.py, `project` and `run_projection`; BRGM (arXiv 2012.04567),
section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.base import Sampler
from brgm_tf.estimators.map import optimizer_of
from brgm_tf.estimators.optimizers.loop import Checkpoint, Optimizer, Progress, State
from brgm_tf.posterior.posterior import TERMS, Posterior
from brgm_tf.posterior.tiling import mean_of_draws, measured

VI_BRGM_TERMS = (*TERMS, "q", "scale")
_NUM_DRAWS = 6
_CONCENTRATION, _RATE = 0.1, 0.95


class Fit(NamedTuple):
    """m - mu and the fitted s, which nothing uses, [B, L, D] each."""

    mean: tf.Tensor
    fitted_stddev: tf.Tensor


class VIBrgm(Sampler):
    """Fits as the original does, and draws as it does; see the module.

    Args:
        posterior, corruption, jit, dtype: as of `Estimator`; the posterior is of one of the
            originals' objectives.
        num_steps: steps of Adam; the original takes 501.
        seed: of the draws.
        chunk_size: steps between two calls back.

    Raises:
        InputError: the objective is not one of the originals', or a parameter is unknown.
    """

    Fit = Fit
    warning = (
        "vi_brgm repeats the original's faults: its samples are drawn with the standard deviation "
        "that the fit started from, and say nothing of what is known"
    )

    def __init__(
        self,
        posterior: Posterior,
        *,
        corruption,
        num_steps: int,
        seed: int = 0,
        jit: bool = True,
        chunk_size: int = 10,
        dtype=tf.float32,
    ):
        if not posterior.objective.family.startswith("brgm"):
            raise InputError(
                "objective",
                "must be brgm_torch or brgm_tf1 for --estimator=vi_brgm",
                remedy="Leave --objective out, or give --estimator=vi",
                objective=posterior.objective.family,
            )
        if posterior.prior.parameter_priors:
            raise InputError(
                "corruption",
                f"must have no unknown '{next(iter(posterior.prior.parameter_priors))}' for "
                "--estimator=vi_brgm",
                remedy="Give it, or take --estimator=vi or map",
            )
        super().__init__(posterior, corruption=corruption, jit=jit, dtype=dtype)
        self._seed = seed
        self._optimizer = Optimizer(
            self._terms,
            names=VI_BRGM_TERMS,
            rule=optimizer_of(posterior.objective, num_steps=num_steps),
            jit=jit,
            chunk_size=chunk_size,
        )

    @property
    def initial_stddev(self) -> np.ndarray:
        """s_w [D]."""
        return np.sqrt(np.diag(self._posterior.prior.covariance))

    def run(
        self, measurement, *, data: dict | None = None, checkpoint: Checkpoint | None = None
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after every chunk of steps; its slots are the `Fit`.

        Args:
            measurement, data, kept: as of `Estimator.run`.
        """
        inputs = self.inputs(measurement, data=data)
        mean = self._posterior.prior.start(len(measurement))
        # The inverse of softplus; log(exp(s) - 1) would lose small ones.
        rho = np.broadcast_to(np.log(np.expm1(self.initial_stddev)), mean.shape)
        start = tf.constant(np.concatenate([mean, rho], axis=1), self._dtype)
        for progress in self._optimizer.run(self._optimizer.resume(start, checkpoint), inputs):
            state = progress.state
            mean, rho = tf.split(state.v, 2, axis=1)
            fit = Fit(mean, tf.math.softplus(rho))
            yield progress._replace(state=State(mean, state.terms, fit, state.step))

    def draw(self, fit: Fit, *, num_samples: int, seed: int) -> tf.Tensor:
        """m + s_w e, [S, B, L, D], the first with e = 0."""
        shape = [num_samples - 1, 1, *fit.mean.shape[1:]]
        noise = tf.random.stateless_normal(shape, [seed, 1], dtype=self._dtype)
        noise = tf.concat([tf.zeros([1, *shape[1:]], self._dtype), noise], axis=0)
        return fit.mean + tf.constant(self.initial_stddev, self._dtype) * noise

    def _terms(self, packed, inputs, step):
        mean, rho = tf.split(packed, 2, axis=1)
        stddev = tf.math.softplus(rho)
        shape = [_NUM_DRAWS - 1, 1, *mean.shape[1:]]
        noise = tf.random.stateless_normal(shape, tf.stack([self._seed, step]), dtype=self._dtype)
        noise = tf.concat([tf.zeros([1, *shape[1:]], self._dtype), noise], axis=0)
        draws = tf.reshape(mean + stddev * noise, [-1, *mean.shape[1:]])
        found = self._posterior.terms(
            draws,
            corruption=self.bound(inputs, copies=_NUM_DRAWS),
            **measured(inputs, copies=_NUM_DRAWS),
        )
        found = {name: mean_of_draws(values, _NUM_DRAWS) for name, values in found.items()}
        ws = self._posterior.prior.latents(mean)
        found["colinearity"] = self._posterior.colinearity_log_prob(ws)
        found["q"] = tf.zeros_like(found["pixel"]) + 0.5 * tf.reduce_mean(tf.square(noise))
        found["scale"] = tf.reduce_mean(_inverse_gamma_log_prob(0.5 * stddev), axis=[1, 2])
        return found


def _inverse_gamma_log_prob(x):
    """log InverseGamma(x; a, b) = a log b - log Gamma(a) - (a + 1) log x - b / x."""
    constant = _CONCENTRATION * np.log(_RATE) - tf.math.lgamma(tf.constant(_CONCENTRATION, x.dtype))
    return constant - (_CONCENTRATION + 1.0) * tf.math.log(x) - _RATE / x
