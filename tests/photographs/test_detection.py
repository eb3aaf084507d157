"""Faces by MTCNN: the same as the package mtcnn finds, and the order of overlapping boxes."""

import sys
from pathlib import Path

import numpy as np
import pytest

from brgm_tf.io.discovery import find_images
from brgm_tf.io.images import load_image
from brgm_tf.photographs import finding
from brgm_tf.photographs.alignment import Alignment, corner_error
from brgm_tf.photographs.detection import detect, order_without_overlaps
from brgm_tf.photographs.mtcnn_networks import Networks
from brgm_tf.photographs.sampling import ArrayPicture, block_means, padded_box, upright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "golden"))
from make_golden_mtcnn import windows  # noqa: E402

GOLDEN = np.load(ROOT / "tests" / "golden" / "mtcnn.npz")


@pytest.fixture(scope="module")
def networks():
    return Networks()


@pytest.fixture(scope="module")
def portrait():
    return load_image(find_images("example:astronaut")[0], channels=3)


@pytest.mark.weights
def test_the_networks_give_the_outputs_of_mtcnn(networks):
    faces, boxes = networks.propose(windows("pnet"))
    np.testing.assert_allclose(boxes, GOLDEN["pnet_0"], atol=1e-6)
    np.testing.assert_allclose(faces, GOLDEN["pnet_1"][..., 1], atol=1e-6)
    faces, boxes = networks.refine(windows("rnet"))
    np.testing.assert_allclose(boxes, GOLDEN["rnet_0"], atol=1e-6)
    np.testing.assert_allclose(faces, GOLDEN["rnet_1"][:, 1], atol=1e-6)
    faces, boxes, landmarks = networks.locate(windows("onet"))
    np.testing.assert_allclose(boxes, GOLDEN["onet_0"], atol=1e-6)
    np.testing.assert_allclose(landmarks, GOLDEN["onet_1"], atol=1e-6)
    np.testing.assert_allclose(faces, GOLDEN["onet_2"][:, 1], atol=1e-6)


@pytest.mark.weights
def test_a_face_is_found_where_mtcnn_finds_it(networks, portrait):
    [face] = detect(portrait, networks)
    np.testing.assert_allclose(face.box, GOLDEN["box"], atol=0.01)
    np.testing.assert_allclose(face.landmarks, GOLDEN["landmarks"], atol=0.01)
    assert face.probability == pytest.approx(float(GOLDEN["probability"]), abs=1e-5)


@pytest.mark.weights
def test_a_turned_face_has_the_square_of_the_upright_one(networks, portrait):
    from scipy.ndimage import rotate

    [square] = finding.find_faces(ArrayPicture(portrait), networks)
    # SciPy turns the picture counterclockwise about its centre.
    turned = rotate(portrait, 20, reshape=False, order=1, mode="nearest")
    [other] = finding.find_faces(ArrayPicture(turned), networks)
    about = Alignment(256.0, 256.0, 512.0, 20.0)
    row, column = about.to_square(np.array([other.row, other.column])) * 512
    back = Alignment(row, column, other.side, other.angle + 20)
    assert corner_error(back, square) < 15


def test_a_picture_without_faces_has_none():
    class Blind:
        def propose(self, images):
            shape = [1, (images.shape[1] - 10) // 2, (images.shape[2] - 10) // 2]
            return np.zeros(shape), np.zeros([*shape, 4])

    assert detect(np.zeros((40, 50, 3), "float32"), Blind()) == []
    assert detect(np.zeros((10, 50, 3), "float32"), Blind()) == []


def test_overlaps_with_the_smaller_box_count_more():
    boxes = np.array([[0, 0, 10, 10, 0.9], [4, 4, 8, 8, 0.8]])
    assert order_without_overlaps(boxes, 0.7).tolist() == [0, 1]
    assert order_without_overlaps(boxes, 0.7, of_smaller=True).tolist() == [0]


def test_an_overview_has_the_means_of_squares():
    values = np.random.default_rng(0).uniform(-1, 1, (1100, 13, 3)).astype("float32")
    overview, n = ArrayPicture(values).reduced(400)
    assert n == 3
    np.testing.assert_allclose(overview, block_means(values[:1098, :12], 3), atol=1e-6)


def test_a_box_beyond_the_picture_is_filled():
    picture = ArrayPicture(np.ones((4, 5, 1), "float32"))
    box = padded_box(picture, -1, 3, (3, 4))
    assert box[1:, :2].all()
    assert not box[0].any()
    assert not box[:, 2:].any()


def test_an_upright_crop_is_that_of_the_turned_square():
    rows, columns = np.meshgrid(np.arange(60.0), np.arange(80.0), indexing="ij")
    values = np.stack([rows, columns, rows - columns], axis=-1).astype("float32") / 100
    square = Alignment(30.0, 40.0, 20.0, 30.0)
    crop = upright(ArrayPicture(values), square, 10)
    unit = (np.arange(10) + 0.5) / 10
    places = square.to_picture(np.stack(np.meshgrid(unit, unit, indexing="ij"), axis=-1)) - 0.5
    np.testing.assert_allclose(crop[..., 0], places[..., 0] / 100, atol=0.006)
    np.testing.assert_allclose(crop[..., 1], places[..., 1] / 100, atol=0.006)
