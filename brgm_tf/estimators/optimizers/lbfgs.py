"""L-BFGS with a backtracking line search, separate for each image, one evaluation a step.

Notation: v_k [B, K, D] the accepted position; f_k, g_k its loss and gradient;
s_k = v_{k+1} - v_k and y_k = g_{k+1} - g_k; d_k = -H_k g_k, H_k the inverse Hessian that
the last pairs (s, y) imply; a the length that is tried along d_k.

    try v_k + a d_k; accept where f(v_k + a d_k) <= f_k + c a <g_k, d_k>  (Armijo)
    accepted: keep (s, y) if <s, y> > 0, new direction, a = 1
    refused:  a = the minimum of the parabola through f_k, its slope and the value tried,
              held in [a / 10, a / 2]

An accepted step never raises the loss. There is no learning rate. If the prior of the position is
N(0, I), the prior scales the gradient, and directions that the measurement does not determine
hardly move. Adam divides the gradient of each coordinate by its size and moves all alike.

`tfp.optimizer.lbfgs_minimize` evaluates the loss several times in a step, stops all images
together, and cannot be resumed.

Reference: Nocedal, Wright, Numerical Optimization (2006), algorithms 7.4, 7.5 and 3.1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

HISTORY = 200  # pairs
_SUFFICIENT_DECREASE = 1e-4


class LBFGSState(NamedTuple):
    """State of L-BFGS for each image.

    Attributes:
        loss: f_k [B]; infinite before the first evaluation.
        gradient: g_k [B, K, D].
        direction: d_k [B, K, D].
        length: a [B].
        s: Differences of positions, newest first, [B, M, K, D]; 0 before the first ones.
        y: Differences of gradients, newest first, [B, M, K, D]; 0 before the first ones.
        rho: 1 / <s, y> [B, M]; 0 before the first pairs.
    """

    loss: tf.Tensor
    gradient: tf.Tensor
    direction: tf.Tensor
    length: tf.Tensor
    s: tf.Tensor
    y: tf.Tensor
    rho: tf.Tensor


class LBFGS:
    """A `loop.Rule`: quasi-Newton steps from the last `history` pairs.

    Args:
        num_steps: Number of steps, which is the number of evaluations.
        history: M, number of pairs. It is large, because a pair costs 8 bytes a coordinate and
            much less time than an evaluation.
        first_length: Euclidean length of the first step, in the units of the position.
    """

    def __init__(self, num_steps: int, *, history: int = HISTORY, first_length: float = 1.0):
        self.num_steps = num_steps
        self._history = history
        self._first_length = first_length

    def start(self, position) -> LBFGSState:
        """Returns a state without pairs; the first evaluation is at the start itself."""
        (batch, *shape), dtype = position.shape, position.dtype
        pairs = tf.zeros([batch, self._history, *shape], dtype)
        return LBFGSState(
            loss=tf.fill([batch], tf.constant(np.inf, dtype)),
            gradient=tf.zeros_like(position),
            direction=tf.zeros_like(position),
            length=tf.zeros([batch], dtype),
            s=pairs,
            y=pairs,
            rho=tf.zeros([batch, self._history], dtype),
        )

    def point(self, position, optimizer_state: LBFGSState):
        """Returns v_k + a d_k."""
        return position + _each(optimizer_state.length) * optimizer_state.direction

    def update(self, position, optimizer_state: LBFGSState, *, at, evaluation, step):
        """Accepts the point if it lowers the loss enough; else shortens the step."""
        del step
        slope = _dot(optimizer_state.gradient, optimizer_state.direction)
        bound = optimizer_state.loss + _SUFFICIENT_DECREASE * optimizer_state.length * slope
        accepted = evaluation.loss <= bound  # False for NaN
        s, y, rho = _with_pair(
            optimizer_state,
            s=at - position,
            y=evaluation.gradient - optimizer_state.gradient,
            accepted=accepted,
        )
        gradient = tf.where(_each(accepted), evaluation.gradient, optimizer_state.gradient)
        direction = -_inverse_hessian_product(gradient, s=s, y=y, rho=rho)
        length = tf.where(
            accepted, self._length(gradient, rho), _shorter(optimizer_state, slope, evaluation)
        )
        optimizer_state = LBFGSState(
            loss=tf.where(accepted, evaluation.loss, optimizer_state.loss),
            gradient=gradient,
            direction=tf.where(_each(accepted), direction, optimizer_state.direction),
            length=length,
            s=s,
            y=y,
            rho=rho,
        )
        return tf.where(_each(accepted), at, position), optimizer_state, accepted

    def _length(self, gradient, rho):
        """Returns 1, the quasi-Newton step; without a pair, a step of the first length."""
        norm = tf.sqrt(_dot(gradient, gradient))
        first = tf.math.divide_no_nan(tf.constant(self._first_length, norm.dtype), norm)
        return tf.where(rho[:, 0] > 0, tf.ones_like(first), first)


def _with_pair(optimizer_state: LBFGSState, *, s, y, accepted):
    """Returns the pairs with (s, y) in front, for the images whose curvature is positive."""
    curvature = _dot(s, y)
    # The first evaluation has s = 0, because no point precedes it.
    good = accepted & (curvature > 1e-10 * _dot(y, y)) & (_dot(s, s) > 0)
    rho = tf.math.divide_no_nan(tf.ones_like(curvature), curvature)

    def pushed(new, old):
        chosen = tf.reshape(good, [-1] + [1] * (old.shape.rank - 1))
        return tf.where(chosen, tf.concat([new[:, None], old[:, :-1]], axis=1), old)

    return (
        pushed(s, optimizer_state.s),
        pushed(y, optimizer_state.y),
        pushed(rho, optimizer_state.rho),
    )


def _inverse_hessian_product(gradient, *, s, y, rho):
    """Returns H_k g by the two-loop recursion, H_0 = <s, y> / <y, y> of the newest pair."""
    history = rho.shape[1]

    def down(i, q, alphas):
        alpha = rho[:, i] * _dot(s[:, i], q)
        alphas += alpha[:, None] * tf.one_hot(i, history, dtype=q.dtype)
        return i + 1, q - _each(alpha) * y[:, i], alphas

    def up(i, q):
        beta = rho[:, i] * _dot(y[:, i], q)
        return i - 1, q + _each(alphas[:, i] - beta) * s[:, i]

    # Loops keep the program small, and XLA compiles it in proportion to its size.
    _, q, alphas = tf.while_loop(lambda i, *_: i < history, down, (0, gradient, tf.zeros_like(rho)))
    scale = tf.math.divide_no_nan(_dot(s[:, 0], y[:, 0]), _dot(y[:, 0], y[:, 0]))
    q *= _each(tf.where(rho[:, 0] > 0, scale, tf.ones_like(scale)))
    return tf.while_loop(lambda i, _: i >= 0, up, (history - 1, q))[1]


def _shorter(optimizer_state: LBFGSState, slope, evaluation):
    """Returns the length to try after a refusal."""
    length = optimizer_state.length
    rise = evaluation.loss - optimizer_state.loss - length * slope
    best = -slope * tf.square(length) / (2.0 * rise)
    best = tf.where(tf.math.is_finite(best), best, tf.zeros_like(best))
    return tf.clip_by_value(best, 0.1 * length, 0.5 * length)


def _dot(a, b):
    return tf.reduce_sum(a * b, axis=[1, 2])


def _each(values):
    """Returns values [B] as [B, 1, 1]."""
    return values[:, None, None]
