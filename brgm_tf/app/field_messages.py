"""Messages at the fields of the page: a group of components has one place for them."""

from __future__ import annotations

from typing import Any

from brgm_tf.app import live
from brgm_tf.app.layout import Layout, Refusals
from brgm_tf.app.messages import Refusal

# The message of a field is at the group of its component; all others are at the button.
_GROUPS = {
    **dict.fromkeys(
        ("input", "input_kind", "images", "align", "faces", "plane", "slices", "window"), "input"
    ),
    **dict.fromkeys(("generator", "class", "class_label"), "generator"),
    **dict.fromkeys(("estimator", "num_steps", "num_samples", "adaptation_steps", "seed"), "more"),
    "masks": "masks",
}


class FieldMessages:
    """The components of the messages, and their values.

    Args:
        layout: components of the page.

    Attributes:
        components: HTML of the message at each group, and at the corruption.
    """

    def __init__(self, layout: Layout):
        self.components: list[Any] = [*layout.refusals, layout.inputs.chain.refusal]

    def values(self, refusal: Refusal | None = None) -> list[str]:
        """Returns the values of `components`: one message, or none."""
        texts = dict.fromkeys(Refusals._fields, "")
        text = "" if refusal is None else live.message(refusal.text)
        is_of_chain = refusal is not None and refusal.field == "corruption"
        if refusal is not None and not is_of_chain:
            texts[_GROUPS.get(refusal.field, "run")] = text
        return [*texts.values(), text if is_of_chain else ""]
