"""Variational inference: the Gaussian that is nearest to the posterior, fitted by its ELBO.

Notation: B images; v [B, N] the flattened coordinates of the latents and of unknown parameters,
the noise scale among them where it is inferred; q(v) a surrogate (`surrogates`); S draws.

    ELBO = E_q[log p(y | v) + log p(v) - log q(v)]

First the mode is climbed, with the noise scale held at its prior's median (a quarter of the
steps), for the mode of both is that of a noise too small; then the Gaussian that fits the
posterior there is found; from there on the ELBO is climbed by Adam with reparameterised draws, in
antithetic pairs, the same for every image. The entropy, -E log q, is drawn too, and its gradient
goes through the draws alone: where q is the posterior, each draw's gradient is zero then, not
only their mean.

A little overconfident: of 8 x 8 measurements of films of the model's own prior the 90 % intervals
hold 86.8 +- 0.4 % of the true pixels (tools/calibrate.py, 350 steps of two draws). Real films,
which no latent makes exactly, need a discrepancy besides (`sampling.interval`).

Reference: Kingma, Welling, Auto-encoding variational Bayes (arXiv 1312.6114); Roeder, Wu,
Duvenaud, Sticking the landing (arXiv 1703.09194); BRGM (arXiv 2012.04567), section 3.3.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.base import Sampler
from brgm_tf.estimators.optimizers.adam import Adam, Schedule
from brgm_tf.estimators.optimizers.lbfgs import LBFGS
from brgm_tf.estimators.optimizers.loop import (
    Checkpoint,
    Optimizer,
    Progress,
    State,
    packed,
    unpacked,
)
from brgm_tf.posterior.posterior import TERMS, Posterior
from brgm_tf.posterior.surrogates.gauss_newton import GaussNewton
from brgm_tf.posterior.surrogates.gaussian import LaplaceApproximation
from brgm_tf.posterior.surrogates.table import SURROGATES
from brgm_tf.posterior.tiling import mean_of_draws, measured

VI_TERMS = (*TERMS, "entropy")
_LEARNING_RATE = 0.03  # standard deviations of the surrogate a step
# Adam's, in nats a standard deviation: smaller gradients are followed by 0.3 of themselves, as
# gradient descent would; with a tiny one Adam makes full steps of them, rounding errors included.
_EPSILON = 0.1
# Of the noise scale's coordinate, of which the curvature at the mode says nothing.
_NOISE_WIDTH = 0.3


class Fit(NamedTuple):
    """A fitted surrogate: its frame and its parameters [B, P]."""

    frame: LaplaceApproximation
    parameters: tf.Tensor


class VI(Sampler):
    """Fits a Gaussian to the posterior of each image of a batch.

    Args:
        posterior, corruption, jit, dtype: as of `Estimator`; the posterior's coordinates must
            have the prior N(0, I).
        num_steps: steps, those to the mode included.
        surrogate: a name of `SURROGATES`.
        surrogate_rank: R, directions with a width of their own (at most as many as the
            measurement has values).
        num_elbo_samples: S, draws a step; even.
        seed: of the draws.
        chunk_size: steps between two calls back.

    Raises:
        InputError: the objective is one of the originals'.
    """

    Fit = Fit

    def __init__(
        self,
        posterior: Posterior,
        *,
        corruption,
        num_steps: int,
        surrogate: str = "low_rank",
        surrogate_rank: int = 64,
        num_elbo_samples: int = 4,
        seed: int = 0,
        jit: bool = True,
        chunk_size: int = 10,
        dtype=tf.float32,
    ):
        if posterior.objective.family.startswith("brgm"):
            raise InputError(
                "objective",
                "must be bayes or balanced for --estimator=vi",
                remedy="Give --estimator=vi_brgm, or leave --objective out",
                objective=posterior.objective.family,
            )
        super().__init__(posterior, corruption=corruption, jit=jit, dtype=dtype)
        self.surrogate = SURROGATES.row(surrogate).load()()
        self._num_elbo_samples, self._seed = num_elbo_samples, seed
        self.gauss_newton = GaussNewton(
            posterior, corruption=corruption, rank=surrogate_rank, seed=seed, jit=jit, dtype=dtype
        )
        climbing = max(1, num_steps // 4)
        options = {"names": VI_TERMS, "jit": jit}
        # Two chunks at least: the second one's time says how long the rest will take.
        self._climb = Optimizer(
            self._terms_of_point,
            rule=LBFGS(climbing),
            chunk_size=min(chunk_size, -(-climbing // 2)),
            **options,
        )
        schedule = Schedule(max(1, num_steps - climbing), _LEARNING_RATE, 0.0, 1.0)
        self._fit = Optimizer(
            self._terms_of_surrogate,
            rule=Adam(schedule, epsilon=_EPSILON),
            chunk_size=chunk_size,
            **options,
        )

    def run(
        self, measurement, *, data: dict | None = None, checkpoint: Checkpoint | None = None
    ) -> Iterator[Progress]:
        """Yields the progress of a batch after every chunk of steps.

        The state's coordinates are the surrogate's mean; its slots are the `Fit`.

        Args:
            measurement, data, kept: as of `Estimator.run`.
        """
        inputs = self.inputs(measurement, data=data)
        start = tf.constant(self._posterior.prior.start(len(measurement)), self._dtype)
        mode = self._climb.resume(start, checkpoint)
        for progress in self._climb.run(mode, inputs):
            mode = progress.state
            yield progress
        yield from self._fitted(
            mode, inputs, checkpoint if checkpoint and "fit" in checkpoint else None
        )

    def draw(self, fit: Fit, *, num_samples: int, seed: int) -> tf.Tensor:
        """Draws of the surrogate: coordinates [S, B, K, D]."""
        size = fit.frame.mean.shape[1]
        noise = tf.random.stateless_normal([num_samples, 1, size], [seed, 1], dtype=self._dtype)
        flat = self.surrogate.draw(fit.parameters, fit.frame, noise)
        return self._posterior.prior.shaped(flat)

    # The mode, and the Gaussian that fits there.

    def _terms_of_point(self, coordinates, inputs, step):
        del step
        count = coordinates.shape[0]
        unknown = self._posterior.prior.parameter_priors.get("noise_scale")
        held = None if unknown is None else tf.fill([count], tf.cast(unknown.median, self._dtype))
        found = self._posterior.terms(
            coordinates, corruption=self.bound(inputs), noise_scale=held, **measured(inputs)
        )
        return found | {"entropy": tf.zeros_like(found["pixel"])}

    # The ELBO.

    def _fitted(self, mode: State, inputs, checkpoint: Checkpoint | None) -> Iterator[Progress]:
        frame = self.gauss_newton.frame(mode.v, inputs)
        start = self.surrogate.start(frame, log_scale=self._log_scale())
        count, before = mode.v.shape[0], int(mode.step)
        inputs = inputs | {"frame": frame}
        plateaus = Plateaus(count)
        state = self._fit.start(start[:, None])
        if checkpoint:
            state = unpacked(checkpoint["fit"], like=state)
            plateaus = Plateaus.of(checkpoint["plateaus"])
        for progress in self._fit.run(state, inputs):
            elbo = sum(progress.history.values())
            fit = Fit(frame, plateaus.update(elbo, progress.state.v[:, 0]))
            mean = self._posterior.prior.shaped(self.surrogate.mean(fit.parameters, frame))
            state = State(mean, progress.state.terms, fit, progress.state.step + before)
            yield Progress(
                state,
                progress.history,
                to_checkpoint=functools.partial(_to_checkpoint, mode, progress.state, plateaus),
                converged=plateaus.all_converged,
            )
            if plateaus.all_converged:
                return

    def _log_scale(self):
        """Logarithms [N] of the widths that coordinates start with, besides the frame's."""
        prior = self._posterior.prior
        widths = np.ones(prior.size)
        names = list(prior.parameter_priors)
        if "noise_scale" in names:
            widths[prior.size - len(names) + names.index("noise_scale")] = _NOISE_WIDTH
        return tf.constant(np.log(widths), self._dtype)

    def _terms_of_surrogate(self, packed, inputs, step):
        parameters = packed[:, 0]
        frame, draws = inputs["frame"], self._num_elbo_samples
        half = tf.random.stateless_normal(
            [draws // 2, 1, frame.mean.shape[1]], tf.stack([self._seed, step]), dtype=self._dtype
        )
        v = self.surrogate.draw(parameters, frame, tf.concat([half, -half], axis=0))
        found = self.terms_of_draws(v, inputs)
        found = {name: mean_of_draws(values, draws) for name, values in found.items()}
        log_q = self.surrogate.log_prob(v, tf.stop_gradient(parameters), frame)
        return found | {"entropy": -tf.reduce_mean(log_q, axis=0)}

    def terms_of_draws(self, v, inputs) -> dict[str, tf.Tensor]:
        """Terms of log p(y, v) at draws v [S, B, N], each [S B]."""
        draws, _, size = v.shape
        return self._posterior.terms(
            self._posterior.prior.shaped(tf.reshape(v, [-1, size])),
            corruption=self.bound(inputs, copies=draws),
            **measured(inputs, copies=draws),
        )


def _to_checkpoint(mode: State, state: State, plateaus: Plateaus) -> Checkpoint:
    return {"state": packed(mode), "fit": packed(state), "plateaus": plateaus.arrays}


class Plateaus:
    """Which images have nothing more to gain, and what their parameters were then.

    An image has settled when the mean of its ELBO over the last window is above that of
    the window before by no more than the standard error of the difference. Its parameters
    stay what they were, whatever its neighbours still need.

    Args:
        num_images: B.
        window: steps.
    """

    def __init__(self, num_images: int, *, window: int = 100):
        self._window = window
        self._elbo = np.zeros([0, num_images])
        self._settled = np.zeros(num_images, bool)
        self._kept = None

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray], **options) -> Plateaus:
        """With what `arrays` returned of others."""
        elbo, converged, checkpoint = arrays
        found = cls(len(converged), **options)
        found._elbo, found._settled, found._kept = elbo, converged, tf.constant(checkpoint)
        return found

    @property
    def arrays(self) -> list[np.ndarray]:
        """All that is known after a chunk."""
        return [self._elbo, self._settled, np.asarray(self._kept)]

    @property
    def all_converged(self) -> bool:
        """Whether every image has settled."""
        return bool(self._settled.all())

    def update(self, elbo, parameters):
        """The parameters [B, P] after a chunk with that ELBO [n, B]: new, or kept where settled."""
        self._elbo = np.concatenate([self._elbo, elbo])
        converged = self._settled[:, None]
        self._kept = (
            parameters if self._kept is None else tf.where(converged, self._kept, parameters)
        )
        if len(self._elbo) >= 2 * self._window:
            before, after = self._elbo[-2 * self._window :].reshape(2, self._window, -1)
            error = np.sqrt((before.var(axis=0) + after.var(axis=0)) / self._window)
            self._settled = self._settled | (after.mean(axis=0) - before.mean(axis=0) <= error)
        return self._kept
