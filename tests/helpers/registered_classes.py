"""Classes that the tests of registries register."""

import dataclasses
import fractions

from brgm_tf.core import validation
from brgm_tf.core.parameters import check_fields, parameter


class Plain:
    """No parameters."""


@dataclasses.dataclass(frozen=True)
class Fraction:
    """Two parameters, one of which is required."""

    numerator: int = parameter(validation.positive_int, "upper part")
    denominator: int = parameter(validation.positive_int, "lower part", default=2)

    def __post_init__(self):
        check_fields(self)

    def value(self):
        return fractions.Fraction(self.numerator, self.denominator)


@dataclasses.dataclass(frozen=True)
class Checks:
    """One parameter for each of three checks."""

    size: float = parameter(validation.positive_float, "", default=1.0)
    level: float = parameter(validation.number(-1, 1), "", default=0.0)
    kind: str = parameter(validation.one_of("a", "b"), "", default="a")


@dataclasses.dataclass(frozen=True)
class Read:
    """A file, or a word."""

    source: str = parameter(
        validation.either(validation.one_of("a", "b"), validation.file_name(".npy")),
        "",
        default="a",
        suffixes=(".npy",),
    )
    level: float = parameter(validation.number(-1, 1), "", default=0.0)
