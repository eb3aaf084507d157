"""Strategies by which XLA compiles the step of an optimization."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from brgm_tf.core.compilation import compiled


class AheadCompilation:
    """Compiles the step when it is called first.

    Args:
        step: Function (state, data) -> state; a state has the attribute `step`.
        jit: Whether XLA compiles the step.
    """

    def __init__(self, step: Callable, *, jit: bool = True):
        self.step = compiled(step, jit=jit)

    def first_steps(
        self, state, data, *, last: int, compile_rest: Callable[[], Any]
    ) -> Iterator[Any]:
        """Yields no states: all steps run in the compiled program."""
        del state, data, last, compile_rest
        yield from ()


class BackgroundCompilation:
    """Runs the first steps in a graph, one by one, while a thread compiles the other steps.

    The graph is slower than XLA's program and ready at once. The number of uncompiled steps is
    fixed, so the bits of a result do not depend on the time that XLA takes.

    Args:
        step: Function (state, data) -> state; a state has the attribute `step`.
        num_uncompiled_steps: Number of steps in the graph.
        jit: Whether XLA compiles the other steps.
    """

    def __init__(self, step: Callable, *, num_uncompiled_steps: int, jit: bool = True):
        self._num_uncompiled_steps = num_uncompiled_steps
        self._graph_step = compiled(step)
        # The program of XLA calls the graph, so the step is traced once.
        self.step = compiled(self._graph_step.__call__, jit=jit)

    def first_steps(
        self, state, data, *, last: int, compile_rest: Callable[[], Any]
    ) -> Iterator[Any]:
        """Yields the state after each uncompiled step that is left.

        Args:
            state: State to start from.
            data: Second argument of the step.
            last: Last step of the run.
            compile_rest: Function that runs a step in the compiled program; its result is not
                used.
        """
        last = min(self._num_uncompiled_steps, last)
        if int(state.step) >= last:
            return
        self._graph_step.get_concrete_function(state, data)
        with ThreadPoolExecutor(1) as thread:
            # TensorFlow compiles a program when it is called first.
            compilation = thread.submit(compile_rest)
            while int(state.step) < last - 1:
                state = self._graph_step(state, data)
                yield state
            state = self._graph_step(state, data)
            # The last uncompiled step waits, so that the steps after it take their usual time.
            compilation.result()
        yield state


def compilation_strategy(
    step: Callable, *, jit: bool, num_uncompiled_steps: int
) -> AheadCompilation | BackgroundCompilation:
    """Returns the strategy for a number of uncompiled steps.

    Args:
        step: Function (state, data) -> state.
        jit: Whether XLA compiles the step.
        num_uncompiled_steps: Number of first steps that run in a graph; 0 for none.
    """
    if num_uncompiled_steps:
        return BackgroundCompilation(step, num_uncompiled_steps=num_uncompiled_steps, jit=jit)
    return AheadCompilation(step, jit=jit)
