"""The one compiled optimisation loop: coordinates and a rule's slots carried through chunks.

Notation: B images; v [B, K, D] coordinates; terms [T, B] log-probabilities;
loss [B] minus their sum; g [B, K, D] the gradient of the sum of the losses, whose row b
depends on image b alone.

A rule says where the next evaluation is, and what it makes of it: `adam.Adam`,
`lbfgs.LBFGS`. Every step is one evaluation of the terms and their gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.core.errors import NotFiniteError

# Structures by name, each as the list of its arrays.
Checkpoint = Mapping[str, Sequence[np.ndarray]]


class Evaluation(NamedTuple):
    """The model at a point: terms [T, B], loss [B], gradient [B, K, D]."""

    terms: tf.Tensor
    loss: tf.Tensor
    gradient: tf.Tensor


class Rule(Protocol):
    """How an evaluation moves the coordinates; pure functions of tensors."""

    num_steps: int

    def start(self, v):
        """The slots before the first step, a NamedTuple of tensors."""

    def point(self, v, optimizer_state):
        """Where the next evaluation is, [B, K, D]."""

    def update(self, v, optimizer_state, *, at, evaluation: Evaluation, step):
        """(coordinates, slots, accepted [B]) after the evaluation at the point `at`.

        Where `accepted` is False the evaluation did not improve the image's coordinates,
        which stay what they were.
        """


class State(NamedTuple):
    """What a step carries: coordinates v, their terms, the rule's slots, steps done."""

    v: tf.Tensor
    terms: tf.Tensor
    optimizer_state: tuple
    step: tf.Tensor


class Progress(NamedTuple):
    """What is known at the end of a chunk: its state, and the terms of its steps [n, B].

    `converged` says that nothing more is to be expected, though steps may be left; `note` is a line
    for the user; `keep` returns what the estimator's `run` takes as `checkpoint` to go on from here.
    """

    state: State
    history: dict[str, np.ndarray]
    to_checkpoint: Callable[[], Checkpoint]
    converged: bool = False
    note: str = ""


