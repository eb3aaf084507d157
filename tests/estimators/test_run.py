"""Type and range of measurements given to `Estimator.run` as arrays."""

from types import SimpleNamespace

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.restoring.run import run_on_arrays

Y = np.random.default_rng(0).uniform(-1, 1, (4, 4, 1)).astype("float32")


def run(measurement):
    posterior = SimpleNamespace(corruption=SimpleNamespace(data_names=("missing",)))
    run_on_arrays(None, posterior, measurement, data={}, num_samples=1, progress=None)


@pytest.mark.parametrize("measurement", [Y * 255, (Y * 127 + 127).astype(np.uint8), Y * np.nan])
def test_a_measurement_in_grey_levels_is_refused(measurement):
    with pytest.raises(InputError, match=r"must hold floats in \[-1, 1\].*levels / 127.5 - 1"):
        run(measurement)


def test_a_measurement_in_the_unit_range_emits_a_warning():
    with pytest.raises(UserWarning, match="All values of `measurement` lie in"):
        run(Y / 2 + 0.5)


@pytest.mark.parametrize("measurement", [Y, Y * 1.2, Y.astype("complex64")])
def test_the_range_of_other_measurements_is_not_checked(measurement):
    with pytest.raises(InputError, match="must name the arrays of the corruption"):
        run(measurement)
