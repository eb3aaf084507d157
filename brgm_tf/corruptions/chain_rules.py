"""Rules for the order of the stages of a chain. TensorFlow is not imported here."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.measurement import Measurement

_ARGUMENT = "corruption"


class Stage(NamedTuple):
    """A stage, as an object or as a text.

    Args:
        label: Name for errors.
        kind: Class.
        unknowns: Names of the parameters to infer.
    """

    label: str
    kind: type[Measurement]
    unknowns: tuple[str, ...]


def check_stages(stages: Sequence[Stage]) -> None:
    """Checks that each stage may follow the stages before it.

    Raises:
        InputError: Noise is not the last stage; two stages share data or the name of an unknown; a
            stage cannot take the complex values before it; or a mask comes before a stage that
            needs all pixels.
    """
    for i, stage in enumerate(stages, start=1):
        if stage.kind.adds_noise and i < len(stages):
            raise InputError(
                _ARGUMENT,
                f"stage {i} {stage.label!r}: noise must be the last stage",
                remedy=f"Leave out the stages after it: {stages[i].label}",
            )
    data = [stage.kind.data_names for stage in stages]
    _check_unique(stages, data, "take the data", "Let one stage take the data")
    unknowns = [stage.unknowns for stage in stages]
    _check_unique(stages, unknowns, "have an unknown", "Give a number for one of them")
    _check_complex(stages)
    _check_masks(stages)


def _check_unique(stages: Sequence[Stage], names, verb: str, remedy: str) -> None:
    first: dict[str, int] = {}
    for i, (stage, names_of_stage) in enumerate(zip(stages, names, strict=True), start=1):
        for name in names_of_stage:
            if name in first:
                raise InputError(
                    _ARGUMENT,
                    f"stage {i} {stage.label!r}: must not {verb} '{name}' as stage "
                    f"{first[name]} does already",
                    remedy=remedy,
                )
            first[name] = i


def _check_complex(stages: Sequence[Stage]) -> None:
    for before, stage in itertools.pairwise(stages):
        if before.kind.measures_kspace and not stage.kind.takes_complex:
            raise InputError(
                _ARGUMENT,
                f"{stage.label} cannot follow {before.label}, whose values are complex",
                remedy="Let only noise(scale=...) follow",
            )


def _check_masks(stages: Sequence[Stage]) -> None:
    """Refuses a mask before a stage that needs all pixels, because no value would be observed."""
    for i, stage in enumerate(stages):
        if stage.kind.needs_all_pixels and any(s.kind.hides_pixels for s in stages[:i]):
            raise InputError(
                _ARGUMENT,
                f"{stage.label} cannot follow a mask, because each value depends on all pixels",
                remedy="Leave the mask out",
            )
