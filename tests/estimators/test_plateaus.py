"""Convergence of each image, and the state as arrays."""

import numpy as np
import tensorflow as tf

from brgm_tf.estimators.plateaus import Plateaus


def test_an_image_keeps_its_parameters_after_its_elbo_stops_rising():
    plateaus = Plateaus(2, window=10)
    steps = np.arange(60.0)
    elbo = np.stack([np.minimum(steps, 15.0), steps], axis=1)
    for first in range(0, 60, 10):
        parameters = plateaus.update(elbo[first : first + 10], np.full([2, 1], float(first)))
    np.testing.assert_array_equal(parameters[:, 0], [30.0, 50.0])
    assert not plateaus.all_converged


def test_a_state_restored_from_arrays_continues_identically():
    rng = np.random.RandomState(0)
    plateaus = Plateaus(2, window=2)
    for _ in range(3):
        plateaus.update(rng.randn(2, 2), tf.constant(rng.randn(2, 3)))
    again = Plateaus.from_arrays(plateaus.to_arrays(), window=2)
    more = rng.randn(2, 2), tf.constant(rng.randn(2, 3))
    np.testing.assert_array_equal(again.update(*more), plateaus.update(*more))
    assert again.all_converged == plateaus.all_converged
