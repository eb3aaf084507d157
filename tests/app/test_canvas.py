"""A mask is the pixels that a visitor paints, on the square or on the whole photograph."""

import numpy as np
import pytest
from PIL import Image

from brgm_tf.app import canvas
from brgm_tf.io import inputs
from brgm_tf.io.masks import load_mask


def test_strokes_of_all_layers_are_missing():
    layers = [Image.new("RGBA", (4, 4)) for _ in range(2)]
    layers[0].putpixel((1, 0), (9, 9, 9, 255))
    layers[1].putpixel((3, 2), (9, 9, 9, 1))
    missing = canvas.painted_mask({"layers": [*layers, None]})
    assert np.argwhere(missing).tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    "value", [None, {}, {"layers": []}, {"layers": [Image.new("RGBA", (4, 4))]}]
)
def test_no_stroke_is_no_mask(value):
    assert canvas.painted_mask(value) is None


def test_a_saved_mask_is_one_of_the_command(tmp_path):
    missing = np.zeros((8, 8), bool)
    missing[2:4, 5:] = True
    path = canvas.save_mask(missing, tmp_path)
    assert (load_mask(path, resolution=8)[..., 0] == missing).all()


def test_a_small_measurement_is_shown_with_its_pixels(tmp_path):
    levels = np.arange(16, dtype=np.uint8).reshape(2, 8)[:, :2]
    [spec] = inputs.plan(levels[..., None])
    shown = canvas.painted_picture(spec, channels=3)
    assert shown.shape == (canvas.CANVAS, canvas.CANVAS, 3)
    assert (shown[:: canvas.CANVAS // 2, :: canvas.CANVAS // 2, 0] == levels).all()


def test_a_photograph_is_shown_whole(tmp_path):
    Image.new("RGB", (60, 30), (10, 20, 30)).save(tmp_path / "wide.png")
    [spec] = inputs.plan(str(tmp_path / "wide.png"))
    shown, size = canvas.painted_photograph(spec)
    assert size == (60, 30)
    is_picture = (shown == (10, 20, 30)).all(axis=-1)
    assert is_picture[canvas.CANVAS // 4 : 3 * canvas.CANVAS // 4].all()
    assert is_picture.mean() == 0.5


def test_a_mask_of_a_photograph_survives_the_canvas(tmp_path):
    missing = np.zeros((30, 60), bool)
    missing[4:9, 40:] = True
    path = canvas.save_mask(missing, tmp_path)
    strokes = canvas.save_strokes(str(path), tmp_path, size=(60, 30))
    with Image.open(strokes) as layer:
        painted = canvas.painted_mask({"layers": [layer]})
    assert (canvas.photograph_mask(painted, (60, 30)) == missing).all()
