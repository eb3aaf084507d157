"""Schedules in the syntax of the command line; this module imports no TensorFlow."""

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
    """A schedule of optimization.

    Args:
        name: Text of the schedule.
        objective: Name of a row of `objectives.OBJECTIVES`.
        overrides: Values of the objective's fields, including the optimizer.
        num_steps: Number of steps; None for the default of the command.
    """

    name: str
    objective: str
    overrides: Mapping[str, float | str]
    num_steps: int | None = None


def parse(text: str) -> Plan:
    """Reads 'brgm_torch:adam' or 'brgm_torch:adam,num_steps=80,rampdown=0.5'.

    Raises:
        ValueError: The text is malformed; the message describes the syntax.
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
