"""The panel of corruptions: a group of controls for each row of the chain."""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from brgm_tf.app import chains
from brgm_tf.app.controls import CHOICE, NUMBER, SLIDER, SWITCH, Control, Offer
from brgm_tf.app.live import message
from brgm_tf.app.messages import refusal_of
from brgm_tf.app.owner import Owner


class ChainPanel(NamedTuple):
    """Components of the panel.

    Attributes:
        rows: state with the rows of the chain.
        shape: state that changes when rows are added or removed, so that they are drawn again.
        text: HTML of the text of the corruption.
        refusal: HTML of the message.
        name: dropdown of the corruption to add.
        add: button that adds it.
    """

    rows: Any
    shape: Any
    text: Any
    refusal: Any
    name: Any
    add: Any


def make_panel(owner: Owner) -> ChainPanel:
    """Makes the panel in the current Gradio layout; returns its components."""
    import gradio as gr

    rows, shape = gr.State([]), gr.State(0)

    @gr.render(inputs=[rows], triggers=[shape.change], show_progress="hidden")
    def draw(chain: list) -> None:
        _draw_rows(chain, owner, panel)

    with gr.Row(elem_classes="add-row"):
        name = gr.Dropdown(
            [(f"{offer.label}: {offer.help}", key) for key, offer in owner.corruptions.items()],
            label="Corruption to add",
            value=next(iter(owner.corruptions)),
            scale=4,
            min_width=200,
        )
        add = gr.Button("Add", scale=0, min_width=80)
    text = gr.HTML(elem_classes="chain")
    refusal = gr.HTML(elem_id="refusal-corruption")
    panel = ChainPanel(rows, shape, text, refusal, name, add)
    add.click(
        functools.partial(add_row, owner=owner),
        [rows, shape, name],
        [rows, shape, text, refusal],
        show_progress="hidden",
        api_visibility="private",
    )
    return panel


def described(rows: chains.Chain, owner: Owner) -> tuple[str, str]:
    """Returns the HTML of the text of a chain, and the HTML of a message."""
    try:
        text = chains.text_of(rows, owner.corruptions, most=owner.limits.stages)
    except Exception as error:
        return "", message(refusal_of(error, field=chains.FIELD).text)
    return f"<code>--corruption={html.escape(owner.public(text))}</code>", ""


def add_row(rows: list, shape: int, name: str, *, owner: Owner) -> tuple[list, int, str, str]:
    """Returns the rows with a further one, the next shape, and the texts."""
    if len(rows) >= owner.limits.stages or name not in owner.corruptions:
        text, _ = described(rows, owner)
        refusal = f"At most {owner.limits.stages} corruptions can follow one another."
        return rows, shape, text, message(refusal)
    new = chains.new_row(owner.corruptions[name])
    names = [row["name"] for row in (*rows[-1:], new)]
    is_noisy = [chains.adds_noise(each, owner.corruptions) for each in names] == [True, False]
    # Noise comes last.
    changed = [*rows[:-1], new, rows[-1]] if is_noisy else [*rows, new]
    return changed, shape + 1, *described(changed, owner)


def remove_row(rows: list, shape: int, *, index: int, owner: Owner) -> tuple[list, int, str, str]:
    """Returns the rows without one, the next shape, and the texts."""
    changed = [row for i, row in enumerate(rows) if i != index]
    return changed, shape + 1, *described(changed, owner)


def gathered(
    rows: list, *values: object, layout: Sequence[tuple[int, str, str]], owner: Owner
) -> tuple[list, str, str]:
    """Returns the rows with the values of their controls, and the texts.

    Args:
        rows: the rows before.
        values: value of each control.
        layout: index of the row, name of the parameter, and 'values' or 'unknown', for each value.
        owner: what the owner allows.
    """
    changed = [{**row, "values": dict(row["values"]), "unknown": {}} for row in rows]
    for (index, name, part), value in zip(layout, values, strict=True):
        if index >= len(changed):
            continue
        if part == "values":
            changed[index]["values"][name] = value
        elif value:
            # The bounds of an example are kept.
            changed[index]["unknown"][name] = rows[index]["unknown"].get(name)
    return changed, *described(changed, owner)


def _draw_rows(chain: list, owner: Owner, panel: ChainPanel) -> None:
    """Draws the controls of all rows, and connects them."""
    import gradio as gr

    components: list[Any] = []
    layout: list[tuple[int, str, str]] = []
    for index, row in enumerate(chain):
        offer = owner.corruptions[row["name"]]
        with gr.Group():
            _draw_head(index, offer, owner, panel)
            first = [control for control in offer.controls if control.is_primary]
            rest = [control for control in offer.controls if not control.is_primary]
            parts = [_draw_control(control, index, row) for control in first]
            if rest:
                with gr.Accordion("Options", open=False):
                    parts += [_draw_control(control, index, row) for control in rest]
        for part in parts:
            for place, component in part.items():
                layout.append(place)
                components.append(component)
    gather = functools.partial(gathered, layout=layout, owner=owner)
    for component in components:
        component.change(
            gather,
            [panel.rows, *components],
            [panel.rows, panel.text, panel.refusal],
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )


def _draw_head(index: int, offer: Offer, owner: Owner, panel: ChainPanel) -> None:
    import gradio as gr

    with gr.Row(equal_height=True):
        gr.HTML(
            f"<h3>{index + 1}. {html.escape(offer.label)}</h3><p>{html.escape(offer.help)}</p>",
            elem_classes="corruption",
            padding=True,
        )
        remove = gr.Button(f"Remove {offer.label}", size="sm", scale=0, min_width=130)
    remove.click(
        functools.partial(remove_row, index=index, owner=owner),
        [panel.rows, panel.shape],
        [panel.rows, panel.shape, panel.text, panel.refusal],
        show_progress="hidden",
        api_visibility="private",
    )


def _draw_control(
    control: Control, index: int, row: Mapping[str, Any]
) -> dict[tuple[int, str, str], Any]:
    """Draws a control; returns its components by their place in the rows."""
    import gradio as gr

    component = _component(control, row["values"].get(control.name, control.start))
    components = {(index, control.name, "values"): component}
    if control.unknown:
        components[index, control.name, "unknown"] = gr.Checkbox(
            control.name in row["unknown"],
            label=f"{control.label} is unknown: infer it with the image",
            interactive=True,
        )
    return components


def _component(control: Control, value: Any) -> Any:
    """Returns the Gradio component of a control."""
    import gradio as gr

    options: dict[str, Any] = {"label": control.label, "info": control.help, "interactive": True}
    if control.kind == SLIDER:
        low, high = min(control.low, value), max(control.high, value)
        return gr.Slider(low, high, value=value, step=control.step, **options)
    if control.kind == NUMBER:
        return gr.Number(value, precision=0 if control.step == 1 else None, **options)
    if control.kind == CHOICE:
        return gr.Dropdown(list(control.choices), value=value, **options)
    if control.kind == SWITCH:
        return gr.Checkbox(value, **options)
    return gr.Textbox(str(value), max_lines=1, max_length=200, **options)
