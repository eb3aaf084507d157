"""Schedules as the command line writes them. TensorFlow is not imported here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from brgm_tf.core.errors import InputError
from brgm_tf.posterior.objectives import OBJECTIVES, OPTIMIZERS, objective

EXPECTED = (
    "must be OBJECTIVE:OPTIMISER, of "
    f"{', '.join(OBJECTIVES)} and {', '.join(OPTIMIZERS)}, and may be followed by ',num_steps=80' "
    "and by values of the objective, such as ',rampdown=0.5'"
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How an objective is climbed.

    Args:
        name: as it was written.
        objective: a name of `objectives.OBJECTIVES`.
        overrides: of its fields, the optimiser among them.
        num_steps: None for that of the other schedules.
    """

    name: str
    objective: str
    overrides: Mapping[str, float | str]
    num_steps: int | None = None


def parse(text: str) -> Plan:
    """Reads 'brgm_torch:adam' or 'brgm_torch:adam,num_steps=80,rampdown=0.5'.

    Raises:
        ValueError: it is no schedule; the message says what one is.
    """
    first, *others = text.split(",")
    name, _, optimizer = first.partition(":")
    try:
        values = {key: float(value) for key, _, value in (o.partition("=") for o in others)}
        steps = values.pop("num_steps", None)
        if optimizer not in OPTIMIZERS or not (steps is None or (steps >= 1 and steps % 1 == 0)):
            raise ValueError(text)
        overrides = {"optimizer": optimizer, **values}
        objective(name, **overrides)
    except (InputError, ValueError):
        raise ValueError(EXPECTED) from None
    return Plan(text, name, overrides, None if steps is None else int(steps))
