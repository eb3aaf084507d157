"""Messages for visitors have no path of the server and no traceback."""

import logging

import pytest

from brgm_tf.app.messages import Refusal, refusal_of, without_paths
from brgm_tf.core.errors import CombinedInputError, InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /srv/data/x.png", "cannot read x.png"),
        ("cannot read '/srv/my data/x.png'", "cannot read 'x.png'"),
        ("path=PosixPath('/tmp/a/b.nii.gz')", "path=PosixPath('b.nii.gz')"),
        (r"'C:\Users\me\x.png' is empty", "'x.png' is empty"),
        ("grey levels are 1/255 of 1 and / or 2", "grey levels are 1/255 of 1 and / or 2"),
        ("blur(sigma=3) + noise(scale=5)", "blur(sigma=3) + noise(scale=5)"),
    ],
)
def test_paths_become_names(text, expected):
    assert without_paths(text) == expected


def test_an_input_error_is_a_message_at_its_field():
    refusal = refusal_of(InputError("num_steps", "must be positive", num_steps=0))
    assert (refusal.field, refusal.text) == (
        "num_steps",
        "Num steps must be positive. Received: num_steps=0",
    )


def test_the_first_of_several_errors_is_the_message():
    errors = [InputError("input", "must exist"), InputError("masks", "must exist")]
    assert refusal_of(CombinedInputError(errors)).text == "Input must exist."


def test_an_unexpected_error_is_logged_and_stays_private(caplog):
    with caplog.at_level(logging.ERROR):
        refusal = refusal_of(OSError("/root/secret: disk full"), field="input")
    assert "secret" not in refusal.text
    assert "disk full" in caplog.text


def test_a_refusal_stays_as_it_is():
    refusal = Refusal("masks", "Paint the missing pixels.")
    assert refusal_of(refusal, field="input") is refusal
