"""Parameters that several corruptions share."""

from __future__ import annotations

from typing import Any

from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import MAX_INT, integer, number, one_of


def border_parameter() -> Any:
    """Returns the field `border` of a blur."""
    return parameter(
        one_of("reflect", "circular", "zero"),
        "Continuation of the image beyond its edges; zero is mid-grey",
        default="reflect",
    )


def fill_parameter(unknown: ParameterPrior | None = None) -> Any:
    """Returns the field `fill` of a mask.

    Args:
        unknown: Prior of the fill if it is written `unknown`; None (default) if it cannot be.
    """
    return parameter(
        number(-1, 1),
        "Value of missing pixels, from -1 (black) to 1 (white)",
        default=1.0,
        unknown=unknown,
    )


def seed_parameter() -> Any:
    """Returns the field `seed` of a corruption that is drawn once for all images."""
    return parameter(
        integer(0, MAX_INT), "Seed of the draw, which is the same for all images", default=0
    )


def slice_seed(seed: int, index: int) -> int:
    """Returns the seed of a slice of a volume, in [0, 2^31).

    Args:
        seed: Seed of the corruption.
        index: Index of the slice.

    Example:
        >>> slice_seed(5, 2)
        7
    """
    return (seed + index) % (MAX_INT + 1)
