"""Chains: their mathematics, their observed values, and their text."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hostile_texts import HOSTILE

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.base import Chain, Corruption
from brgm_tf.corruptions.identity import Identity
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.noise.poisson_noise import PoissonNoise
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.objective import resolve_objective

SIZE = 12


@dataclasses.dataclass(frozen=True)
class Halved(Corruption):
    """An operation on single pixels: forward(x) = x / 2 - 1 / 4."""

    def forward(self, x):
        return 0.5 * x - 0.25

    def adjoint(self, y):
        return 0.5 * y


@dataclasses.dataclass(frozen=True)
class Squared(Corruption):
    """An operation that is not linear."""

    linear = False

    def forward(self, x):
        return tf.square(x)


@dataclasses.dataclass(frozen=True)
class Smeared(Corruption):
    """The mean of each pixel and its two neighbours to the left, with a circular border."""

    def forward(self, x):
        return (x + tf.roll(x, 1, axis=2) + tf.roll(x, 2, axis=2)) / 3.0


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def images(rng, batch=2):
    return rng.uniform(-1, 1, (batch, SIZE, SIZE, 3))


def holes(rng, batch=2, fraction=0.1):
    return rng.random((batch, SIZE, SIZE, 1)) < fraction


def blocks(x, factor):
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // factor, factor, width // factor, factor, channels)


# Mathematics.


def test_the_mean_is_the_composition_of_the_stages(rng):
    x, missing = images(rng), holes(rng)
    chain = Chain([Mask(fill=0.5), Halved(), Downsample(3)]).with_data(missing=missing)
    expected = blocks(0.5 * np.where(missing, 0.5, x) - 0.25, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(chain.forward(x), expected, atol=1e-15)


def test_the_adjoint_is_the_reversed_composition_of_the_linear_parts(rng):
    missing, y = holes(rng), rng.normal(size=(2, 4, 4, 3))
    chain = (Mask(fill=0.5) + Halved() + Downsample(3)).with_data(missing=missing)
    enlarged = np.repeat(np.repeat(y, 3, axis=1), 3, axis=2) / 9.0
    np.testing.assert_allclose(chain.adjoint(y), np.where(missing, 0, 0.5 * enlarged), atol=1e-15)


def test_nested_sums_are_one_chain():
    left = (Identity() + Downsample(2)) + Noise(5.0)
    right = Identity() + (Downsample(2) + Noise(5.0))
    assert left.stages == right.stages == (Identity(), Downsample(2), Noise(5.0))
    with pytest.raises(TypeError):
        Identity() + 1


def test_a_chain_with_a_nonlinear_stage_is_not_linear():
    assert (Halved() + Downsample(2)).linear
    chain = Halved() + Squared()
    assert not chain.linear
    with pytest.raises(TypeError, match="Squared is not linear"):
        chain.adjoint(np.zeros((1, 2, 2, 1)))


def test_the_measurement_shape_is_the_shape_after_all_stages():
    chain = Downsample(2) + Downsample(3)
    assert chain.measurement_shape((None, 12, 24, 3)) == (None, 2, 4, 3)
    with pytest.raises(InputError, match="divides the image's 6 x 6 pixels"):
        (Downsample(2) + Downsample(4)).measurement_shape((12, 12, 3))


def test_the_configuration_rebuilds_the_chain():
    chain = Chain([Mask(fill=0.5), Squared(), Noise(5.0)])
    again = Chain.from_config(chain.get_config())
    assert [type(stage) for stage in again.stages] == [Mask, Squared, Noise]
    assert again.get_config() == chain.get_config()
    assert {tuple(chain.get_config().items())}  # the items are hashable


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "`stages` must be at least one"),
        ([Noise(1.0), Identity()], "stage 1 'noise': noise must be the last"),
        ([PoissonNoise(9.0), Noise(1.0)], "stage 1 'poisson': noise must be the"),
        ([Mask(), Identity(), Mask()], "stage 3 'mask': must not take the data 'missing'"),
        ([Identity, Mask()], "`stages` must be corruptions"),
        (5, "`stages` must be corruptions"),
    ],
)
def test_incompatible_stages_are_refused(stages, message):
    with pytest.raises(InputError) as caught:
        Chain(stages)
    assert message in str(caught.value)


# Observed values.


def test_data_are_bound_to_the_stage_that_takes_them(rng):
    missing = holes(rng)
    chain = (Identity() + Mask() + Downsample(2)).with_data(missing=missing)
    np.testing.assert_array_equal(chain.stages[1].missing, missing)
    np.testing.assert_array_equal(chain.data["missing"], missing)
    for wrong in ({}, {"other": 1}, {"missing": missing, "other": 1}):
        with pytest.raises(TypeError, match="with_data takes"):
            chain.with_data(**wrong)


def test_data_have_the_shape_that_reaches_their_stage():
    shape = (12, 24, 3)
    assert (Downsample(2) + Mask() + Downsample(3)).data_shape(shape) == (6, 12, 3)
    assert (Mask() + Downsample(3)).data_shape(shape) == shape


def test_missing_pixels_stay_unobserved_after_stages_on_single_pixels(rng):
    missing, y = holes(rng), tf.constant(images(rng))
    for chain in (Mask() + Halved(), Halved() + Mask(), Mask() + Squared() + Noise(2.0)):
        observed = chain.with_data(missing=missing).observation_mask(y)
        np.testing.assert_array_equal(np.broadcast_to(observed, y.shape), ~missing & (y < 2))


def test_a_block_with_a_missing_pixel_is_not_observed(rng):
    missing, y = holes(rng), tf.zeros([2, 4, 4, 3])
    observed = (Mask() + Downsample(3)).with_data(missing=missing).observation_mask(y)
    affected = blocks(missing, 3).any(axis=(2, 4))
    assert 0 < affected.mean() < 1
    np.testing.assert_array_equal(np.broadcast_to(observed, y.shape), ~affected & (y < 1))


@pytest.mark.parametrize(
    "stage", [Downsample(2, "bicubic"), Downsample(4, "bicubic"), Smeared(), Identity()]
)
def test_a_value_is_observed_if_it_depends_on_no_missing_pixel(stage, rng):
    """Compares the observation mask with the effect of a change of each missing pixel."""
    missing = holes(rng, batch=1, fraction=0.05)
    x = images(rng, batch=1)
    y = stage.forward(x).numpy()
    affected = np.zeros(y.shape, bool)
    for _, i, j, _ in np.argwhere(missing):
        other = x.copy()
        other[:, i, j] += 1.0
        affected |= np.abs(stage.forward(other).numpy() - y) > 1e-9
    observed = (Mask() + stage).with_data(missing=missing).observation_mask(tf.constant(y))
    assert 0 < affected.mean() < 1
    np.testing.assert_array_equal(observed == 1, ~affected)


def test_unobserved_values_do_not_count(rng):
    missing = holes(rng)
    x, y = images(rng), rng.uniform(-1, 1, (2, 4, 4, 3))
    chain = (Mask() + Downsample(3) + Noise(4.0)).with_data(missing=missing)
    affected = blocks(missing, 3).any(axis=(2, 4))
    with_nan = np.where(affected, np.nan, y)
    values = [chain.log_prob(tf.constant(each), tf.constant(x), {}) for each in (y, with_nan)]
    np.testing.assert_array_equal(values[0], values[1])


def test_known_pixels_are_merged_only_if_no_later_stage_changes_them(rng):
    missing, y, x = holes(rng), images(rng), images(rng)
    data = {"missing": missing}
    merged = (Identity() + Mask()).with_data(**data).composite(tf.constant(y), tf.constant(x))
    np.testing.assert_array_equal(merged, Mask(missing=missing).composite(y, x))
    np.testing.assert_array_equal(np.where(missing, y, merged), y)
    for chain in (Mask() + Noise(2.0), Mask() + Halved()):
        assert chain.with_data(**data).composite(y, x) is None
    assert (Identity() + Identity()).composite(y, x) is None


def test_unobserved_values_are_filled_with_the_measurement_of_a_masked_mid_grey_image(rng):
    missing = holes(rng)
    chain = (Halved() + Mask(fill=0.5) + Downsample(3)).with_data(missing=missing)
    y = rng.uniform(-1, 1, (2, 4, 4, 3))
    affected = blocks(missing, 3).any(axis=(2, 4))
    blank = blocks(np.where(missing, 0.5, 0.0), 3).mean(axis=(2, 4))
    np.testing.assert_allclose(
        chain.fill_unobserved(tf.constant(y)), np.where(affected, blank, y), atol=1e-15
    )


def test_missing_pixels_have_no_noise(rng):
    missing, x = holes(rng), tf.constant(images(rng))
    chain = (Mask(fill=0.5) + Noise(9.0)).with_data(missing=missing)
    y = chain.sample(x, [[0, 1], [0, 2]])
    hidden = np.broadcast_to(missing, y.shape)
    np.testing.assert_array_equal(y[hidden], 0.5)
    assert np.all(np.abs(y - x)[~hidden] > 0)


# Text.

CHAIN = "mask() + downsample(factor=2) + noise(scale=5)"


def test_a_chain_round_trips_through_text():
    stages = parsing.parse(CHAIN)
    text = "mask(fill=1.0) + downsample(factor=2, method='box') + noise(scale=5.0)"
    assert str(stages) == text
    assert parsing.parse(text) == stages


def test_a_single_call_is_not_a_chain():
    assert parsing.parse("downsample(factor=2)").create() == Downsample(2)
    chain = parsing.parse(CHAIN).create()
    assert [type(stage) for stage in chain.stages] == [Mask, Downsample, Noise]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        (" a+b ", ["a", "b"]),
        ("a(x=1+2)+b", ["a(x=1+2)", "b"]),
        ("a(x='+)') + b", ["a(x='+)')", "b"]),
        (r"a(x='\'+') + b", [r"a(x='\'+')", "b"]),
        ('a(x="+") + b(y=[+1])', ['a(x="+")', "b(y=[+1])"]),
        ("a + ", ["a", ""]),
    ],
)
def test_stages_are_split_at_a_plus_outside_brackets_and_quotes(text, parts):
    assert parsing.split(text) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "mask() + downsmaple(factor=4)",
            "`corruption` stage 2 'downsmaple(factor=4)': must be one of none, downsample",
        ),
        ("downsample(factor=0) + mask()", "stage 1 'downsample(factor=0)': parameter 'factor'"),
        ("mask() + noise", "stage 2 'noise': noise() needs the parameter 'scale'"),
        ("mask() +", "stage 2 '': must be written name or"),
        ("+ mask()", "stage 1 '': must be written name or"),
        ("mask() mask()", "`corruption` must be written name or"),
        ("noise(scale=1) + mask()", "stage 1 'noise': noise must be the last stage"),
        ("mask() + mask()", "stage 2 'mask': must not take the data 'missing' as stage 1"),
        ("mask() + " + "x" * 500, "stage 2 '" + "x" * 60 + "...': must be one of"),
    ],
)
def test_an_error_states_the_stage(text, message):
    with pytest.raises(InputError) as caught:
        parsing.parse(text)
    assert caught.value.argument == "corruption"
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hostile_text_is_an_input_error_of_one_short_line():
    for text in HOSTILE:
        for whole in (text, f"mask() + {text}"):
            with pytest.raises(InputError) as caught:
                parsing.parse(whole)
            assert len(str(caught.value).splitlines()) == 1, whole
            assert len(str(caught.value)) < 2500, whole


@pytest.mark.parametrize(
    ("text", "kind", "factor", "data_names"),
    [
        ("none", "none", 1, ()),
        ("noise(scale=5)", "", 1, ()),
        ("downsample(factor=4) + noise(scale=5)", "downsample", 4, ()),
        ("downsample(factor=4) + mask() + downsample(factor=8)", "", 32, ("missing",)),
    ],
)
def test_traits_of_a_text_are_known_without_its_classes(text, kind, factor, data_names):
    stages = parsing.parse(text)
    assert (stages.kind, stages.factor, stages.data_names) == (kind, factor, data_names)


# Configuration.


@pytest.mark.parametrize(
    ("corruption", "overrides", "expected"),
    [
        ("mask()", {}, 3.0),
        ("mask() + noise(scale=5)", {}, 5.0),
        ("mask() + noise(scale=5)", {"noise_scale": None}, 5.0),
        ("mask() + noise(scale=5)", {"noise_scale": 7.0}, 7.0),
        ("mask() + salt_and_pepper(fraction=0.1)", {}, 3.0),
        ("mask() + salt_and_pepper(fraction=0.1, scale=2)", {}, 2.0),
        # The noise scale of mid grey: 50 photons of 100, with the standard deviation sqrt(50).
        ("poisson(peak=100)", {}, 255 * 50**0.5 / 100),
    ],
)
def test_the_noise_scale_follows_from_the_chain(corruption, overrides, expected):
    scales = resolve_objective(Config(corruption, overrides=overrides))
    assert scales.noise_scale == pytest.approx(expected)


def test_the_noise_scale_is_inferred_if_the_chain_does_not_state_it():
    def scale(corruption):
        return resolve_objective(Config(corruption, objective="bayes")).noise_scale

    assert scale("none + salt_and_pepper(fraction=0.1)") is None
    assert scale("none + noise(scale=2)") == 2.0


def test_poisson_noise_takes_no_noise_scale():
    with pytest.raises(InputError, match=r"^`noise_scale` must not be given with poisson\(peak="):
        Config("poisson(peak=9)", overrides={"noise_scale": 3.0})


def test_factors_of_a_chain_are_multiplied():
    config = Config("downsample(factor=8) + downsample(factor=4)", objective="brgm_torch")
    assert resolve_objective(config).colinearity_scale == 1.0
