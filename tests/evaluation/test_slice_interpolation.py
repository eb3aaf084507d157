"""Interpolation between thick slices."""

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.evaluation.slice_interpolation import METHODS, interpolate_slices


@pytest.mark.parametrize("method", METHODS)
def test_a_ramp_is_interpolated_exactly_between_the_first_and_the_last_centre(method):
    ramp = np.arange(16.0)[:, None, None] * np.ones((1, 2, 3))
    measured = ramp.reshape(4, 4, 2, 3).mean(axis=1)
    slices = interpolate_slices(measured, factor=4, count=16, method=method)
    np.testing.assert_allclose(slices, np.clip(ramp, 1.5, 13.5), atol=1e-12)


def test_a_single_slice_is_repeated():
    measured = np.random.default_rng(0).normal(size=(1, 2, 3))
    slices = interpolate_slices(measured, factor=3, count=3)
    np.testing.assert_array_equal(slices, np.repeat(measured, 3, axis=0))


def test_another_method_is_refused():
    with pytest.raises(InputError, match=r"^`method` must be linear or cubic"):
        interpolate_slices(np.zeros((2, 1)), factor=2, count=4, method="nearest")
