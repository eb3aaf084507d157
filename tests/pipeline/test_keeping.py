"""Estimators resume from a checkpoint, as if nothing had happened."""

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import Y, posterior

from brgm_tf.corruptions.identity import Identity
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
    model = posterior(objective, **scales)
    shared = {"corruption": Identity(), "jit": False, "dtype": tf.float64}
    return kind(model, num_steps=STEPS, chunk_size=CHUNK, **shared, **more)


def arrays(progress):
    """Returns all arrays of a chunk's progress."""
    state = [np.asarray(tensor) for tensor in tf.nest.flatten(progress.state)]
    return [*state, *progress.history.values()]


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_a_resumed_run_has_the_same_bits(name):
    undisturbed = list(estimator(name).run(Y))
    another = estimator(name)
    resumed = 0
    for done in (1, len(undisturbed) // 2, len(undisturbed) - 1):
        progress = undisturbed[done - 1]
        checkpoint = progress.to_checkpoint()
        if not checkpoint:  # chains of hmc start again
            continue
        rest = list(another.run(Y, checkpoint=checkpoint))
        assert len(rest) == len(undisturbed) - done
        for resumed_chunk, other in zip(rest, undisturbed[done:], strict=True):
            for a, b in zip(arrays(resumed_chunk), arrays(other), strict=True):
                np.testing.assert_array_equal(a, b)
        resumed += 1
    assert resumed


def test_images_that_have_settled_stay_what_they_were():
    from brgm_tf.estimators.variational import Plateaus

    rng = np.random.RandomState(0)
    plateaus = Plateaus(2, window=2)
    for _ in range(3):
        plateaus.update(rng.randn(2, 2), tf.constant(rng.randn(2, 3)))
    again = Plateaus.of(plateaus.arrays, window=2)
    more = rng.randn(2, 2), tf.constant(rng.randn(2, 3))
    np.testing.assert_array_equal(again.update(*more), plateaus.update(*more))
    assert again.all_converged == plateaus.all_converged
