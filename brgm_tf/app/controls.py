"""Controls of corruptions, made from the rows of their registry.

A parameter becomes a slider, a number, a choice, a switch or a text. A new corruption appears on
the page by itself. Gradio is not imported here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

from brgm_tf.core.parameters import REQUIRED, Parameter
from brgm_tf.core.validation import Domain, domain_of
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.table import CORRUPTIONS

SLIDER, NUMBER, CHOICE, SWITCH, TEXT = "slider", "number", "choice", "switch", "text"
_STEPS = 200  # of a slider
_FEW = 1000  # integers of a slider; more are typed
_START_OF_TEXT = "(0.3, 0.3, 0.7, 0.7)"  # boxes are the only literals


@dataclasses.dataclass(frozen=True)
class Control:
    """A control of one parameter.

    Args:
        name: Name of the parameter.
        help: One phrase about the parameter.
        kind: Kind of the control, one of the constants of this module.
        start: First value.
        low: Lowest value of a slider.
        high: Highest value of a slider.
        step: Step of a slider.
        choices: Words of a choice.
        unknown: Whether the parameter can be inferred.
        default: Default of the parameter; `REQUIRED` without one.
        is_primary: Whether the control is shown first; other ones are options.
    """

    name: str
    help: str
    kind: str
    start: object
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    choices: tuple[str, ...] = ()
    unknown: bool = False
    default: object = REQUIRED
    is_primary: bool = True

    @property
    def label(self) -> str:
        """Name of the parameter as words."""
        return self.name.replace("_", " ")


@dataclasses.dataclass(frozen=True)
class Offer:
    """A corruption that the page offers.

    Args:
        name: Name in the registry, or FILE.py:CLASS of the owner with its path.
        help: One line about the corruption.
        controls: Controls of its parameters.
    """

    name: str
    help: str
    controls: tuple[Control, ...]

    @property
    def label(self) -> str:
        """Public name, without the folder of the owner's file."""
        return self.name.rpartition("/")[2]


def offered_corruptions(own: Iterable[str] = ()) -> dict[str, Offer]:
    """Returns the corruptions that a visitor can set without a file, by their public names.

    Args:
        own: Further corruptions, FILE.py:CLASS, whose file the owner trusts.

    Raises:
        InputError: A file of the owner cannot be used.

    Example:
        >>> [control.name for control in offered_corruptions()["blur"].controls]
        ['sigma', 'border']
    """
    offers = {}
    for name in (*(name for name in CORRUPTIONS if name != "none"), *own):
        row = parsing.row_of(name)
        if getattr(row.load(), "needs_volume", False):
            continue
        controls = controls_of(row.parameters)
        if controls is not None:
            offer = Offer(name, row.help, controls)
            offers[offer.label] = offer
    return offers


def controls_of(parameters: Mapping[str, Parameter]) -> tuple[Control, ...] | None:
    """Returns the controls of parameters; None if a required parameter is a file.

    An optional parameter without typical values keeps its default and has no control.
    """
    controls = []
    for name, parameter in parameters.items():
        control = _control(name, parameter)
        if control is not None:
            has_default = parameter.default is not REQUIRED and parameter.typical is None
            is_primary = not has_default or parameter.unknown is not None
            controls.append(
                dataclasses.replace(control, default=parameter.default, is_primary=is_primary)
            )
        elif parameter.default is REQUIRED:
            return None
    return tuple(controls)


def _control(name: str, parameter: Parameter) -> Control | None:
    domain = domain_of(parameter.check)
    is_file = bool(parameter.suffixes) and not (domain and domain.choices)
    is_optional = parameter.default is None and parameter.typical is None
    if is_file or is_optional:
        return None
    if domain is None and parameter.typical is None and parameter.unknown is None:
        start = _START_OF_TEXT if parameter.default is REQUIRED else repr(parameter.default)
        return Control(name, parameter.help, TEXT, start)
    if domain is not None and domain.choices:
        is_required = parameter.default is REQUIRED
        start = domain.choices[0] if is_required else str(parameter.default)
        return Control(name, parameter.help, CHOICE, start, choices=domain.choices)
    if domain is not None and domain.is_boolean:
        return Control(name, parameter.help, SWITCH, parameter.default is True)
    return _numeric(name, parameter, domain or Domain())


def _numeric(name: str, parameter: Parameter, domain: Domain) -> Control:
    """Returns the slider of a number, or a field for one of too many integers."""
    low, high, start = _span(parameter, domain)
    is_bounded = math.isfinite(low) and math.isfinite(high)
    if not is_bounded or (domain.is_integer and high - low > _FEW):
        return Control(name, parameter.help, NUMBER, start, step=1 if domain.is_integer else 0.01)
    typical = parameter.typical
    is_whole = domain.is_integer or (
        typical is not None and all(isinstance(value, int) for value in typical)
    )
    step = 1 if is_whole else _round_step((high - low) / _STEPS)
    return Control(
        name,
        parameter.help,
        SLIDER,
        int(start) if is_whole else float(f"{start:.3g}"),
        low=low,
        high=high,
        step=step,
        unknown=parameter.unknown is not None,
    )


def _span(parameter: Parameter, domain: Domain) -> tuple[float, float, float]:
    """Returns the lowest, highest and first value of a number."""
    if parameter.typical is not None:
        return parameter.typical
    low, high = domain.low, domain.high
    prior = parameter.unknown
    if prior is not None and math.isfinite(prior.bounds[1]):
        low, high = prior.bounds
    elif (low, high) == (0, 1):
        low, high = 0.01, 0.99  # a fraction excludes its bounds
    default = parameter.default
    if isinstance(default, int | float) and not isinstance(default, bool):
        # The bounds themselves are allowed; a prior need not reach the default.
        return min(low, default), max(high, default), default
    if prior is not None:
        return low, high, prior.median
    middle = 0.5 * (low + high)
    return low, high, middle if math.isfinite(middle) else max(low, 1.0)


def _round_step(step: float) -> float:
    """Returns the largest of 1, 2 and 5 times a power of ten that is not above a step.

    Example:
        >>> _round_step(0.04)
        0.02
    """
    power = 10.0 ** math.floor(math.log10(step))
    factor = max(f for f in (1, 2, 5) if f * power <= step * (1 + 1e-9))
    return float(f"{factor * power:.1g}")
