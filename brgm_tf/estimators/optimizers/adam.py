"""Adam with a learning rate that rises, stays and falls: the optimizer of the originals.

Notation: v [B, K, D] positions; g the gradient of the loss; t the step, from 1.

    m = b1 m + (1 - b1) g,   s = b2 s + (1 - b2) g^2,
    v = v - lr(t) (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + eps)

Reference: Kingma, Ba, Adam (arXiv 1412.6980), algorithm 1; the learning rate's ramps as in
Karras et al. (arXiv 1912.04958), appendix D.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Learning rate by step: linear ramp-up, plateau, cosine ramp-down.

        lr(t) = learning_rate * min(1, u / rampup) * (1 - cos(pi min(1, (1 - u) / rampdown))) / 2

    with u = (t - 1/2) / num_steps.

    Args:
        num_steps: Number of steps.
        learning_rate: Peak learning rate, in the units of the position.
        rampup: Fraction of the steps over which the rate rises; 0 to start at the peak.
        rampdown: Fraction of the steps over which the rate falls; 0 to end at the peak.

    Example:
        >>> Schedule(3, 0.5, rampup=0.0, rampdown=0.0).rates().tolist()
        [0.5, 0.5, 0.5]
    """

    num_steps: int
    learning_rate: float
    rampup: float = 0.05
    rampdown: float = 0.25

    def rates(self) -> np.ndarray:
        """Returns lr(1), ..., lr(num_steps)."""
        u = (np.arange(self.num_steps) + 0.5) / self.num_steps
        up = np.minimum(1.0, u / self.rampup) if self.rampup else np.ones_like(u)
        fall = np.minimum(1.0, (1.0 - u) / self.rampdown) if self.rampdown else 1.0
        return self.learning_rate * up * (0.5 - 0.5 * np.cos(math.pi * fall))


class Moments(NamedTuple):
    """Running means of the gradient, m, and of its square, s."""

    m: tf.Tensor
    s: tf.Tensor


class Adam:
    """A `loop.Rule`: every coordinate moves by about the learning rate.

    Args:
        schedule: `Schedule` of the learning rate.
        beta1: Decay rate of the mean of the gradient.
        beta2: Decay rate of the mean of its square.
        epsilon: Constant added to the root of the mean square.
    """

    def __init__(
        self,
        schedule: Schedule,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ):
        self.num_steps = schedule.num_steps
        self._rates = schedule.rates()
        self._betas, self._epsilon = (beta1, beta2), epsilon

    def start(self, position) -> Moments:
        """Returns moments of 0."""
        return Moments(tf.zeros_like(position), tf.zeros_like(position))

    def point(self, position, optimizer_state: Moments):
        """Returns the position itself."""
        del optimizer_state
        return position

    def update(self, position, optimizer_state: Moments, *, at, evaluation, step):
        """Returns the position and moments after a step of Adam, which is always accepted."""
        dtype = position.dtype
        beta1, beta2 = (tf.constant(beta, dtype) for beta in self._betas)
        rate = tf.gather(tf.constant(self._rates, dtype), step)
        t = tf.cast(step + 1, dtype)
        m = beta1 * optimizer_state.m + (1.0 - beta1) * evaluation.gradient
        s = beta2 * optimizer_state.s + (1.0 - beta2) * tf.square(evaluation.gradient)
        mean, square = m / (1.0 - beta1**t), s / (1.0 - beta2**t)
        moved = at - rate * mean / (tf.sqrt(square) + self._epsilon)
        return moved, Moments(m, s), tf.ones_like(evaluation.loss, tf.bool)
