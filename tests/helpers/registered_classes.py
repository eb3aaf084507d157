"""Classes for tests of registries."""

import dataclasses
import fractions

from brgm_tf.core import validation
from brgm_tf.core.parameters import check_fields, parameter


class Plain:
    """A class without parameters."""


@dataclasses.dataclass(frozen=True)
class Fraction:
    """A class with a required and an optional parameter."""

    numerator: int = parameter(validation.positive_int, "upper part")
    denominator: int = parameter(validation.positive_int, "lower part", default=2)

    def __post_init__(self):
        check_fields(self)

    def value(self):
        return fractions.Fraction(self.numerator, self.denominator)


@dataclasses.dataclass(frozen=True)
class Checks:
    """A class with one parameter for each of three checks."""

    size: float = parameter(validation.positive_float, "", default=1.0)
    level: float = parameter(validation.number(-1, 1), "", default=0.0)
    kind: str = parameter(validation.one_of("a", "b"), "", default="a")


@dataclasses.dataclass(frozen=True)
class Read:
    """A class with a parameter that is a file or a word."""

    source: str = parameter(
        validation.either(validation.one_of("a", "b"), validation.file_name(".npy")),
        "",
        default="a",
        suffixes=(".npy",),
    )
    level: float = parameter(validation.number(-1, 1), "", default=0.0)
