"""The one compiled optimisation loop: Adam on coordinates carried through chunks of steps.

Notation: v [B, K, D] coordinates; g the gradient of the sum of the images' losses, whose
row b depends on image b alone; t the step, from 1.

    m = b1 m + (1 - b1) g,   s = b2 s + (1 - b2) g^2,
    v = v - lr(t) (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + eps)

Reference: Kingma, Ba, Adam (arXiv 1412.6980), algorithm 1; the learning rate's ramps as in
Karras et al. (arXiv 1912.04958), appendix D.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Learning rate by step: linear ramp-up, plateau, cosine ramp-down.

        lr(t) = learning_rate * min(1, u / rampup) * (1 - cos(pi min(1, (1 - u) / rampdown))) / 2

    with u = (t - 1/2) / num_steps.

    Args:
        num_steps: number of steps.
        learning_rate: height of the plateau, in the units of the coordinates.
        rampup, rampdown: shares of the steps; 0 for none.
    """

    num_steps: int
    learning_rate: float
    rampup: float = 0.05
    rampdown: float = 0.25

    def rates(self) -> np.ndarray:
        """lr(1), ..., lr(num_steps)."""
        u = (np.arange(self.num_steps) + 0.5) / self.num_steps
        up = np.minimum(1.0, u / self.rampup) if self.rampup else np.ones_like(u)
        fall = np.minimum(1.0, (1.0 - u) / self.rampdown) if self.rampdown else 1.0
        return self.learning_rate * up * (0.5 - 0.5 * np.cos(math.pi * fall))


class State(NamedTuple):
    """What a step carries: coordinates v, Adam's moments m and s, number of steps done."""

    v: tf.Tensor
    m: tf.Tensor
    s: tf.Tensor
    step: tf.Tensor


class Progress(NamedTuple):
    """What is known at the end of a chunk: its state, and the terms of its steps [n, B]."""

    state: State
    history: dict[str, np.ndarray]


class Optimiser:
    """Maximises a sum of log-probability terms; one program for every batch of a shape.

    Args:
        terms: (v, data) -> {name: [B]}, log-probabilities.
        schedule: the `Schedule`.
        chunk_size: steps between two looks at the world; a chunk is one compiled call.
        jit: whether XLA compiles the step.
        beta1, beta2, epsilon: Adam's.
    """

    def __init__(
        self,
        terms: Callable[[tf.Tensor, Mapping], Mapping[str, tf.Tensor]],
        *,
        schedule: Schedule,
        chunk_size: int = 10,
        jit: bool = True,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ):
        self._terms = terms
        self._betas, self._epsilon = (beta1, beta2), epsilon
        self.schedule = schedule
        self.chunk_size = chunk_size
        self.num_traces = 0
        self._chunk = tf.function(self._run_chunk)
        self._step = tf.function(self._one_step, jit_compile=jit)

    def start(self, v) -> State:
        """The state before the first step."""
        v = tf.convert_to_tensor(v)
        return State(v, tf.zeros_like(v), tf.zeros_like(v), tf.constant(0, tf.int32))

    def run(self, state: State, data: Mapping) -> Iterator[Progress]:
        """Yields the progress after every chunk, until the schedule's last step.

        Args:
            state: where to start: `start`, or a state kept from an earlier run.
            data: passed to `terms`; tensors (or structures of them) with a batch axis.

        Raises:
            FloatingPointError: a term is no longer finite.
        """
        rates = tf.constant(self.schedule.rates(), state.v.dtype)
        while (done := int(state.step)) < self.schedule.num_steps:
            state, history = self._chunk(state, rates[done : done + self.chunk_size], data)
            history = {name: values.numpy() for name, values in history.items()}
            bad = [name for name, values in history.items() if not np.isfinite(values).all()]
            if bad:
                raise FloatingPointError(
                    f"the {', '.join(bad)} term is not finite after step {int(state.step)}: "
                    "lower the learning rate"
                )
            yield Progress(state, history)

    def _run_chunk(self, state: State, rates, data):
        num_steps = tf.shape(rates)[0]
        names = sorted(
            self._step.get_concrete_function(state, rates[0], data).structured_outputs[1]
        )
        arrays = {name: tf.TensorArray(state.v.dtype, size=num_steps) for name in names}

        def body(i, state, arrays):
            state, terms = self._step(state, rates[i], data)
            return i + 1, state, {name: arrays[name].write(i, terms[name]) for name in names}

        _, state, arrays = tf.while_loop(
            lambda i, *_: i < num_steps,
            body,
            (tf.constant(0), state, arrays),
            parallel_iterations=1,
        )
        return state, {name: array.stack() for name, array in arrays.items()}

    def _one_step(self, state: State, rate, data):
        self.num_traces += 1  # runs while tracing only
        with tf.GradientTape() as tape:
            tape.watch(state.v)
            terms = dict(self._terms(state.v, data))
            loss = -tf.add_n([tf.reduce_sum(term) for term in terms.values()])
        return self._adam(state, tape.gradient(loss, state.v), rate), terms

    def _adam(self, state: State, gradient, rate) -> State:
        beta1, beta2 = (tf.constant(beta, state.v.dtype) for beta in self._betas)
        step = state.step + 1
        t = tf.cast(step, state.v.dtype)
        m = beta1 * state.m + (1.0 - beta1) * gradient
        s = beta2 * state.s + (1.0 - beta2) * tf.square(gradient)
        mean, square = m / (1.0 - beta1**t), s / (1.0 - beta2**t)
        v = state.v - rate * mean / (tf.sqrt(square) + self._epsilon)
        return State(v, m, s, step)
