"""Compiled training steps shared by tests, because tracing dominates a short training."""

import functools

from brgm_tf.training.step import Step, build


@functools.cache
def _step(config, jit):
    return Step(build(config), config, jit=jit)


def shared(networks, config, *, jit):
    """Replaces `Step`, because its program depends on the configuration alone."""
    return _step(config, jit)
