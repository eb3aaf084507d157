"""Compiled training steps that tests share: tracing takes most of the time of a short training."""

import functools

from brgm_tf.training.step import Step, build


@functools.cache
def _step(config, jit):
    return Step(build(config), config, jit=jit)


def shared(networks, config, *, jit):
    """Stands for `Step`, whose program depends on the configuration alone."""
    return _step(config, jit)
