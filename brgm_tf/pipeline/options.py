"""Options: dataclass fields that carry their help text and check for the flags made from them.

TensorFlow is not imported here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from brgm_tf.core.validation import checked, one_of, optional

_KEY = "option"


@dataclasses.dataclass(frozen=True)
class Option:
    """Metadata of a field: everything that its flag needs except the name and the default.

    Args:
        help: text for `--help`.
        kind: type of the value: `str`, `int` or `float`.
        choices: the allowed words; () allows any value.
        check: maps a given value to the used value, or raises ValueError; see `core.validation`.
        has_flag: whether the command has a flag for the field.
        flag: name of the flag; '' for the name of the field.
    """

    help: str
    kind: type = str
    choices: tuple[str, ...] = ()
    check: Callable[[object], object] | None = None
    has_flag: bool = True
    flag: str = ""


def option(default: object, help: str, *, choices: Iterable[str] = (), **options: Any) -> Any:
    """Returns a dataclass field with an `Option`.

    Args:
        default: default value of the field.
        help, choices, **options: fields of `Option`. Choices bring their check.

    Example:
        >>> import dataclasses
        >>> from brgm_tf.core.validation import positive_int
        >>> @dataclasses.dataclass
        ... class Plan:
        ...     num_steps: int = option(350, "Number of steps", kind=int, check=positive_int)
        >>> Plan().num_steps
        350
        >>> options_of(Plan)["num_steps"].help
        'Number of steps'
    """
    choices = tuple(choices)
    if choices:
        options["check"] = one_of(*choices)
    return dataclasses.field(
        default=default, metadata={_KEY: Option(help, choices=choices, **options)}
    )


def options_of(kind: type) -> dict[str, Option]:
    """Returns the options of a dataclass by the name of their field."""
    return {
        field.name: field.metadata[_KEY]
        for field in dataclasses.fields(kind)
        if _KEY in field.metadata
    }


def check_options(instance: Any) -> None:
    """Checks every option of a frozen dataclass, and stores what the checks return.

    A field whose default is None also accepts None.

    Args:
        instance: the dataclass, in its `__post_init__`.

    Raises:
        InputError: a check refuses the value of its field.
    """
    for field in dataclasses.fields(instance):
        check = field.metadata[_KEY].check if _KEY in field.metadata else None
        if check is None:
            continue
        if field.default is None:
            check = optional(check)
        value = checked(field.name, getattr(instance, field.name), check)
        object.__setattr__(instance, field.name, value)