class Optimizer:
    """Maximises a sum of log-probability terms; one program for every batch of a shape.

    Args:
        terms: (v, data, step) -> {name: [B]}, log-probabilities; the step is a tensor, for
            terms that draw random numbers.
        names: the names of the terms.
        rule: the `Rule`.
        chunk_size: steps between two looks at the world; a chunk is one compiled call.
        jit: whether XLA compiles the step.
        num_uncompiled_steps: steps at the beginning of every run that XLA does not compile: they are
            done one by one by the graph, a slower program that is there at once, and meanwhile
            XLA compiles the other steps in a thread. Which steps these are, and so a result's
            bits, does not depend on how long that takes.
    """

    def __init__(
        self,
        terms: Callable[[tf.Tensor, Mapping, tf.Tensor], Mapping[str, tf.Tensor]],
        *,
        names: Sequence[str],
        rule: Rule,
        chunk_size: int = 10,
        jit: bool = True,
        num_uncompiled_steps: int = 0,
    ):
        self._terms = terms
        self._names = tuple(names)
        self.rule = rule
        self.chunk_size = chunk_size
        self.num_traces = 0
        self._num_early_steps = num_uncompiled_steps
        self._chunk = compiled(self._run_chunk)
        self._early_step = compiled(self._one_step)
        # What was traced for early steps is not traced again.
        step = self._early_step.__call__ if num_uncompiled_steps else self._one_step
        self._step = compiled(step, jit=jit)

    def start(self, v) -> State:
        """The state before the first step."""
        v = tf.convert_to_tensor(v)
        unknown = tf.fill([len(self._names), v.shape[0]], tf.constant(np.nan, v.dtype))
        return State(v, unknown, self.rule.start(v), tf.constant(0, tf.int32))

    def resume(self, v, checkpoint: Checkpoint | None) -> State:
        """The state that was kept; without one, the state before the first step.

        Args:
            v: the coordinates before the first step.
            checkpoint: what `Progress.keep` returned.
        """
        state = self.start(v)
        return state if checkpoint is None else unpacked(checkpoint["state"], like=state)

    def run(self, state: State, data: Mapping) -> Iterator[Progress]:
        """Yields the progress after every chunk and early step, until the rule's last step.

        Args:
            state: where to start: `start`, or a state kept from an earlier run.
            data: passed to `terms`; tensors (or structures of them) with a batch axis.

        Raises:
            NotFiniteError: a term of an image is no longer finite.
        """
        for progress in self._run_early(state, data):
            state = progress.state
            yield progress
        while (done := int(state.step)) < self.rule.num_steps:
            size = tf.constant(min(self.chunk_size, self.rule.num_steps - done))
            state, history = self._chunk(state, size, data)
            yield self._progress(state, history)

    def _run_early(self, state: State, data) -> Iterator[Progress]:
        """Does the early steps that are left, while XLA compiles the others' program."""
        last = min(self._num_early_steps, self.rule.num_steps)
        if int(state.step) >= last:
            return
        self._early_step.get_concrete_function(state, data)
        with ThreadPoolExecutor(1) as thread:
            # A program is compiled where it is called first: this call's step is done in vain.
            compiling = thread.submit(self._chunk, state, tf.constant(1), data)
            while int(state.step) < last - 1:
                state = self._early_step(state, data)
                yield self._progress(state, state.terms[None])
            state = self._early_step(state, data)
            # Waited for with the last step, so that those that follow have their own pace.
            compiling.result()
        yield self._progress(state, state.terms[None])

    def _progress(self, state: State, history) -> Progress:
        """The progress after steps with the terms [n, T, B].

        Raises:
            NotFiniteError: one of them is not finite.
        """
        history = dict(zip(self._names, np.moveaxis(history.numpy(), 1, 0), strict=True))
        bad = [name for name, values in history.items() if not np.isfinite(values).all()]
        if bad:
            finite = np.all([np.isfinite(history[name]).all(axis=0) for name in bad], axis=0)
            raise NotFiniteError(
                f"the {', '.join(bad)} term is not finite after step {int(state.step)}: "
                "lower the learning rate, or look for invalid values in the input",
                images=np.flatnonzero(~finite),
            )
        return Progress(state, history, to_checkpoint=functools.partial(self._to_checkpoint, state))

    @staticmethod
    def _to_checkpoint(state: State) -> Checkpoint:
        return {"state": packed(state)}

    def _run_chunk(self, state: State, num_steps, data):
        def body(i, state, history):
            state = self._step(state, data)
            return i + 1, state, history.write(i, state.terms)

        history = tf.TensorArray(state.v.dtype, size=num_steps)
        _, state, history = tf.while_loop(
            lambda i, *_: i < num_steps, body, (0, state, history), parallel_iterations=1
        )
        return state, history.stack()

    def _one_step(self, state: State, data) -> State:
        self.num_traces += 1  # runs while tracing only
        at = self.rule.point(state.v, state.optimizer_state)
        evaluation = self._evaluate(at, data, state.step)
        v, optimizer_state, accepted = self.rule.update(
            state.v, state.optimizer_state, at=at, evaluation=evaluation, step=state.step
        )
        terms = tf.where(accepted, evaluation.terms, state.terms)
        return State(v, terms, optimizer_state, state.step + 1)

    def _evaluate(self, v, data, step) -> Evaluation:
        with tf.GradientTape() as tape:
            tape.watch(v)
            terms = self._terms(v, data, step)
            terms = tf.stack([terms[name] for name in self._names])
            loss = -tf.reduce_sum(terms, axis=0)
        return Evaluation(terms, loss, tape.gradient(loss, v))


def packed(structure) -> list[np.ndarray]:
    """The arrays of a structure of tensors."""
    return [np.asarray(tensor) for tensor in tf.nest.flatten(structure)]


def unpacked(arrays: Sequence[np.ndarray], *, like):
    """A structure of tensors from its arrays.

    Args:
        arrays: of `packed`.
        like: a structure of the same kind.
    """
    pairs = zip(arrays, tf.nest.flatten(like), strict=True)
    return tf.nest.pack_sequence_as(like, [tf.constant(a, t.dtype) for a, t in pairs])
