"""The optimization loop and its rules, on functions with a known maximum."""

import threading

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from brgm_tf.core.errors import NotFiniteError
from brgm_tf.estimators.optimizers.adam import Adam, Schedule
from brgm_tf.estimators.optimizers.lbfgs import LBFGS
from brgm_tf.estimators.optimizers.loop import Optimizer


def last(chunks):
    return list(chunks)[-1]


@pytest.mark.parametrize("rule", [Adam(Schedule(25, 0.1)), LBFGS(25)], ids=["adam", "lbfgs"])
def test_a_run_resumed_after_a_chunk_equals_an_uninterrupted_run(rule):
    optimizer = quadratic(rule)
    whole = last(optimizer.run(optimizer.start(np.ones([1, 1, 2])), {}))
    first = next(optimizer.run(optimizer.start(np.ones([1, 1, 2])), {}))
    assert int(first.state.step) == 10
    resumed = last(optimizer.run(first.state, {}))
    np.testing.assert_array_equal(whole.state.position, resumed.state.position)


def uncompiled_run(num_uncompiled_steps, *, state=None, num_steps=25):
    """Returns the chunks of a run whose first steps run while XLA compiles the others."""
    optimizer = quadratic(LBFGS(num_steps), num_uncompiled_steps=num_uncompiled_steps)
    return list(optimizer.run(state or optimizer.start(np.ones([1, 1, 2])), {}))


def test_uncompiled_steps_equal_compiled_steps():
    early = uncompiled_run(4)
    late = uncompiled_run(0)
    computed, expected = (np.concatenate([c.history["term"] for c in run]) for run in (early, late))
    np.testing.assert_allclose(computed, expected, atol=1e-12)
    np.testing.assert_allclose(early[-1].state.position, late[-1].state.position, rtol=1e-12)


def test_uncompiled_steps_are_reported_one_by_one():
    chunks = uncompiled_run(3)
    assert [int(chunk.state.step) for chunk in chunks] == [1, 2, 3, 13, 23, 25]


def test_a_run_shorter_than_its_uncompiled_steps_ends_after_them():
    chunks = uncompiled_run(10, num_steps=3)
    assert [int(chunk.state.step) for chunk in chunks] == [1, 2, 3]


@pytest.mark.parametrize("done", [2, 4])
def test_a_run_resumed_after_an_uncompiled_step_equals_an_uninterrupted_run(done):
    whole = uncompiled_run(4)
    resumed = uncompiled_run(4, state=whole[done - 1].state)
    assert int(resumed[0].state.step) == int(whole[done].state.step)
    np.testing.assert_array_equal(whole[-1].state.position, resumed[-1].state.position)


def test_a_run_abandoned_during_its_uncompiled_steps_ends_its_thread():
    threads = threading.active_count()
    optimizer = quadratic(LBFGS(25), num_uncompiled_steps=4)
    for _ in optimizer.run(optimizer.start(np.ones([1, 1, 2])), {}):
        assert threading.active_count() > threads
        break
    assert threading.active_count() == threads


def test_a_compilation_error_is_raised_after_the_uncompiled_steps():
    def terms(v, *_):
        tf.numpy_function(lambda: None, [], [])  # XLA cannot compile Python code
        return {"term": -tf.reduce_sum(tf.square(v), axis=[1, 2])}

    optimizer = Optimizer(terms, names=["term"], rule=LBFGS(9), num_uncompiled_steps=2)
    run = optimizer.run(optimizer.start(np.ones([1, 1, 2])), {})
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(run)


def test_adam_follows_its_published_recurrence():
    schedule = Schedule(12, 0.1, rampup=0.2, rampdown=0.5)
    optimizer = quadratic(Adam(schedule))
    position = last(optimizer.run(optimizer.start(np.ones([1, 1, 2])), {})).state.position.numpy()
    v, m, s = np.ones(2), np.zeros(2), np.zeros(2)
    for t, rate in enumerate(schedule.rates(), start=1):
        g = 2 * np.array([1.0, 10.0]) * (v - 3)
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        v = v - rate * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(position.ravel(), v, rtol=1e-12)


def test_the_learning_rate_rises_holds_and_falls_to_zero():
    rates = Schedule(1000, 2.0, rampup=0.05, rampdown=0.25).rates()
    assert rates[0] == pytest.approx(2.0 * 0.0005 / 0.05)
    assert rates[100:700] == pytest.approx(2.0)
    assert rates[875] == pytest.approx(1.0, abs=0.02)
    assert rates[-1] < 1e-4


@pytest.mark.parametrize("rule", [Adam(Schedule(3, 0.1)), LBFGS(3)], ids=["adam", "lbfgs"])
def test_the_error_for_a_term_that_is_not_finite_names_the_term(rule):
    optimizer = Optimizer(
        lambda v, *_: {"pixel": tf.math.log(tf.reduce_sum(v, [1, 2]) - 5.0)},
        names=["pixel"],
        rule=rule,
    )
    start = np.array([1.0, 9.0, 2.0]).reshape(3, 1, 1)
    with pytest.raises(NotFiniteError, match="pixel") as caught:
        last(optimizer.run(optimizer.start(start), {}))
    assert caught.value.images == (0, 2)


def test_lbfgs_needs_at_most_twice_the_evaluations_of_scipys():
    start = np.array([-1.2, 1.0, -1.2, 1.0])
    peer = scipy.optimize.minimize(
        scipy.optimize.rosen, start, jac=scipy.optimize.rosen_der, method="L-BFGS-B"
    )
    optimizer = Optimizer(rosenbrock, names=["term"], rule=LBFGS(2 * peer.nfev))
    final = last(optimizer.run(optimizer.start(start.reshape(1, 2, 2)), {}))
    np.testing.assert_allclose(final.state.position, np.ones([1, 2, 2]), atol=1e-4)


def test_lbfgs_never_increases_the_loss_of_an_image():
    optimizer = Optimizer(rosenbrock, names=["term"], rule=LBFGS(40, first_length=10.0))
    starts = np.random.RandomState(0).uniform(-2, 2, [5, 2, 2])
    chunks = list(optimizer.run(optimizer.start(starts), {}))
    terms = np.concatenate([chunk.history["term"] for chunk in chunks])
    assert np.diff(terms, axis=0).min() >= 0
    assert terms[-1].min() > terms[0].max()


def rosenbrock(v, *_):
    x = tf.reshape(v, [v.shape[0], -1])
    valley = 100.0 * tf.square(x[:, 1:] - tf.square(x[:, :-1])) + tf.square(1.0 - x[:, :-1])
    return {"term": -tf.reduce_sum(valley, axis=1)}


def quadratic(rule, **options):
    weights = tf.constant([1.0, 10.0], tf.float64)
    return Optimizer(
        lambda v, *_: {"term": -tf.reduce_sum(weights * tf.square(v - 3.0), axis=[1, 2])},
        names=["term"],
        rule=rule,
        **options,
    )
