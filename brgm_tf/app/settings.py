"""The settings of a visitor, checked, as the `Config` of the command."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from brgm_tf.app import chains
from brgm_tf.app.messages import Refusal
from brgm_tf.app.owner import Owner
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.io import inputs
from brgm_tf.io.medical import PLANES
from brgm_tf.pipeline.config import Config

# Estimators of the page; `vi_brgm` keeps the faults of another implementation, for comparison.
ESTIMATOR_NAMES = tuple(name for name in ESTIMATORS if name != "vi_brgm")
_INTEGERS = {"num_steps": 1, "adaptation_steps": 0, "num_samples": 1, "seed": 0}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a visitor, as they come from the page.

    Args:
        generator: Handle of the generator.
        class_label: Class of a conditional generator; '' for none.
        rows: Rows of the corruption; see `chains`.
        input_kind: 'measurement' or 'clean'.
        align: Whether the picture is a photograph whose faces are found, restored and put back.
        estimator: Name of the estimator.
        num_steps: Number of steps.
        adaptation_steps: Number of further steps, which adapt the generator.
        num_samples: Number of posterior samples.
        seed: Seed of every random draw.
        plane: Plane of the slices of NIfTI volumes.
        slices: Index of a slice of a volume; None for the middle slice.
        window: 'auto' or LOW:HIGH.
    """

    generator: str
    class_label: str = ""
    rows: chains.Chain = ()
    input_kind: str = "measurement"
    align: bool = False
    estimator: str = "map"
    num_steps: float = 200
    adaptation_steps: float = 0
    num_samples: float = 8
    seed: float = 0
    plane: str = "axial"
    slices: float | None = None
    window: str = "auto"


def config_of(settings: Settings, owner: Owner) -> Config:
    """Returns the checked configuration of a visitor's settings.

    Args:
        settings: Settings of the visitor.
        owner: What the owner allows.

    Raises:
        InputError: a value cannot be used.
        Refusal: a value is not offered, or is above a limit.
    """
    limits = owner.limits
    numbers = {name: _integer(settings, name, least) for name, least in _INTEGERS.items()}
    total = numbers["num_steps"] + numbers["adaptation_steps"]
    if total > limits.steps:
        raise Refusal("num_steps", f"At most {limits.steps} steps can be done here.")
    if numbers["num_samples"] > limits.samples:
        raise Refusal("num_samples", f"At most {limits.samples} samples can be drawn here.")
    _check_word("input_kind", settings.input_kind, inputs.KINDS)
    _check_word("estimator", settings.estimator, ESTIMATOR_NAMES)
    _check_word("plane", settings.plane, PLANES)
    options: dict[str, Any] = dict(owner.options) | numbers
    options |= {
        "generator": owner.check_generator(settings.generator),
        "class_label": _class_of(settings, owner),
        "corruption": chains.text_of(settings.rows, owner.corruptions, most=limits.stages),
        "input_kind": settings.input_kind,
        "estimator": settings.estimator,
        "plane": settings.plane,
        "slices": "middle" if settings.slices is None else str(_integer(settings, "slices", 0)),
        "window": str(settings.window).strip(),
        "batch_size": 1,
        "keep_frames": False,
        "keep_generator": False,
    }
    return Config(**options | _alignment(settings, owner))


def _alignment(settings: Settings, owner: Owner) -> dict[str, Any]:
    """Returns the fields of photographs."""
    if not settings.align:
        return {"align": "none", "faces": "all", "landmarks": None}
    if not owner.has_faces(settings.generator):
        raise Refusal("align", "Faces can be aligned for a generator of faces.")
    if settings.input_kind != "measurement":
        raise Refusal("align", "A photograph must be damaged itself, because its pose is inferred.")
    return {"align": "faces"}


def _integer(settings: Settings, name: str, least: int) -> int:
    value = getattr(settings, name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or value != value or not least <= value < 2**31 or int(value) != value:
        words = name.replace("num_", "").replace("_", " ")
        raise Refusal(name, f"The {words} must be a whole number of at least {least}.")
    return int(value)


def _check_word(name: str, value: object, words: Mapping | tuple[str, ...]) -> None:
    if value not in words:
        raise Refusal(name, f"The {name.replace('_', ' ')} must be one of {', '.join(words)}.")


def _class_of(settings: Settings, owner: Owner) -> int | str | None:
    """Returns the index or name of the class; None for a generator without classes."""
    if not owner.row_of(settings.generator).num_classes:
        return None
    text = str(settings.class_label).strip()
    return int(text) if text.isdecimal() else text or None
