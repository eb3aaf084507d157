"""Compiled training steps shared by tests, because tracing dominates a short training."""

from brgm_tf.training.step import Step

_STEPS: dict = {}


def shared(networks, config, *, jit):
    """Replaces `Step`, because its program depends on the configuration alone."""
    key = (config, jit)
    if key not in _STEPS:
        _STEPS[key] = Step(networks, config, jit=jit)
    return _STEPS[key]
