"""Rows of the page become the text of the flag, and nothing else does."""

import pytest

from brgm_tf.app import chains
from brgm_tf.app.controls import offered_corruptions
from brgm_tf.app.messages import Refusal
from brgm_tf.core.errors import InputError

OFFERS = offered_corruptions()


def text_of(*rows):
    return chains.text_of(rows, OFFERS, most=4)


def row(name, unknown=None, **values):
    made = chains.new_row(OFFERS[name])
    return {**made, "values": {**made["values"], **values}, "unknown": unknown or {}}


def test_rows_are_a_chain():
    assert (
        text_of(row("blur", sigma=3.5), row("noise", scale=5)) == "blur(sigma=3.5) + noise(scale=5)"
    )


def test_no_rows_are_no_corruption():
    assert text_of() == "none"


@pytest.mark.parametrize(
    "text",
    [
        "blur(sigma=unknown(1.5, 5)) + noise(scale=3)",
        "noise(scale=unknown)",
        "box_mask(boxes=[(0.1, 0.2, 0.6, 0.7)])",
        "half_mask(side='top')",
        "none",
    ],
)
def test_a_text_survives_the_rows(text):
    assert text_of(*chains.rows_of(text, OFFERS)) == text


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "kernel_blur", "values": {"file": "/etc/passwd"}},
        {"name": "evil.py:Corruption", "values": {}},
        {"name": "none", "values": {}},
        {"name": ["blur"], "values": {}},
        {},
        row("blur", sigma="3) + kernel_blur(file='/etc/passwd.npy'"),
        row("half_mask", side="left') + noise(scale=5"),
        row("box_mask", boxes="__import__('os').system('id')"),
        row("noise", scale=True),
        row("noise", scale=None),
    ],
)
def test_a_row_of_another_form_is_refused(bad):
    with pytest.raises(Refusal) as refusal:
        text_of(bad)
    assert refusal.value.field == "corruption"


@pytest.mark.parametrize("bad", [row("noise", scale=-1), row("jpeg", quality=101)])
def test_a_value_out_of_range_is_refused_by_the_registry(bad):
    with pytest.raises(InputError, match="parameter"):
        text_of(bad)


def test_a_sixth_row_is_refused():
    with pytest.raises(Refusal, match="At most 4"):
        text_of(*[row("blur")] * 5)


def test_noise_before_another_stage_is_refused():
    with pytest.raises(InputError, match="noise"):
        text_of(row("noise"), row("blur"))


def test_a_mask_is_added_before_the_noise():
    rows = chains.with_mask([row("downsample"), row("noise")], OFFERS)
    assert text_of(*rows) == "downsample(factor=4) + mask() + noise(scale=10)"


def test_a_mask_is_added_once():
    rows = chains.with_mask([row("mask")], OFFERS)
    assert text_of(*rows) == "mask()"


def test_one_box_may_stand_without_a_list():
    text = text_of(row("box_mask", boxes=" (0, 0, 0.5, 0.5) "))
    assert text == "box_mask(boxes=[(0, 0, 0.5, 0.5)])"
