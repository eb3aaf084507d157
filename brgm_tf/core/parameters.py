"""Parameters of registered classes, declared once: as the fields of a dataclass.

    @dataclasses.dataclass(frozen=True)
    class Blur:
        sigma: float = parameter(number(0.1, 1000), "Standard deviation in pixels")

        def __post_init__(self):
            check_fields(self)

The registry reads the same declaration for flags and `--help`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from brgm_tf.core.parameter_priors import ParameterPrior
from brgm_tf.core.validation import checked

_KEY = "parameter"  # of the field's metadata


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = _Required()


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One constructor parameter of a registered class.

    Args:
        default: Value of a parameter that is not given; `REQUIRED` if it must be given.
        check: Function from the given value to the value used. It raises ValueError with a
            phrase such as 'must be a positive integer' for a value that it refuses.
        help: One phrase for `--help`.
        unknown: Prior of a parameter that is written `unknown`; None if it cannot be inferred.
        suffixes: Suffixes of values that are paths of files; () if no value is a path.
        typical: Lowest, highest and first value of a slider, whose steps are whole if all three
            are integers; None derives them from the prior, the check and the default.
    """

    default: object
    check: Callable[[Any], object]
    help: str = ""
    unknown: ParameterPrior | None = None
    suffixes: tuple[str, ...] = ()
    typical: tuple[float, float, float] | None = None


def parameter(
    check: Callable[[Any], object],
    help: str,
    *,
    default: object = REQUIRED,
    unknown: ParameterPrior | None = None,
    suffixes: tuple[str, ...] = (),
    typical: tuple[float, float, float] | None = None,
) -> Any:
    """Returns the dataclass field that declares a parameter; see `Parameter` for the arguments."""
    metadata = {_KEY: Parameter(default, check, help, unknown, suffixes, typical)}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def parameters_of(kind: type) -> Mapping[str, Parameter]:
    """Returns name -> `Parameter` of the fields that a dataclass declares, in their order."""
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    return {f.name: f.metadata[_KEY] for f in fields if _KEY in f.metadata}


def check_fields(instance: object) -> None:
    """Replaces the declared fields of a frozen dataclass by their checked values.

    A field that can be inferred may hold a `ParameterPrior`.

    Raises:
        InputError: A check refuses the value of a field.
    """
    for name, declared in parameters_of(type(instance)).items():
        is_inferable = declared.unknown is not None
        value = checked(name, getattr(instance, name), declared.check, inferable=is_inferable)
        object.__setattr__(instance, name, value)
