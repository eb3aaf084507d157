"""Controls are made from the rows of the registry."""

import dataclasses

import pytest

from brgm_tf.app import chains
from brgm_tf.app.controls import (
    CHOICE,
    NUMBER,
    SLIDER,
    SWITCH,
    TEXT,
    controls_of,
    offered_corruptions,
)
from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.core.parameters import REQUIRED, Parameter, parameter, parameters_of
from brgm_tf.core.validation import MAX_INT, boolean, boxes, file_name, integer, number, one_of
from brgm_tf.corruptions.table import CORRUPTIONS

OFFERS = offered_corruptions()


def test_all_corruptions_without_a_required_file_are_offered():
    volumes = {"thick_slices", "missing_slices"}
    assert set(CORRUPTIONS) - set(OFFERS) == {"none", "kernel_blur", *volumes}


@pytest.mark.parametrize("name", OFFERS)
def test_the_first_values_of_the_controls_are_a_corruption(name):
    row = chains.new_row(OFFERS[name])
    assert chains.text_of([row], OFFERS, most=1).startswith(f"{name}(")


@pytest.mark.parametrize("name", OFFERS)
def test_both_ends_of_every_slider_are_accepted(name):
    for control in OFFERS[name].controls:
        for value in (control.low, control.high) if control.kind == SLIDER else ():
            check = CORRUPTIONS[name].parameters[control.name].check
            assert check(int(value) if float(value).is_integer() else value) == value


def test_a_new_corruption_needs_no_line_of_the_page():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Fog:
        density: float = parameter(number(0, 1), "Density", unknown=Bounded(0.1, 0.9))
        colour: str = parameter(one_of("white", "grey"), "Colour", default="grey")
        layers: int = parameter(integer(1, 9), "Layers")
        seed: int = parameter(integer(0, MAX_INT), "Seed", default=3)
        is_even: bool = parameter(boolean, "Whether it is even", default=True)
        places: tuple = parameter(boxes, "Boxes")

    controls = {control.name: control for control in controls_of(parameters_of(Fog))}
    kinds = {name: (control.kind, control.start) for name, control in controls.items()}
    assert kinds == {
        "density": (SLIDER, 0.5),
        "colour": (CHOICE, "grey"),
        "layers": (SLIDER, 5),
        "seed": (NUMBER, 3),
        "is_even": (SWITCH, True),
        "places": (TEXT, "(0.3, 0.3, 0.7, 0.7)"),
    }
    assert (controls["density"].low, controls["density"].high) == (0.1, 0.9)
    assert [name for name, control in controls.items() if control.unknown] == ["density"]


def test_a_required_file_has_no_control():
    file = Parameter(default="x.npy", check=file_name(".npy"), suffixes=(".npy",))
    assert controls_of({"file": file}) == ()
    assert controls_of({"file": dataclasses.replace(file, default=REQUIRED)}) is None
