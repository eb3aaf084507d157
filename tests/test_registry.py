"""Registries: parsing of calls, checks of values, and messages of one line."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from brgm_tf import registry as registries
from brgm_tf.errors import InputError
from brgm_tf.registry import REQUIRED, Call, Parameter, Registry, Row

TABLE = Registry(
    "thing",
    {
        "plain": Row("fractions:Fraction", "no parameters"),
        "fraction": Row(
            "fractions:Fraction",
            "two parameters",
            {
                "numerator": Parameter(REQUIRED, registries.positive_int, "upper part"),
                "denominator": Parameter(2, registries.positive_int, "lower part"),
            },
        ),
        "checks": Row(
            "fractions:Fraction",
            "one of each check",
            {
                "size": Parameter(1.0, registries.positive_float),
                "level": Parameter(0.0, registries.number(-1, 1)),
                "kind": Parameter("a", registries.one_of("a", "b")),
            },
        ),
    },
)


@pytest.mark.parametrize("text", ["plain", "plain()", " plain ( ) ", "plain(\n)"])
def test_a_name_needs_no_brackets(text):
    assert TABLE.parse(text) == Call("plain", {})


def test_defaults_are_filled_in():
    assert TABLE.parse("fraction(numerator=3)").arguments == {"numerator": 3, "denominator": 2}


def test_a_call_prints_as_it_is_parsed():
    call = TABLE.parse("checks(kind='b', level=-1)")
    assert str(call) == "checks(size=1.0, level=-1.0, kind='b')"
    assert TABLE.parse(str(call)) == call


FILES = Registry(
    "thing",
    {
        "read": Row(
            "pathlib:Path",
            "a file, or a word",
            {
                "source": Parameter(
                    "a",
                    registries.either(registries.one_of("a", "b"), registries.file_name(".npy")),
                    suffixes=(".npy",),
                ),
                "level": Parameter(0.0, registries.number(-1, 1)),
            },
        )
    },
)


def test_paths_of_files_are_made_absolute_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    found = FILES.absolute("read(level=1,  source='it''s/a b.NPY')")
    assert FILES.parse(found).arguments == {"source": f"{tmp_path}/its/a b.NPY", "level": 1}
    assert FILES.absolute(found) == found
    assert FILES.absolute("read(source='~/a.npy')") == "read(source='/home/someone/a.npy')"
    for text in ("read", "read( level=1 )", "read(source='b' )"):
        assert FILES.absolute(text) == text


def test_either_says_all_that_would_have_done():
    with pytest.raises(InputError, match=r"must be one of a, b, or the path of a file that ends"):
        FILES.parse("read(source='c')")


def test_create_calls_the_class():
    assert str(TABLE.create(TABLE.parse("fraction(numerator=3)"))) == "3/2"


def test_parsing_does_not_import_the_class():
    table = Registry("thing", {"absent": Row("no_such_module:Class", "")})
    assert table.parse("absent").name == "absent"


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


HOSTILE = [
    "",
    "   ",
    "plain(",
    "plain)",
    "plain()()",
    "plain().real",
    "plain(1)",
    "plain(*[1])",
    "plain(**{'numerator': 1})",
    "fraction(numerator=1, numerator=2)",
    "fraction(numerator=__import__('os').system('true'))",
    "fraction(numerator=open)",
    "fraction(numerator=2**9999)",
    "fraction(numerator=[x for x in ()])",
    "fraction(numerator={[]: 1})",
    "fraction(numerator=f'{1}')",
    "checks(kind=a)",
    "__import__('os')",
    "lambda: 1",
    "plain; plain",
    "plain\nplain",
    "plain\0",
    "\ud800",
    "pl\u2028ain",
    "'\\d'.x(1or 2)",
    "plain(" + "(" * 900,
    "fraction(numerator=" + "-" * 900 + "1)",
    "fraction(numerator=" + "9" * 900 + ")",
    "fraction(numerator=0x" + "f" * 100_000 + ")",
    "(" * 1_000_000,
    None,
    3,
    b"plain",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_an_input_error_of_one_short_line(text):
    with pytest.raises(InputError) as caught:
        TABLE.parse(text)
    message = str(caught.value)
    assert message.startswith("`thing` ")
    assert len(message.splitlines()) == 1
    assert len(message) < 2 * registries.MAX_TEXT + 200


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        InputError, match=r"`thing` must be one of plain, fraction, checks\..*'nop'"
    ):
        TABLE.parse("nop(numerator=1)")


@pytest.mark.parametrize("key", ["other", "argument", "expected", "remedy", "self", "name"])
def test_an_unknown_parameter_lists_the_known_ones(key):
    with pytest.raises(InputError) as caught:
        TABLE.parse(f"fraction(numerator=1, {key}=2)")
    assert f"has no parameter '{key}' in fraction()" in str(caught.value)
    assert "it takes: numerator, denominator" in str(caught.value)
    assert f"{key}=2" in str(caught.value)


def test_a_missing_parameter_is_named_with_its_meaning():
    with pytest.raises(InputError, match=r"needs the parameter 'numerator' \(upper part\)"):
        TABLE.parse("fraction")


def test_a_refused_value_is_named_with_what_was_expected():
    expected = (
        "`thing` parameter 'numerator' of fraction() must be a positive integer. "
        "Received: numerator=-3"
    )
    with pytest.raises(InputError) as caught:
        TABLE.parse("fraction(numerator=-3)")
    assert str(caught.value) == expected
    assert caught.value.argument == "thing"


@pytest.mark.parametrize("value", [1, np.int64(1), 2**31 - 1])
def test_positive_int_accepts(value):
    assert registries.positive_int(value) == value
    assert type(registries.positive_int(value)) is int


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, [1], 2**31, np.ones(2), 1j])
def test_positive_int_refuses(value):
    with pytest.raises(ValueError, match="must be a positive integer"):
        registries.positive_int(value)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5)])
def test_positive_float_accepts(value):
    assert registries.positive_float(value) == value
    assert type(registries.positive_float(value)) is float


@pytest.mark.parametrize(
    "value", [0, -0.5, True, float("inf"), float("nan"), 10**400, "1", None, 1j, np.ones(2)]
)
def test_positive_float_refuses(value):
    with pytest.raises(ValueError, match="must be a positive number"):
        registries.positive_float(value)


@pytest.mark.parametrize(
    ("value", "kind"), [(1, int), (2.0, int), (np.int64(3), int), (2.5, float), (2**31 - 1, int)]
)
def test_ratio_makes_whole_numbers_integers(value, kind):
    assert registries.ratio(value) == value
    assert type(registries.ratio(value)) is kind


@pytest.mark.parametrize("value", [0, 0.99, -2, True, float("inf"), float("nan"), 2**31, "2", None])
def test_ratio_refuses(value):
    with pytest.raises(ValueError, match="must be a number of at least 1"):
        registries.ratio(value)


@pytest.mark.parametrize("value", [-1, 1, 0.25, np.float32(0.25)])
def test_number_accepts_its_closed_interval(value):
    assert registries.number(-1, 1)(value) == value


@pytest.mark.parametrize("value", [-1.01, 2, True, float("nan"), 10**400, "0", None, 1j])
def test_number_refuses(value):
    with pytest.raises(ValueError, match=r"must be a number in \[-1, 1\]"):
        registries.number(-1, 1)(value)


@pytest.mark.parametrize("value", [0, 1, -0.1, True, float("nan"), "0.5", None])
def test_fraction_refuses_the_ends_of_its_interval(value):
    assert registries.fraction(np.float32(0.5)) == 0.5
    with pytest.raises(ValueError, match="must be a number between 0 and 1, both excluded"):
        registries.fraction(value)


def test_optional_accepts_none_and_says_so():
    check = registries.optional(registries.positive_int)
    assert (check(None), check(3)) == (None, 3)
    with pytest.raises(ValueError, match="must be a positive integer, or None"):
        check(0)


@pytest.mark.parametrize("value", ["c", "", 1, None, ["a"], np.array(["a", "b"])])
def test_one_of_refuses(value):
    with pytest.raises(ValueError, match="must be one of a, b"):
        registries.one_of("a", "b")(value)


@pytest.mark.parametrize("value", [0, 1, "True", None, np.True_])
def test_boolean_refuses(value):
    assert registries.boolean(True) is True
    with pytest.raises(ValueError, match="must be True or False"):
        registries.boolean(value)


@pytest.mark.parametrize("value", ["k.npy", "a/K.PNG", Path("k.png")])
def test_file_name_accepts_suffixes_in_any_case(value):
    assert registries.file_name(".npy", ".png")(value) == str(value)


@pytest.mark.parametrize("value", ["k.txt", "npy", "", 1, None, ["k.npy"], b"k.npy"])
def test_file_name_refuses(value):
    with pytest.raises(ValueError, match=r"must be the path of a file that ends in \.npy or \.png"):
        registries.file_name(".npy", ".png")(value)


def test_checked_names_the_argument():
    with pytest.raises(InputError, match=r"^`size` must be a positive integer\. .*size=0$"):
        registries.checked("size", 0, registries.positive_int)


def test_corruptions_are_parsed_without_tensorflow():
    program = (
        "import sys; from brgm_tf.corruptions import CORRUPTIONS; "
        "CORRUPTIONS.parse('downsample(factor=4)'); "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
