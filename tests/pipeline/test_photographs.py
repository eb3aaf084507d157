"""Photographs: faces become inputs, and their results go back into the photograph."""

import json

import numpy as np
import pytest
from PIL import Image
from small_run import SharedRestorers
from smooth_generator import SmoothGenerator

import brgm_tf
from brgm_tf.core.errors import InputError
from brgm_tf.io.images import save_image
from brgm_tf.pipeline import photographs
from brgm_tf.pipeline.config import Config

# Eyes, nose and corners of the mouth [x, y]: FFHQ's square has the centre (75, 69), side 60.
FACE = [[67.5, 67.5], [82.5, 67.5], [75, 75], [69, 82.5], [81, 82.5]]
OTHER = [[x + 60, y + 5] for x, y in FACE]


# One generator for all tests, which share its programs.
GENERATOR = SmoothGenerator(16)
RESTORERS = SharedRestorers(jit=False)


@pytest.fixture(autouse=True)
def _programs_are_shared(monkeypatch):
    monkeypatch.setattr("brgm_tf.pipeline.api.Restorer", RESTORERS)


@pytest.fixture
def picture():
    rng = np.random.default_rng(3)
    return rng.uniform(-1, 1, (130, 190, 3)).astype("float32")


@pytest.fixture
def landmarks(tmp_path):
    path = tmp_path / "faces.json"
    path.write_text(json.dumps([FACE, OTHER]))
    return str(path)


def run(picture, landmarks, **options):
    options = {"corruption": "noise(scale=5)", "overrides": {"perceptual_scale": 0.0}} | options
    return brgm_tf.restore(
        picture,
        generator=GENERATOR,
        align="faces",
        landmarks=landmarks,
        num_steps=3,
        **options,
    )


def test_pixels_outside_of_the_faces_stay_the_same(picture, landmarks):
    restoration = run(picture, landmarks)
    [photograph] = restoration.photographs
    assert [image.name for image in restoration] == ["image_00000__face0", "image_00000__face1"]
    changed = (photograph.pixels != picture).any(axis=-1)
    assert changed[69, 75]
    assert changed[74, 135]
    squares = [face.source.square for face in photograph.faces]
    inside = np.zeros(changed.shape, bool)
    for square in squares:
        half = square.side / 2
        rows = abs(np.arange(130)[:, None] + 0.5 - square.row) < half
        inside |= rows & (abs(np.arange(190) + 0.5 - square.column) < half)
    assert not changed[~inside].any()
    assert photograph.pixels.shape == picture.shape


def test_known_pixels_stay_the_same(picture, landmarks):
    missing = np.zeros((130, 190), bool)
    missing[60:70, 70:80] = True
    restoration = run(picture, landmarks, corruption="mask()", masks=missing)
    assert len(restoration) == 1  # the other face is whole
    [photograph] = restoration.photographs
    changed = (photograph.pixels != picture).any(axis=-1)
    np.testing.assert_array_equal(changed, missing)


def test_a_face_may_be_cut_by_the_edge(picture, tmp_path):
    path = tmp_path / "faces.json"
    path.write_text(json.dumps([[[x - 70, y - 60] for x, y in FACE]]))
    restoration = run(picture, str(path))
    [photograph] = restoration.photographs
    assert photograph.pixels.shape == picture.shape
    assert (restoration[0].measurement[:20, :20] == 0).all()  # outside of the photograph


def test_the_inferred_place_is_among_the_metrics(picture, landmarks):
    metrics = run(picture, landmarks, faces="largest")[0].metrics
    assert {"turn", "zoom", "shift_down", "shift_right"} <= set(metrics)


def test_a_photograph_is_saved_whole(picture, landmarks, tmp_path):
    save_image(tmp_path / "photo.png", picture)
    restoration = run(str(tmp_path / "photo.png"), landmarks, faces="1")
    folder = restoration.save(tmp_path / "results")
    with Image.open(folder / "photo" / "restored.png") as restored:
        levels = np.asarray(restored)
    with Image.open(tmp_path / "photo.png") as original:
        same = (levels == np.asarray(original)).all(axis=-1)
    assert same[:, :75].all()
    assert not same[74, 135]
    assert (folder / "photo__face1" / "reconstruction.png").exists()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"faces": "2"}, "indices below 2"),
        ({"faces": "left"}, "must be all, largest, or indices"),
        ({"corruption": "downsample(factor=2)"}, "must keep the pixels"),
        ({"input_kind": "clean"}, "must be none for clean images"),
        ({"landmarks": "none.json"}, "must be a JSON file"),
    ],
)
def test_bad_options_are_refused(picture, landmarks, options, match):
    with pytest.raises(InputError, match=match):
        run(picture, **({"landmarks": landmarks} | options))


def test_a_photograph_without_faces_is_refused(picture, tmp_path):
    path = tmp_path / "none.json"
    path.write_text("[]")
    with pytest.raises(InputError, match=r"finds no face.*--landmarks=FILE"):
        run(picture, str(path))


def test_a_mask_of_another_size_is_refused(picture, landmarks):
    with pytest.raises(InputError, match="must have the size of the photograph, 190 x 130"):
        run(picture, landmarks, corruption="mask()", masks=np.ones((4, 4), bool))


def test_batches_have_boxes_of_one_size(picture, tmp_path):
    small = (np.array(FACE) - FACE[2]) / 4 + FACE[2]
    path = tmp_path / "faces.json"
    path.write_text(json.dumps([FACE, small.tolist(), OTHER]))
    finder = photographs.FaceFinder(landmarks=str(path))
    from brgm_tf.io.inputs import plan

    [spec] = plan(picture)
    faces = finder.plan(spec).faces
    sizes = [s.source.box.size for s in photographs.arranged(faces, 2)]
    assert sizes == [96, 96, 96]
    assert sorted(s.source.box.size for s in photographs.arranged(faces, 1)) == [64, 96, 96]


def test_the_place_is_unknown_by_default():
    text = Config("blur(sigma=2) + noise(scale=5)", align="faces").corruption
    assert text.startswith("align(")
    assert text.endswith("+ blur(sigma=2) + noise(scale=5)")
    assert "zoom=unknown" in text
