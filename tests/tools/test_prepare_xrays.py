"""The radiographs for training: their split by patients, and their masks."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

TOOLS = Path(__file__).parents[2] / "tools"


def tool(name):
    specification = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


prepare = tool("prepare_xrays")
examine = tool("examine_generator")


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person1001_bacteria_2932.jpeg", "person1001"),
        ("IM-0011-0001-0002.jpeg", "IM-0011"),
        ("NORMAL2-IM-0196-0001.jpeg", "NORMAL2-IM-0196"),
    ],
)
def test_the_patient_follows_from_the_file_name(name, patient):
    assert prepare.patient(name) == patient


def test_no_patient_is_in_both_the_training_and_the_held_out_split():
    films = [
        f"{prepare.SPLITS}/{split}/{diagnosis}/person{i}_virus_{i}.jpeg"
        for split, patients in (("train", range(60)), ("test", range(40, 140)))
        for diagnosis in ("NORMAL", "PNEUMONIA")
        for i in patients
    ]
    folders = prepare.divided(films)
    people = {
        name: {prepare.patient(Path(film).name) for film in folders[name]} for name in folders
    }
    assert not people["train"] & (people["held_out"] | people["evaluation"])
    assert not set(folders["held_out"]) & set(folders["evaluation"])
    assert sum("/NORMAL/" in film for film in folders["evaluation"]) == 16
    assert len(folders["evaluation"]) == 32
    assert len(folders["held_out"]) == 2 * 80 - 32


def test_a_mask_is_a_rectangle_of_a_third_of_the_picture():
    mask = prepare.rectangle_mask(np.random.default_rng(3))
    assert mask.mean() == pytest.approx(1 / 3, abs=0.01)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert mask.sum() == len(rows) * len(columns)
    assert np.ptp(rows) + 1 == len(rows)
    assert np.ptp(columns) + 1 == len(columns)


def test_the_nearest_image_has_the_smallest_perceptual_distance():
    class SignDistance:
        """A distance that is zero for images of the same sign."""

        def to(self, image, others):
            return np.abs(np.sign(image.mean()) - np.sign(others.mean(axis=(1, 2, 3))))

    others = np.stack([np.full((2, 2, 1), value) for value in (-0.1, 0.9, 0.3)])
    order, distances = examine.nearest(np.full((1, 2, 2, 1), 0.05), others, lpips=SignDistance())
    assert order[0, -1] == 0
    np.testing.assert_allclose(distances[0], [0, 0, 2])
