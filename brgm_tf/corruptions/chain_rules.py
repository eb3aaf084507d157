"""What holds of the stages of a chain, whether they are objects or only named yet.

TensorFlow is not imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from brgm_tf.core.errors import InputError


class Outline(NamedTuple):
    """A stage: what it is called, whether it adds noise, names of its data and its unknowns."""

    label: str
    adds_noise: bool
    data_names: tuple[str, ...]
    parameter_priors: tuple[str, ...]


def check_order(stages: Sequence[Outline], *, argument: str) -> None:
    """Checks that there are stages, that noise is the last one, and that no two share names.

    Args:
        stages: first to last.
        argument: name of the argument that they are of.

    Raises:
        InputError: one of these does not hold.
    """
    if not stages:
        raise InputError(argument, "must be at least one")
    for i, stage in enumerate(stages, start=1):
        if stage.adds_noise and i < len(stages):
            raise InputError(
                argument,
                f"stage {i} {stage.label!r}: noise must be the last stage",
                remedy=f"Leave out what comes after it: {stages[i].label}",
            )
    _check_shared(stages, "data_names", "take the data", "Have one stage take it", argument)
    _check_shared(stages, "parameter_priors", "have an unknown", "Give one of them", argument)


def _check_shared(stages, field: str, verb: str, remedy: str, argument: str) -> None:
    owners: dict[str, int] = {}
    for i, stage in enumerate(stages, start=1):
        for name in getattr(stage, field):
            if name in owners:
                raise InputError(
                    argument,
                    f"stage {i} {stage.label!r}: must not {verb} '{name}' as stage "
                    f"{owners[name]} does already",
                    remedy=remedy,
                )
            owners[name] = i
