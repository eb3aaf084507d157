"""Checks of single values: accepted values, and errors for the others."""

from pathlib import Path

import numpy as np
import pytest

from brgm_tf.core import validation
from brgm_tf.core.errors import InputError


@pytest.mark.parametrize("value", [1, np.int64(1), 2**31 - 1])
def test_positive_int_accepts(value):
    assert validation.positive_int(value) == value
    assert type(validation.positive_int(value)) is int


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, [1], 2**31, np.ones(2), 1j])
def test_positive_int_refuses(value):
    with pytest.raises(ValueError, match="must be a positive integer"):
        validation.positive_int(value)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5)])
def test_positive_float_accepts(value):
    assert validation.positive_float(value) == value
    assert type(validation.positive_float(value)) is float


@pytest.mark.parametrize(
    "value", [0, -0.5, True, float("inf"), float("nan"), 10**400, "1", None, 1j, np.ones(2)]
)
def test_positive_float_refuses(value):
    with pytest.raises(ValueError, match="must be a positive number"):
        validation.positive_float(value)


@pytest.mark.parametrize(
    ("value", "kind"), [(1, int), (2.0, int), (np.int64(3), int), (2.5, float), (2**31 - 1, int)]
)
def test_ratio_converts_whole_numbers_to_integers(value, kind):
    assert validation.ratio(value) == value
    assert type(validation.ratio(value)) is kind


@pytest.mark.parametrize("value", [0, 0.99, -2, True, float("inf"), float("nan"), 2**31, "2", None])
def test_ratio_refuses(value):
    with pytest.raises(ValueError, match="must be a number of at least 1"):
        validation.ratio(value)


@pytest.mark.parametrize("value", [-1, 1, 0.25, np.float32(0.25)])
def test_number_accepts_its_closed_interval(value):
    assert validation.number(-1, 1)(value) == value


@pytest.mark.parametrize("value", [-1.01, 2, True, float("nan"), 10**400, "0", None, 1j])
def test_number_refuses(value):
    with pytest.raises(ValueError, match=r"must be a number in \[-1, 1\]"):
        validation.number(-1, 1)(value)


@pytest.mark.parametrize("value", [0, 1, -0.1, True, float("nan"), "0.5", None])
def test_fraction_refuses_the_ends_of_its_interval(value):
    assert validation.fraction(np.float32(0.5)) == 0.5
    with pytest.raises(ValueError, match="must be a number between 0 and 1, both excluded"):
        validation.fraction(value)


def test_optional_accepts_none_and_states_it():
    check = validation.optional(validation.positive_int)
    assert (check(None), check(3)) == (None, 3)
    with pytest.raises(ValueError, match="must be a positive integer, or None"):
        check(0)


@pytest.mark.parametrize("value", ["c", "", 1, None, ["a"], np.array(["a", "b"])])
def test_one_of_refuses(value):
    with pytest.raises(ValueError, match="must be one of a, b"):
        validation.one_of("a", "b")(value)


@pytest.mark.parametrize("value", [0, 1, "True", None, np.True_])
def test_boolean_refuses(value):
    assert validation.boolean(True) is True
    with pytest.raises(ValueError, match="must be True or False"):
        validation.boolean(value)


@pytest.mark.parametrize("value", ["k.npy", "a/K.PNG", Path("k.png")])
def test_file_name_accepts_suffixes_in_any_case(value):
    assert validation.file_name(".npy", ".png")(value) == str(value)


@pytest.mark.parametrize("value", ["k.txt", "npy", "", 1, None, ["k.npy"], b"k.npy"])
def test_file_name_refuses(value):
    with pytest.raises(ValueError, match=r"must be the path of a file that ends in \.npy or \.png"):
        validation.file_name(".npy", ".png")(value)


def test_checked_names_the_argument():
    with pytest.raises(InputError, match=r"^`size` must be a positive integer\. .*size=0$"):
        validation.checked("size", 0, validation.positive_int)
