"""Chains of corruptions as plain data: the rows of the page, and the text of the flag.

A row is {"name": name, "values": {parameter: value}, "unknown": {parameter: bounds or None}}.
Everything in a row comes from a visitor, so everything is checked.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from brgm_tf.app.controls import CHOICE, SWITCH, TEXT, Control, Offer
from brgm_tf.app.messages import Refusal
from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.corruptions import parsing

Chain = Sequence[Mapping[str, Any]]
FIELD = "corruption"
MASK = "mask"
_MAX_TEXT = 200


def new_row(offer: Offer) -> dict[str, Any]:
    """Returns the row of a corruption with the first value of each control."""
    values = {control.name: control.start for control in offer.controls}
    return {"name": offer.label, "values": values, "unknown": {}}


def rows_of(text: str, offers: Mapping[str, Offer]) -> list[dict[str, Any]]:
    """Returns the rows of a text such as 'blur(sigma=unknown(1, 4)) + noise(scale=5)'.

    Args:
        text: Corruption that can be parsed.
        offers: Corruptions that the page offers.

    Raises:
        InputError: The text cannot be parsed.
        Refusal: The page does not offer a corruption of the text.
    """
    rows = []
    for call in parsing.parse(text).calls:
        if call.name == "none":
            continue
        row = new_row(_offer(call.name.rpartition("/")[2], offers))
        for name, value in call.arguments.items():
            if isinstance(value, ParameterPrior):
                row["unknown"][name] = list(value.bounds) if value.bounds[0] > 0 else None
            elif name in row["values"]:
                row["values"][name] = value
        rows.append(row)
    return rows


def text_of(rows: Chain, offers: Mapping[str, Offer], *, most: int) -> str:
    """Returns the text of the flag for rows, with every value checked; 'none' without rows.

    Args:
        rows: Rows of a visitor.
        offers: Corruptions that the page offers.
        most: Largest number of rows.

    Raises:
        InputError: A value is refused, or a stage cannot follow another one.
        Refusal: The page does not offer a corruption, or a row has another form.
    """
    if len(rows) > most:
        raise Refusal(FIELD, f"At most {most} corruptions can follow one another.")
    text = " + ".join(_call(row, offers) for row in rows) or "none"
    parsing.parse(text)
    return text


def with_mask(rows: Chain, offers: Mapping[str, Offer]) -> list[Mapping[str, Any]]:
    """Returns rows with a mask, which is added before the noise if they have none."""
    rows = list(rows)
    if any(row.get("name") == MASK for row in rows) or MASK not in offers:
        return rows
    is_noisy = bool(rows) and adds_noise(str(rows[-1].get("name")), offers)
    place = len(rows) - 1 if is_noisy else len(rows)
    return [*rows[:place], new_row(offers[MASK]), *rows[place:]]


def adds_noise(name: object, offers: Mapping[str, Offer]) -> bool:
    """Returns whether an offered corruption adds noise, which comes last.

    Raises:
        Refusal: The page does not offer the corruption.
    """
    kind: Any = parsing.row_of(_offer(name, offers).name).load()
    return bool(kind.adds_noise)


def _call(row: Mapping[str, Any], offers: Mapping[str, Offer]) -> str:
    offer = _offer(row.get("name"), offers)
    values, unknown = row.get("values", {}), row.get("unknown", {})
    parts = [
        f"{control.name}={_literal(control, values.get(control.name), unknown)}"
        for control in offer.controls
        if control.name in unknown or values.get(control.name) != control.default
    ]
    return f"{offer.name}({', '.join(parts)})"


def _offer(name: object, offers: Mapping[str, Offer]) -> Offer:
    if not isinstance(name, str) or name not in offers:
        raise Refusal(FIELD, "This page does not offer that corruption.")
    return offers[name]


def _literal(control: Control, value: Any, unknown: Mapping[str, Any]) -> str:
    """Returns the value of a parameter as a literal, so that no text of a visitor is parsed."""
    if control.unknown and control.name in unknown:
        bounds = unknown[control.name]
        return "unknown" if bounds is None else "unknown({:g}, {:g})".format(*map(float, bounds))
    if control.kind == CHOICE:
        if value not in control.choices:
            raise Refusal(FIELD, f"{control.label} must be one of {', '.join(control.choices)}.")
        return repr(value)
    if control.kind == SWITCH:
        return repr(bool(value))
    if control.kind == TEXT:
        return _checked_text(control, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(FIELD, f"{control.label.capitalize()} needs a number.")
    return repr(int(value) if float(value).is_integer() else float(value))


def _checked_text(control: Control, value: Any) -> str:
    """Returns a literal that a visitor has typed; numbers of one box become a list of it."""
    try:
        literal = ast.literal_eval(str(value)[:_MAX_TEXT].strip())
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise Refusal(FIELD, f"{control.label.capitalize()} must be numbers in brackets.") from None
    is_one = isinstance(literal, tuple) and all(isinstance(v, int | float) for v in literal)
    is_sequence = isinstance(literal, tuple | list)
    return repr([literal] if is_one else list(literal) if is_sequence else literal)
