"""Variational inference: the Gaussian that is nearest to the posterior, fitted by its ELBO.

Notation: B images; v [B, N] the flattened coordinates of the latents; q(v) a surrogate
(`surrogates`) and, where the noise scale s is inferred, q(log s) = N(a, b^2); S draws.

    ELBO = E_q[log p(y | v, s) + log p(v) + log p(s) - log q(v, s)]

First the mode is climbed, with the noise scale held at its prior's median (a quarter of the
steps); then the Gaussian that fits the posterior there is found; from there on the ELBO
is climbed by Adam with reparameterised draws, in antithetic pairs, the same for every image.
The entropy, -E log q, is drawn too, and its gradient goes through the draws alone: where q is
the posterior, each draw's gradient is zero then, not only their mean.

A little overconfident: of 8 x 8 measurements of films of the model's own prior the 90 % intervals
hold 87.4 +- 0.6 % of the true pixels (tools/calibrate.py, 350 steps of two draws). Real films,
which no latent makes exactly, need a discrepancy besides (`sampling.interval`).

Reference: Kingma, Welling, Auto-encoding variational Bayes (arXiv 1312.6114); Roeder, Wu,
Duvenaud, Sticking the landing (arXiv 1703.09194); BRGM (arXiv 2012.04567), section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from brgm_tf.errors import InputError
from brgm_tf.estimators import laplace
from brgm_tf.estimators.adam import Adam, Schedule
from brgm_tf.estimators.base import Sampler
from brgm_tf.estimators.batches import mean_of_draws, measured, tiled_data
from brgm_tf.estimators.lbfgs import LBFGS
from brgm_tf.estimators.optimisation import Optimiser, Progress, State
from brgm_tf.posterior import NOISE_MEDIAN, TERMS, Posterior
from brgm_tf.surrogates import SURROGATES
from brgm_tf.surrogates.gaussian import Frame

VI_TERMS = (*TERMS, "noise", "entropy")
_LEARNING_RATE = 0.03  # standard deviations of the surrogate a step
# Adam's, in nats a standard deviation: smaller gradients are followed by 0.3 of themselves, as
# gradient descent would; with a tiny one Adam makes full steps of them, rounding errors included.
_EPSILON = 0.1
_PROBES_AT_ONCE = 16
# The start of q(log s).
_LOG_NOISE, _LOG_NOISE_SPREAD = math.log(NOISE_MEDIAN), math.log(0.3)


class Fit(NamedTuple):
    """A fitted surrogate: its frame, its parameters [B, P] and (a, log b) of the noise [B, 2]."""

    frame: Frame
    parameters: tf.Tensor
    noise: tf.Tensor


class VI(Sampler):
    """Fits a Gaussian to the posterior of each image of a batch.

    Args:
        posterior, corruption, jit, dtype: as of `Estimator`; the posterior's coordinates must
            have the prior N(0, I).
        num_steps: steps, those to the mode included.
        surrogate: a name of `SURROGATES`.
        surrogate_rank: R, directions with a width of their own (at most as many as the
            measurement has values).
        num_draws: S, draws a step; even.
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
        num_draws: int = 4,
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
        self._rank, self._num_draws, self._seed = surrogate_rank, num_draws, seed
        climbing = max(1, num_steps // 4)
        options = {"names": VI_TERMS, "jit": jit}
        # Two chunks at least: the second one's time says how long the rest will take.
        self._climb = Optimiser(
            self._terms_of_point,
            rule=LBFGS(climbing),
            chunk_size=min(chunk_size, -(-climbing // 2)),
            **options,
        )
        schedule = Schedule(max(1, num_steps - climbing), _LEARNING_RATE, 0.0, 1.0)
        self._fit = Optimiser(
            self._terms_of_surrogate,
            rule=Adam(schedule, epsilon=_EPSILON),
            chunk_size=chunk_size,
            **options,
        )
        self._curvature = tf.function(self._curvature_product, jit_compile=jit)

    @property
    def infers_noise(self) -> bool:
        """Whether the noise scale is inferred."""
        return self._posterior.objective.noise_scale is None

    def run(self, measurement, *, data: dict | None = None) -> Iterator[Progress]:
        """Yields the progress of a batch after every chunk of steps.

        The state's coordinates are the surrogate's mean; its slots are the `Fit`.

        Args:
            measurement: y [B, ...].
            data: per-image arrays of the corruption.
        """
        inputs = self.inputs(measurement, data=data)
        start = tf.constant(self._posterior.prior.start(len(measurement)), self._dtype)
        for progress in self._climb.run(self._climb.start(start), inputs):
            yield progress
        yield from self._fitted(progress.state, inputs)

    def draw(self, fit: Fit, *, num_draws: int, seed: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws of the surrogate: coordinates [S, B, N] and noise scales [S, B], grey levels."""
        size = fit.frame.mean.shape[1]
        noise = tf.random.stateless_normal([num_draws, 1, size], [seed, 1], dtype=self._dtype)
        v = self.surrogate.draw(fit.parameters, fit.frame, noise)
        standard = tf.random.stateless_normal([num_draws, 1], [seed, 2], dtype=self._dtype)
        return v, self._noise_scale(fit.noise, standard)

    def shaped(self, flat) -> tf.Tensor:
        """Coordinates [..., K, D] of flat ones [..., N]."""
        _, rows, columns = self._posterior.prior.start(1).shape
        return tf.reshape(flat, [*flat.shape[:-1], rows, columns])

    # The mode, and the Gaussian that fits there.

    def _terms_of_point(self, coordinates, inputs, step):
        del step
        found = self._posterior.terms(
            coordinates, corruption=self._bound(inputs), **measured(inputs)
        )
        nothing = tf.zeros_like(found["pixel"])
        return found | {"noise": nothing, "entropy": nothing}

    def frame(self, coordinates, inputs) -> Frame:
        """The Gaussian that fits the posterior at coordinates [B, K, D] (Gauss-Newton)."""
        mean = tf.reshape(coordinates, [coordinates.shape[0], -1])
        components = self._corruption.components(inputs["measurement"])
        values = int(np.prod(components.shape[1:]))
        rank = min(self._rank, values, mean.shape[1])
        # The same for every image, so that none depends on its neighbours.
        probes = tf.random.stateless_normal(
            [rank, 1, mean.shape[1]], [self._seed, 3], dtype=self._dtype
        )
        probes = tf.tile(probes, [1, mean.shape[0], 1])

        def product(q):
            parts = [q[i : i + _PROBES_AT_ONCE] for i in range(0, rank, _PROBES_AT_ONCE)]
            return tf.concat([self._curvature(mean, part, inputs) for part in parts], axis=0)

        directions, curvature = laplace.principal_directions(product, probes=probes)
        return Frame(mean, directions, tf.math.rsqrt(1.0 + curvature))

    def _curvature_product(self, mean, q, inputs):
        corruption = self._bound(inputs)
        tiled = self._bound(inputs, copies=q.shape[0])

        def measured_of(v, corruption):
            ws = self._posterior.prior.latents(self.shaped(v))
            return corruption.mean(self._posterior.synthesis(ws))

        def model(v):
            values = tiled.components(measured_of(v, tiled))
            return tf.reshape(values, [v.shape[0], -1])

        # Of normal noise the precision does not depend on the image, and the compiler leaves
        # its synthesis out.
        precision = self._posterior.pixel_precision(
            measured_of(mean, corruption), corruption=corruption
        )
        precision /= self._posterior.objective.prior_scale
        return laplace.gauss_newton_product(model, mean, q, precision=precision)

    # The ELBO.

    def _fitted(self, mode: State, inputs) -> Iterator[Progress]:
        frame = self.frame(mode.v, inputs)
        count = mode.v.shape[0]
        noise = tf.tile(tf.constant([[_LOG_NOISE, _LOG_NOISE_SPREAD]], self._dtype), [count, 1])
        packed = tf.concat([self.surrogate.start(frame), noise], axis=1)
        before = int(mode.step)
        inputs = inputs | {"frame": frame}
        plateaus = Plateaus(count)
        for progress in self._fit.run(self._fit.start(packed[:, None]), inputs):
            elbo = sum(progress.history.values())
            packed = plateaus.keep(elbo, progress.state.v[:, 0])
            fit = Fit(frame, packed[:, :-2], packed[:, -2:])
            mean = self.shaped(self.surrogate.mean(fit.parameters, frame))
            state = State(mean, progress.state.terms, fit, progress.state.step + before)
            yield Progress(state, progress.history, settled=plateaus.all_settled)
            if plateaus.all_settled:
                return

    def _terms_of_surrogate(self, packed, inputs, step):
        parameters, noise = packed[:, 0, :-2], packed[:, 0, -2:]
        frame, draws = inputs["frame"], self._num_draws
        size = frame.mean.shape[1]
        half = tf.random.stateless_normal(
            [draws // 2, 1, size + 1], tf.stack([self._seed, step]), dtype=self._dtype
        )
        standard = tf.concat([half, -half], axis=0)
        v = self.surrogate.draw(parameters, frame, standard[..., :size])
        scale = self._noise_scale(noise, standard[..., size])
        found = self.terms_of_draws(v, scale, inputs)
        found = {name: mean_of_draws(values, draws) for name, values in found.items()}
        log_q = self.surrogate.log_prob(v, tf.stop_gradient(parameters), frame)
        if self.infers_noise:
            log_q += _log_normal_log_prob(scale, tf.stop_gradient(noise))
        return found | {"entropy": -tf.reduce_mean(log_q, axis=0)}

    def terms_of_draws(self, v, scale, inputs) -> dict[str, tf.Tensor]:
        """Terms of log p(y, v, s) at draws v [S, B, N] and s [S, B], each [S B]."""
        draws, _, size = v.shape
        scale = tf.reshape(scale, [-1])
        found = self._posterior.terms(
            self.shaped(tf.reshape(v, [-1, size])),
            corruption=self._bound(inputs, copies=draws),
            noise_scale=scale if self.infers_noise else None,
            **measured(inputs, copies=draws),
        )
        nothing = tf.zeros_like(found["pixel"])
        prior = self._posterior.noise_log_prob(scale) if self.infers_noise else nothing
        return found | {"noise": prior}

    def _noise_scale(self, noise, standard):
        """s [S, B] in grey levels, exp(a + b e)."""
        if not self.infers_noise:
            shape = [standard.shape[0], noise.shape[0]]
            return tf.fill(shape, tf.constant(self._posterior.objective.noise_scale, self._dtype))
        return tf.exp(noise[:, 0] + tf.exp(noise[:, 1]) * standard)

    def _bound(self, inputs, *, copies: int = 1):
        return self._corruption.with_data(**tiled_data(inputs["corruption"], copies))


def _log_normal_log_prob(scale, noise):
    """log density at s [S, B] of exp N(a, b^2), `noise` (a, log b) [B, 2]."""
    log_scale = tf.math.log(scale)
    standard = (log_scale - noise[:, 0]) * tf.exp(-noise[:, 1])
    return -0.5 * (tf.square(standard) + math.log(2.0 * math.pi)) - noise[:, 1] - log_scale


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

    @property
    def all_settled(self) -> bool:
        """Whether every image has settled."""
        return bool(self._settled.all())

    def keep(self, elbo, parameters):
        """The parameters [B, P] after a chunk with that ELBO [n, B]: new, or kept where settled."""
        self._elbo = np.concatenate([self._elbo, elbo])
        settled = self._settled[:, None]
        self._kept = parameters if self._kept is None else tf.where(settled, self._kept, parameters)
        if len(self._elbo) >= 2 * self._window:
            before, after = self._elbo[-2 * self._window :].reshape(2, self._window, -1)
            error = np.sqrt((before.var(axis=0) + after.var(axis=0)) / self._window)
            self._settled = self._settled | (after.mean(axis=0) - before.mean(axis=0) <= error)
        return self._kept
