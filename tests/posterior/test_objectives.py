"""Objectives: presets, and overrides of their scales."""

import dataclasses

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.posterior.objectives import OBJECTIVES, objective


def test_overrides_replace_fields_of_a_preset():
    for name in OBJECTIVES:
        changed = objective(name, prior_scale=5.0, pixel_scale=None)
        assert changed == dataclasses.replace(OBJECTIVES[name], prior_scale=5.0)


@pytest.mark.parametrize(
    ("name", "overrides", "argument"),
    [
        ("best", {}, "objective"),
        ("bayes", {"optimizer": "sgd"}, "optimizer"),
        ("bayes", {"weight": 1.0}, "weight"),
        ("bayes", {"pixel_scale": True}, "pixel_scale"),
        ("bayes", {"pixel_scale": -1.0}, "pixel_scale"),
        ("bayes", {"noise_scale": 0.0}, "noise_scale"),
        ("brgm_tf1", {"rampup": 1.5}, "rampup"),
    ],
)
def test_a_value_out_of_range_is_refused(name, overrides, argument):
    with pytest.raises(InputError) as caught:
        objective(name, **overrides)
    assert caught.value.argument == argument
