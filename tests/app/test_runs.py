"""A job in the worker: a restoration, its updates, and its files."""

import dataclasses
import json
import threading

import numpy as np
import pytest
import small_run
from PIL import Image

from brgm_tf.app.canvas import save_mask
from brgm_tf.app.jobs import Job
from brgm_tf.app.messages import Refusal
from brgm_tf.app.programs import Programs
from brgm_tf.app.runs import Run
from brgm_tf.pipeline.config import Config

MAKE = small_run.SharedRestorers(jit=False)
# Eyes, nose and corners of the mouth of a face of 60 pixels.
POINTS = [[34, 40], [56, 40], [45, 52], [37, 64], [53, 64]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = small_run.make(tmp_path_factory.mktemp("page"))
    missing = np.zeros((16, 16), bool)
    missing[:8, :8] = True
    save_mask(missing, made)
    return made


@pytest.fixture(scope="module")
def programs():
    return Programs(4, make=MAKE)


def job(folder, corruption="mask()", *, size=8, mask=True, results=None, **options):
    config = Config(
        corruption,
        generator=str(folder / "net"),
        num_steps=10,
        overrides={"perceptual_scale": 0.0},
        **options,
    )
    path = folder / f"picture_{size}.png"
    with Image.open(folder / "in" / "0.png") as picture:
        picture.resize((size, size)).save(path)
    return Job(config, path, folder / "mask.png" if mask else None, results)


def run(job, programs, *, stop=None, send=lambda update: None):
    return Run(job, programs, stop=stop or threading.Event(), send=send)()


def test_a_masked_picture_is_restored(folder, programs, tmp_path):
    updates = []
    outcome = run(job(folder, results=tmp_path), programs, send=updates.append)
    assert updates[-1].step == updates[-1].num_steps == 10
    assert any(update.image is not None for update in updates)
    assert outcome.views.after.is_file()
    assert outcome.is_complete
    origin = json.loads((tmp_path / "results" / "picture_8" / "metrics.json").read_text())
    assert str(folder) not in str(origin)
    assert "residual" in outcome.metrics["picture_8"]


def test_a_stopped_run_has_an_outcome(folder, programs):
    stop = threading.Event()
    outcome = run(job(folder), programs, stop=stop, send=lambda update: update.step and stop.set())
    assert outcome.views is None
    assert set(outcome.metrics) == {"picture_8"}


@pytest.mark.parametrize(
    ("corruption", "field"), [("mask()", "masks"), ("downsample(factor=2)", "input")]
)
def test_a_problem_is_a_message_at_its_field(folder, programs, corruption, field):
    with pytest.raises(Refusal) as refusal:
        run(job(folder, corruption, mask=False), programs)
    assert refusal.value.field == field
    assert str(folder) not in refusal.value.text


def test_the_faces_of_a_photograph_are_put_back(folder, programs, tmp_path):
    landmarks = folder / "points.json"
    other = [[x + 120, y] for x, y in POINTS]
    landmarks.write_text(json.dumps([POINTS, other]))
    made = job(
        folder, "align(margin=0.03)", mask=False, results=tmp_path, align="faces",
        landmarks=str(landmarks),
    )  # fmt: skip
    photograph = folder / "family.png"
    levels = np.random.RandomState(2).randint(0, 256, (100, 240, 3), np.uint8)
    Image.fromarray(levels).save(photograph)
    updates = []
    outcome = run(dataclasses.replace(made, picture=photograph), programs, send=updates.append)
    assert list(outcome.metrics) == ["family__face0", "family__face1"]
    assert updates[-1].step == updates[-1].num_steps == 20
    assert len(outcome.views.faces) == 2
    with Image.open(outcome.views.after) as after, Image.open(outcome.views.before) as before:
        changed = (np.asarray(after) != np.asarray(before)).any(axis=-1)
    assert changed.shape == (100, 240)
    assert changed[40:60, 30:60].mean() > 0.9
    assert changed[40:60, 150:180].mean() > 0.9
    assert not changed[:, 95:115].any()
    assert (tmp_path / "results" / "family" / "restored.png").is_file()
