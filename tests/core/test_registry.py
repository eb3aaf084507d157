"""Registries: parsing of calls, and error messages of one line."""

import dataclasses

import numpy as np
import pytest
from hostile_texts import HOSTILE
from registered_classes import Fraction

from brgm_tf.core import registry as registries
from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import Call, Registry, Row

TABLE = Registry(
    "thing",
    {
        "plain": Row("registered_classes:Plain", "no parameters"),
        "fraction": Row("registered_classes:Fraction", "two parameters"),
        "checks": Row("registered_classes:Checks", "one parameter for each check"),
    },
)
FILES = Registry("thing", {"read": Row("registered_classes:Read", "a file, or a word")})


@pytest.mark.parametrize("text", ["plain", "plain()", " plain ( ) ", "plain(\n)"])
def test_brackets_are_optional_without_parameters(text):
    assert TABLE.parse(text) == Call("plain", {})


def test_defaults_are_filled_in():
    assert TABLE.parse("fraction(numerator=3)").arguments == {"numerator": 3, "denominator": 2}


def test_a_call_round_trips_through_text():
    call = TABLE.parse("checks(kind='b', level=-1)")
    assert str(call) == "checks(size=1.0, level=-1.0, kind='b')"
    assert TABLE.parse(str(call)) == call


def test_absolute_changes_only_the_paths_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    call_text = FILES.absolute("read(level=1,  source='it''s/a b.NPY')")
    assert FILES.parse(call_text).arguments == {"source": f"{tmp_path}/its/a b.NPY", "level": 1}
    assert FILES.absolute(call_text) == call_text
    assert FILES.absolute("read(source='~/a.npy')") == "read(source='/home/someone/a.npy')"
    for text in ("read", "read( level=1 )", "read(source='b' )"):
        assert FILES.absolute(text) == text


def test_the_error_of_either_lists_all_alternatives():
    with pytest.raises(InputError, match=r"must be one of a, b, or the path of a file that ends"):
        FILES.parse("read(source='c')")


def test_create_calls_the_class():
    assert str(TABLE.create(TABLE.parse("fraction(numerator=3)")).value()) == "3/2"


def test_a_constructor_checks_its_arguments_like_the_parser():
    kind = TABLE["fraction"].load()
    assert kind(np.int64(3)) == kind(3, 2)
    with pytest.raises(InputError) as caught:
        kind(numerator=-3)
    expected = "`numerator` must be a positive integer. Received: numerator=-3"
    assert str(caught.value) == expected


def test_listing_and_naming_import_no_class():
    table = Registry("thing", {"absent": Row("no_such_module:Class", "help")})
    assert [row.help for row in table.values()] == ["help"]
    assert table.name_of(Fraction) == ""
    assert TABLE.name_of(Fraction) == "fraction"


def test_a_registry_is_a_read_only_mapping():
    assert list(TABLE) == ["plain", "fraction", "checks"]
    assert len(TABLE) == 3
    assert "plain" in TABLE
    assert "other" not in TABLE
    with pytest.raises(TypeError):
        TABLE["new"] = TABLE["plain"]


def test_rows_and_calls_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TABLE["plain"].target = "os:system"
    with pytest.raises(dataclasses.FrozenInstanceError):
        TABLE.parse("plain").name = "other"


def test_hostile_text_is_an_input_error_of_one_short_line():
    for text in HOSTILE:
        with pytest.raises(InputError) as caught:
            TABLE.parse(text)
        message = str(caught.value)
        assert message.startswith("`thing` "), text
        assert len(message.splitlines()) == 1, text
        assert len(message) < 2 * registries.MAX_TEXT + 200, text


def test_an_unknown_name_lists_the_known_names():
    with pytest.raises(
        InputError, match=r"`thing` must be one of plain, fraction, checks\..*'nop'"
    ):
        TABLE.parse("nop(numerator=1)")


@pytest.mark.parametrize("key", ["other", "argument", "expected", "remedy", "self", "name"])
def test_an_unknown_parameter_lists_the_known_parameters(key):
    with pytest.raises(InputError) as caught:
        TABLE.parse(f"fraction(numerator=1, {key}=2)")
    assert f"has no parameter '{key}' in fraction()" in str(caught.value)
    assert "it takes: numerator, denominator" in str(caught.value)
    assert f"{key}=2" in str(caught.value)


def test_the_error_for_a_missing_parameter_states_its_name_and_meaning():
    with pytest.raises(InputError, match=r"needs the parameter 'numerator' \(upper part\)"):
        TABLE.parse("fraction")


def test_the_error_for_a_refused_value_states_its_name_and_the_expected_values():
    expected = (
        "`thing` parameter 'numerator' of fraction() must be a positive integer. "
        "Received: numerator=-3"
    )
    with pytest.raises(InputError) as caught:
        TABLE.parse("fraction(numerator=-3)")
    assert str(caught.value) == expected
    assert caught.value.argument == "thing"
