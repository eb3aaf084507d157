"""Masks that follow a rule: their missing pixels, and their agreement with `Mask`."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.masking.box_mask import BoxMask
from brgm_tf.corruptions.masking.half_mask import HalfMask
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.masking.random_mask import RandomMask, random_pixels
from brgm_tf.corruptions.masking.scratches import Scratches, scratched
from brgm_tf.corruptions.table import CORRUPTIONS

EVERY_RULE = [
    RandomMask(0.3, seed=1, fill=-0.5),
    BoxMask([(0.2, 0.1, 0.6, 0.9)], fill=0.5),
    Scratches(3, 2, fill=0.0),
    HalfMask("top", fill=-1),
]
every_rule = pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: type(rule).__name__)


# All rules.


@every_rule
def test_a_rule_acts_like_a_mask_of_the_same_pixels(rule):
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 2, 12, 20, 3))
    mask = Mask(fill=rule.fill, missing=rule.missing_map(12, 20)[None, ..., None])
    for name in ("forward", "adjoint", "fill_unobserved"):
        np.testing.assert_array_equal(getattr(rule, name)(y), getattr(mask, name)(y))
    np.testing.assert_array_equal(rule.composite(y, x), mask.composite(y, x))
    y = tf.constant(y)
    np.testing.assert_array_equal(rule.observation_mask(y), mask.observation_mask(y))
    params = {"noise_scale": 5.0}
    np.testing.assert_array_equal(rule.log_prob(y, x, params), mask.log_prob(y, x, params))


@every_rule
def test_a_rule_round_trips_through_text(rule):
    name = next(n for n, row in CORRUPTIONS.items() if row.load() is type(rule))
    call = CORRUPTIONS.call(name, **rule.get_config())
    assert CORRUPTIONS.create(CORRUPTIONS.parse(str(call))) == rule


@every_rule
def test_a_rule_takes_no_data(rule):
    assert rule.data_names == ()


@every_rule
def test_the_missing_map_is_shared_and_read_only(rule):
    assert rule.missing_map(12, 20) is rule.missing_map(12, 20)
    with pytest.raises(ValueError, match="read-only"):
        rule.missing_map(12, 20)[0, 0] = True


@pytest.mark.parametrize(
    ("rule", "hidden"),
    [
        (BoxMask([(0, 0, 1, 1)]), "all"),
        (BoxMask([(0, 0, 0.01, 0.01)]), "none"),
        (RandomMask(0.001), "none"),
        (RandomMask(0.999), "all"),
        (Scratches(20, 20), "all"),
    ],
)
def test_a_mask_of_everything_or_nothing_is_refused_by_the_shape(rule, hidden):
    with pytest.raises(InputError, match=f"hides {hidden} of the image's 12 x 20 pixels"):
        rule.measurement_shape((None, 12, 20, 3))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: RandomMask(1), "fraction"),
        (lambda: RandomMask(0), "fraction"),
        (lambda: RandomMask(0.5, seed=-1), "seed"),
        (lambda: RandomMask(0.5, fill=255), "fill"),
        (lambda: Scratches(0, 1), "count"),
        (lambda: Scratches(1, 0.5), "width"),
        (lambda: Scratches(1, 1, seed=2**31), "seed"),
        (lambda: HalfMask("middle"), "side"),
    ],
)
def test_an_invalid_argument_is_named(make, named):
    with pytest.raises(InputError, match=f"^`{named}` must be"):
        make()


# Random pixels.


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_the_fraction_of_missing_pixels_is_exact(fraction):
    assert random_pixels(30, 40, fraction=fraction, seed=0).sum() == fraction * 1200


def test_the_same_seed_draws_the_same_pixels():
    first, second = (random_pixels(30, 40, fraction=0.5, seed=seed) for seed in (0, 1))
    random_pixels.cache_clear()
    np.testing.assert_array_equal(random_pixels(30, 40, fraction=0.5, seed=0), first)
    # Independent masks agree in half of the pixels, with the standard deviation sqrt(1200) / 2.
    assert abs((first == second).sum() - 600) < 5 * np.sqrt(1200) / 2


def test_every_pixel_is_equally_likely_to_be_missing():
    draws = [random_pixels(4, 5, fraction=0.3, seed=seed) for seed in range(2000)]
    np.testing.assert_allclose(np.mean(draws, axis=0), 0.3, atol=5 * np.sqrt(0.21 / 2000))


# Boxes.


def test_a_box_is_given_by_fractions_of_the_sides():
    missing = BoxMask([(0.25, 0.5, 0.75, 1)]).missing_map(8, 12)
    expected = np.zeros((8, 12), bool)
    expected[2:6, 6:12] = True
    np.testing.assert_array_equal(missing, expected)


def test_a_pixel_belongs_to_a_box_if_its_centre_does():
    boxes = ((0.11, 0.2, 0.47, 0.61), (0.4, 0.33, 0.9, 0.5))
    missing = BoxMask(boxes).missing_map(7, 9)
    for i in range(7):
        for j in range(9):
            y, x = (i + 0.5) / 7, (j + 0.5) / 9
            inside = [top <= y < bottom and left <= x < right for top, left, bottom, right in boxes]
            assert missing[i, j] == any(inside)


def test_adjacent_boxes_leave_no_gap_and_do_not_overlap():
    left, right = (BoxMask([(0, a, 1, b)]).missing_map(7, 9) for a, b in ((0, 0.3), (0.3, 1)))
    np.testing.assert_array_equal(left ^ right, np.ones((7, 9), bool))


@pytest.mark.parametrize(
    "boxes",
    [
        "[]",
        "(0.25, 0.25, 0.75, 0.75)",
        "[(0.5, 0, 0.5, 1)]",
        "[(0, 0, 2, 1)]",
        "[(-0.1, 0, 1, 1)]",
        "[(0, 0, 1)]",
        "[(0, 0, 1, True)]",
        "'0,0,1,1'",
        "[['a', 0, 1, 1]]",
        "3",
        "[(0, 0, 1, 1e999)]",
    ],
)
def test_an_invalid_list_of_boxes_is_refused(boxes):
    with pytest.raises(InputError, match=r"must be a list of boxes \[\(top, left, bottom, right\)"):
        CORRUPTIONS.parse(f"box_mask(boxes={boxes})")


# Scratches.


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(60, 100), (100, 60)])
def test_a_scratch_is_connected_and_runs_from_side_to_side(size, seed):
    missing = scratched(*size, count=1, thickness=2, seed=seed)
    assert scipy.ndimage.label(missing, np.ones((3, 3)))[1] == 1
    assert (missing[0].any() and missing[-1].any()) or (
        missing[:, 0].any() and missing[:, -1].any()
    )


@pytest.mark.parametrize("thickness", [1, 3, 8])
@pytest.mark.parametrize("seed", range(4))
def test_a_scratch_is_straight_and_has_the_given_width(thickness, seed):
    missing = np.argwhere(scratched(400, 400, count=1, thickness=thickness, seed=seed))
    across, along = np.linalg.eigvalsh(np.cov(missing.T))
    # The width follows from the variance of a uniform distribution. The ends and whole pixels
    # explain the tolerance.
    assert np.sqrt(12 * across) == pytest.approx(thickness, abs=0.25)
    assert np.sqrt(12 * along) > 390


def test_scratches_depend_on_the_seed_alone():
    first = scratched(50, 50, count=4, thickness=1, seed=0)
    scratched.cache_clear()
    np.testing.assert_array_equal(scratched(50, 50, count=4, thickness=1, seed=0), first)
    assert (scratched(50, 50, count=4, thickness=1, seed=1) != first).any()


# Halves.


@pytest.mark.parametrize(("size", "columns", "rows"), [((6, 8), 0, 0), ((7, 9), 7, 9)])
def test_opposite_halves_leave_the_middle_of_an_odd_size(size, columns, rows):
    for sides, middle in ((("left", "right"), columns), (("top", "bottom"), rows)):
        first, second = (HalfMask(side).missing_map(*size) for side in sides)
        assert not (first & second).any()
        assert (~first & ~second).sum() == middle


@pytest.mark.parametrize(
    ("side", "corner"), [("left", (3, 0)), ("right", (3, -1)), ("top", (0, 4)), ("bottom", (-1, 4))]
)
def test_the_named_half_is_missing(side, corner):
    missing = HalfMask(side).missing_map(6, 8)
    assert missing[corner]
    assert missing.sum() == 24
