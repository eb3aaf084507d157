"""Estimators resume from a checkpoint bit for bit."""

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import Y, posterior

from brgm_tf.estimators.hmc import HMC
from brgm_tf.estimators.map import MAP
from brgm_tf.estimators.variational import VI
from brgm_tf.estimators.vi_brgm import VIBrgm

STEPS, CHUNK = 16, 3
ESTIMATORS = {
    "lbfgs": (MAP, "bayes", {}),
    "adam": (MAP, "balanced", {"optimizer": "adam"}),
    "restarts": (MAP, "bayes", {"num_restarts": 3}),
    "noise inferred": (VI, "bayes", {"noise_scale": None}),
    "vi": (VI, "bayes", {}),
    "vi_brgm": (VIBrgm, "brgm_torch", {}),
    "hmc": (HMC, "bayes", {}),
}


def estimator(name):
    kind, objective, options = ESTIMATORS[name]
    scales = {key: options[key] for key in ("optimizer", "noise_scale") if key in options}
    if objective == "bayes" and "noise_scale" not in scales:
        scales["noise_scale"] = 20.0
    more = {key: value for key, value in options.items() if key not in scales}
    estimator = kind(num_steps=STEPS, chunk_size=CHUNK, jit=False, dtype=tf.float64, **more)
    return estimator.bind(posterior(objective, **scales))


def arrays(progress):
    """Returns all arrays of the progress after a chunk."""
    state = progress.position, progress.terms, progress.step, progress.approximation
    flat = [np.asarray(part) for part in tf.nest.flatten(state) if part is not None]
    return [*flat, *progress.history.values()]


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_a_resumed_run_is_bit_identical(name):
    uninterrupted = list(estimator(name).run(Y))
    another = estimator(name)
    resumed = 0
    for done in (1, len(uninterrupted) // 2, len(uninterrupted) - 1):
        progress = uninterrupted[done - 1]
        checkpoint = progress.to_checkpoint()
        if not checkpoint:  # the chains of HMC restart
            continue
        rest = list(another.run(Y, checkpoint=checkpoint))
        assert len(rest) == len(uninterrupted) - done
        for resumed_chunk, other in zip(rest, uninterrupted[done:], strict=True):
            for a, b in zip(arrays(resumed_chunk), arrays(other), strict=True):
                np.testing.assert_array_equal(a, b)
        resumed += 1
    assert resumed
