"""Methods that restore with brgm_tf: an estimator with options, as in 'map(layer_scale=0.3)'."""

from __future__ import annotations

import dataclasses
import re

from brgm_tf.core.errors import InputError
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.pipeline.config import Config

_PATTERN = re.compile(r"(\w+)(?:\((.*)\))?")
_FIELDS = {field.name for field in dataclasses.fields(Config)}
# An estimator that draws samples also answers with their mean and with a sample.
PARTS_OF_SAMPLES = ("mean", "draw")


@dataclasses.dataclass(frozen=True)
class Setting:
    """An estimator and the options that differ from the command's.

    Args:
        text: Name of the method.
        estimator: Name of the estimator.
        fields: Values of fields of `Config`.
        overrides: Values of fields of the objective.

    Example:
        >>> Setting.parse("map(objective=brgm_torch, num_steps=501)").fields
        {'objective': 'brgm_torch', 'num_steps': 501}
        >>> Setting.parse("vi").methods
        ['vi', 'vi: mean', 'vi: draw']
    """

    text: str
    estimator: str
    fields: dict[str, object]
    overrides: dict[str, object]

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Returns the setting of a text, 'ESTIMATOR' or 'ESTIMATOR(NAME=VALUE, ...)'.

        Raises:
            InputError: The text has another form, or there is no such estimator.
        """
        match = _PATTERN.fullmatch(text.strip())
        if match is None or match[1] not in ESTIMATORS:
            raise InputError(
                "estimators",
                f"must be one of {', '.join(ESTIMATORS)}, with options as in "
                "'map(layer_scale=0.3, num_steps=100)'",
                estimator=text,
            )
        pairs = [pair.partition("=") for pair in (match[2] or "").split(",") if pair.strip()]
        values = {name.strip(): _value(value.strip()) for name, _, value in pairs}
        return cls(
            text,
            match[1],
            fields={name: value for name, value in values.items() if name in _FIELDS},
            overrides={name: value for name, value in values.items() if name not in _FIELDS},
        )

    @property
    def methods(self) -> list[str]:
        """Names of the methods whose results the estimator gives."""
        if not ESTIMATORS[self.estimator].samples:
            return [self.text]
        return [self.text, *(f"{self.text}: {part}" for part in PARTS_OF_SAMPLES)]


def _value(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
