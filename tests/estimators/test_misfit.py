"""The cause of a large residual is stated only if the numbers show it."""

import numpy as np
import pytest

from brgm_tf.estimators.restoring import misfit
from brgm_tf.estimators.restoring.misfit import Fit, cause_of_misfit

BOUND = 10.0
STEPS = np.arange(1.0, 101.0)
CONVERGED = 1 + np.exp(-STEPS)


def falling(power):
    """Returns a loss whose residual falls as a power of the number of steps."""
    return STEPS ** (-2 * power)


def fit(difference, *, loss=CONVERGED, channels=1, prediction=0.0, **options):
    """Returns a fit with the given residual in grey levels."""
    shape = (20, 20, channels)
    predicted = np.broadcast_to(np.asarray(prediction, float), shape)
    y = predicted + np.broadcast_to(difference, shape) / 127.5
    return Fit(y, predicted, np.ones(shape, bool), loss, **options)


def noise(channels=1, scale=30.0):
    return np.random.RandomState(0).normal(scale=scale, size=(20, 20, channels))


def few(scale=200.0):
    difference = np.zeros((20, 20, 1))
    difference[5:9, 5:9] = scale
    return difference


RAMP = np.linspace(-0.5, 0.5, 20)[:, None, None]


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (fit(noise()), misfit.OUTSIDE),
        # The residual of 30 grey levels reaches 10 after 3^(1 / power) times as many steps.
        (fit(noise(), loss=falling(1.0)), misfit.TOO_FEW_STEPS.format(300)),
        (fit(noise(), loss=falling(0.6)), ""),
        (fit(noise(), loss=falling(0.4)), misfit.OUTSIDE),
        (fit(noise(), is_complete=False), ""),
        (fit(noise(), loss=CONVERGED[:1]), ""),
        (fit(few()), misfit.MASK),
        (fit(few(), loss=falling(1.0)), misfit.MASK),
        (fit(few() + noise(scale=12)), misfit.OUTSIDE),
        (fit(noise(), loss=CONVERGED - 9), misfit.OUTSIDE),
        (fit(noise(), loss=falling(0.3) - 9), ""),
        (fit(100 * RAMP, prediction=RAMP), misfit.TONES),
        (fit(-255 * RAMP, prediction=RAMP), misfit.TONES),
        (fit([40.0, -80.0, 40.0], channels=3, prediction=[0.3, 0.0, -0.3]), misfit.OUTSIDE),
    ],
)
def test_the_cause_follows_from_the_numbers(given, cause):
    assert cause_of_misfit(given, bound=BOUND) == cause


def test_a_grey_picture_with_a_colour_generator_is_recognised():
    colours = np.array([0.3, 0.0, -0.3])
    prediction = np.broadcast_to(RAMP + colours, (20, 20, 3))
    y = np.broadcast_to(RAMP, (20, 20, 3))
    given = Fit(y, prediction, np.ones(y.shape, bool), CONVERGED)
    assert cause_of_misfit(given, bound=BOUND) == misfit.GREY_PICTURE


def test_unobserved_values_do_not_count():
    given = fit(few())
    observed = given.measurement == given.prediction
    changed = Fit(given.measurement + noise() / 127.5, given.prediction, observed, CONVERGED)
    assert cause_of_misfit(changed, bound=BOUND) == misfit.OUTSIDE


def test_the_cause_for_kspace_depends_on_the_loss_alone():
    y = noise() + 1j * noise()
    given = Fit(y, 0 * y, np.ones(y.shape, bool), CONVERGED)
    assert cause_of_misfit(given, bound=BOUND) == misfit.OUTSIDE
