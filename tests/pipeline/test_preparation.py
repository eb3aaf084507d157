"""Inputs are planned before loading, and arrays in [0, 1] emit a warning."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from smooth_generator import smooth_generator

from brgm_tf.core.errors import InputError
from brgm_tf.io import inputs
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.preparation import input_requirements, prepare

SIZE, SMALL = 16, 4
DOWNSAMPLE = f"downsample(factor={SIZE // SMALL})"
LEVELS = np.random.RandomState(0).randint(0, 256, (SMALL, SMALL, 3), np.uint8)
FLOATS = LEVELS.astype("float32") / np.float32(127.5) - np.float32(1)


def config(**options):
    return Config(**({"generator": smooth_generator(SIZE), "corruption": DOWNSAMPLE} | options))


@pytest.mark.parametrize(
    "images",
    [
        LEVELS,
        LEVELS[None],
        [LEVELS],
        FLOATS,
        tf.constant(FLOATS),
        tf.constant(LEVELS),
        Image.fromarray(LEVELS),
    ],
    ids=["uint8", "batch", "list", "floats", "tensor", "uint8 tensor", "PIL"],
)
def test_an_image_is_the_same_in_every_form(images):
    plan = prepare(images, config=config())
    loaded = inputs.load(plan.specs[0], expected=plan.requirements)
    np.testing.assert_allclose(loaded.image, FLOATS, atol=1e-6)


@pytest.mark.parametrize("images", [LEVELS.astype("float32"), LEVELS.astype("int64")])
def test_the_error_for_another_range_or_type_states_the_remedy(images):
    with pytest.raises(InputError, match=r"\[-1, 1\]\. Give uint8 grey levels, or floats"):
        prepare(images, config=config())


def test_floats_in_the_unit_range_emit_a_warning():
    with pytest.warns(UserWarning, match=r"lie in \[0, 1\].*pass 2 \* images - 1"):
        prepare([FLOATS / 2 + 0.5], config=config())


@pytest.mark.parametrize(
    "images", [FLOATS, LEVELS, np.zeros_like(FLOATS), [Image.fromarray(LEVELS)]]
)
def test_other_inputs_emit_no_warning(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(images, config=config())


def test_requirements_depend_on_the_kind_of_input():
    measured, clean = (input_requirements(config(input_kind=k)) for k in ("measurement", "clean"))
    assert (measured.size, measured.resizable) == (SMALL, False)
    assert (clean.size, clean.resizable) == (SIZE, True)
