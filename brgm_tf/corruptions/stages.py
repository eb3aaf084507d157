"""What holds of the stages of a chain, whether they are objects or only named yet.

TensorFlow is not imported here.
"""

from __future__ import annotations

from collections.abc import Sequence

from brgm_tf.errors import InputError


def check_order(stages: Sequence[tuple[str, bool, tuple[str, ...]]], *, argument: str) -> None:
    """Checks that there are stages, that noise is the last one, and that no two share data.

    Args:
        stages: of each what it is called, whether it adds noise, and the names of its data.
        argument: name of the argument that they are of.

    Raises:
        InputError: one of these does not hold.
    """
    if not stages:
        raise InputError(argument, "must be at least one")
    for i, (label, adds_noise, _) in enumerate(stages, start=1):
        if adds_noise and i < len(stages):
            raise InputError(
                argument,
                f"stage {i} {label!r}: noise must be the last stage",
                remedy=f"Leave out what comes after it: {stages[i][0]}",
            )
    owners: dict[str, int] = {}
    for i, (label, _, names) in enumerate(stages, start=1):
        for name in names:
            if name in owners:
                raise InputError(
                    argument,
                    f"stage {i} {label!r}: must not need the data '{name}' that stage "
                    f"{owners[name]} takes already",
                    remedy="Have one stage take it",
                )
            owners[name] = i
