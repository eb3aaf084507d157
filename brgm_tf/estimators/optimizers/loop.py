"""The compiled optimization loop, which carries a position and an optimizer's state.

Notation: B images; v [B, K, D] positions; terms [T, B] log-densities; loss [B] minus their sum;
g [B, K, D] the gradient of the sum of the losses, whose entry b depends on image b alone.

An update rule chooses the next point to evaluate and moves the position: `adam.Adam`,
`lbfgs.LBFGS`. Each step evaluates the terms and their gradient once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.core.errors import NotFiniteError
from brgm_tf.estimators.optimizers.compilation import compilation_strategy

# Structures by name, each as the list of its arrays.
Checkpoint = Mapping[str, Sequence[np.ndarray]]


class Evaluation(NamedTuple):
    """The objective at a point: terms [T, B], loss [B], gradient [B, K, D]."""

    terms: tf.Tensor
    loss: tf.Tensor
    gradient: tf.Tensor


class Rule(Protocol):
    """An update rule: pure functions of tensors that move a position by an evaluation."""

    num_steps: int

    def start(self, position) -> Any:
        """Returns the optimizer state before the first step, a NamedTuple of tensors."""

    def point(self, position, optimizer_state) -> Any:
        """Returns the next point to evaluate, [B, K, D]."""

    def update(self, position, optimizer_state, *, at, evaluation: Evaluation, step) -> Any:
        """Returns (position, optimizer state, accepted [B]) after an evaluation at `at`.

        `accepted` is False for an image whose position the evaluation did not improve; that
        position stays as it was.
        """


class State(NamedTuple):
    """What a step carries.

    Attributes:
        position: v [B, K, D].
        terms: Terms [T, B] at the position.
        optimizer_state: State of the rule.
        step: Number of steps done.
    """

    position: tf.Tensor
    terms: tf.Tensor
    optimizer_state: tuple
    step: tf.Tensor


class Chunk(NamedTuple):
    """The result of some steps: the state after them and the terms [n, B] of each step."""

    state: State
    history: dict[str, np.ndarray]

    def to_checkpoint(self) -> Checkpoint:
        """Returns arrays from which `Optimizer.resume` continues."""
        return {"state": to_arrays(self.state)}


class Optimizer:
    """Maximizes a sum of log-densities; all batches of one shape run one program.

    Args:
        terms: Function (position, data, step) -> {name: [B]} of log-densities. The step is a
            tensor, which seeds random numbers.
        names: Names of the terms.
        rule: `Rule` that moves the position.
        chunk_size: Number of steps in one compiled call; the run can be stopped between calls.
        jit: Whether XLA compiles the step.
        num_uncompiled_steps: Number of first steps that run while XLA compiles, see
            `compilation.BackgroundCompilation`.

    Example:
        >>> from brgm_tf.estimators.optimizers.lbfgs import LBFGS
        >>> optimizer = Optimizer(
        ...     lambda v, data, step: {"term": -tf.reduce_sum((v - 3.0) ** 2, axis=[1, 2])},
        ...     names=["term"], rule=LBFGS(5, history=2), jit=False)
        >>> *_, last = optimizer.run(optimizer.start(tf.zeros([1, 1, 1])), {})
        >>> round(float(last.state.position[0, 0, 0]), 3)
        3.0
    """

    def __init__(
        self,
        terms: Callable[[Any, Any, Any], Mapping[str, Any]],
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
        self._compilation = compilation_strategy(
            self._one_step, jit=jit, num_uncompiled_steps=num_uncompiled_steps
        )
        self._run_chunk = compiled(self._steps)

    def start(self, position) -> State:
        """Returns the state before the first step."""
        position = tf.convert_to_tensor(position)
        terms = tf.fill([len(self._names), position.shape[0]], tf.constant(np.nan, position.dtype))
        return State(position, terms, self.rule.start(position), tf.constant(0, tf.int32))

    def resume(self, position, checkpoint: Checkpoint | None) -> State:
        """Returns the state of a checkpoint, or the state before the first step without one.

        Args:
            position: Position before the first step.
            checkpoint: Arrays of `Chunk.to_checkpoint`.
        """
        state = self.start(position)
        return state if checkpoint is None else from_arrays(checkpoint["state"], like=state)

    def run(self, state: State, data: Mapping) -> Iterator[Chunk]:
        """Yields a `Chunk` after each compiled call, until the last step of the rule.

        Args:
            state: State of `start`, or of a chunk of an earlier run.
            data: Argument of `terms`: a structure of tensors with a batch axis.

        Raises:
            NotFiniteError: A term of an image is not finite.
        """
        first_states = self._compilation.first_steps(
            state,
            data,
            last=self.rule.num_steps,
            compile_rest=functools.partial(self._run_chunk, state, tf.constant(1), data),
        )
        for state in first_states:
            yield self._checked(state, state.terms[None])
        while (done := int(state.step)) < self.rule.num_steps:
            size = tf.constant(min(self.chunk_size, self.rule.num_steps - done))
            state, history = self._run_chunk(state, size, data)
            yield self._checked(state, history)

    def _checked(self, state: State, history) -> Chunk:
        """Returns the chunk of steps with the terms [n, T, B], which must be finite.

        Raises:
            NotFiniteError: A term of an image is not finite.
        """
        terms = dict(zip(self._names, np.moveaxis(history.numpy(), 1, 0), strict=True))
        bad = [name for name, values in terms.items() if not np.isfinite(values).all()]
        if bad:
            finite = np.all([np.isfinite(terms[name]).all(axis=0) for name in bad], axis=0)
            raise NotFiniteError(
                f"the {', '.join(bad)} term is not finite after step {int(state.step)}: "
                "lower the learning rate, or look for invalid values in the input",
                images=np.flatnonzero(~finite).tolist(),
            )
        return Chunk(state, terms)

    def _steps(self, state: State, num_steps, data):
        def body(i, state, history):
            state = self._compilation.step(state, data)
            return i + 1, state, history.write(i, state.terms)

        history = tf.TensorArray(state.position.dtype, size=num_steps)
        _, state, history = tf.while_loop(
            lambda i, *_: i < num_steps, body, (0, state, history), parallel_iterations=1
        )
        return state, history.stack()

    def _one_step(self, state: State, data) -> State:
        self.num_traces += 1  # while the step is traced only
        at = self.rule.point(state.position, state.optimizer_state)
        evaluation = self._evaluate(at, data, state.step)
        position, optimizer_state, accepted = self.rule.update(
            state.position, state.optimizer_state, at=at, evaluation=evaluation, step=state.step
        )
        terms = tf.where(accepted, evaluation.terms, state.terms)
        return State(position, terms, optimizer_state, state.step + 1)

    def _evaluate(self, position, data, step) -> Evaluation:
        with tf.GradientTape() as tape:
            tape.watch(position)
            terms = self._terms(position, data, step)
            terms = tf.stack([terms[name] for name in self._names])
            loss = -tf.reduce_sum(terms, axis=0)
        return Evaluation(terms, loss, tape.gradient(loss, position))


def to_arrays(structure) -> list[np.ndarray]:
    """Returns the arrays of a structure of tensors."""
    return [np.asarray(tensor) for tensor in tf.nest.flatten(structure)]


def from_arrays(arrays: Sequence[np.ndarray], *, like) -> Any:
    """Returns a structure of tensors with the values of arrays.

    Args:
        arrays: Arrays of `to_arrays`.
        like: Structure of the same kind.
    """
    pairs = zip(arrays, tf.nest.flatten(like), strict=True)
    return tf.nest.pack_sequence_as(like, [tf.constant(a, t.dtype) for a, t in pairs])
