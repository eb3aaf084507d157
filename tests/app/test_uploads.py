"""Uploads are of allowed kinds and sizes, and masks are the painted pixels."""

import numpy as np
import pytest
from PIL import Image

from brgm_tf.app import uploads
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.sessions import Sessions
from brgm_tf.core.errors import InputError
from brgm_tf.io import inputs
from brgm_tf.io.masks import load_mask

LIMITS = Limits(megapixels=0.001, megabytes=0.01)


@pytest.fixture
def session(tmp_path):
    return Sessions(tmp_path / "server", idle_seconds=60).get("a")


def upload(tmp_path, name, *, size=(8, 8)):
    path = tmp_path / name
    Image.new("L", size).save(path, format="PNG")
    return str(path)


def test_an_upload_moves_into_its_session(tmp_path, session):
    path = upload(tmp_path, "my photo (1).png")
    taken = uploads.take_upload(path, session, limits=LIMITS)
    assert taken.name == "my_photo_1.png"
    assert session.folder in taken.parents
    assert not (tmp_path / "my photo (1).png").exists()


@pytest.mark.parametrize("name", ["list.txt", "all.tar", "a.tfrecord", "net.pkl", "k.npy", "a.svg"])
def test_lists_archives_and_pickles_are_refused(tmp_path, session, name):
    with pytest.raises(Refusal, match="must be a picture"):
        uploads.take_upload(upload(tmp_path, name), session, limits=LIMITS)


def test_a_text_file_with_the_suffix_of_a_picture_is_refused(tmp_path, session):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match="must be an image file"):
        uploads.take_upload(str(tmp_path / "text.png"), session, limits=LIMITS)


def test_too_many_bytes_are_refused_and_deleted(tmp_path, session):
    (tmp_path / "large.png").write_bytes(bytes(20000))
    with pytest.raises(Refusal, match=r"at most 0\.01 MB"):
        uploads.take_upload(str(tmp_path / "large.png"), session, limits=LIMITS)
    assert not (tmp_path / "large.png").exists()


def test_too_many_pixels_are_refused(tmp_path, session):
    with pytest.raises(Refusal, match=r"at most 0\.001 million"):
        uploads.take_upload(upload(tmp_path, "a.png", size=(100, 20)), session, limits=LIMITS)


def test_too_many_voxels_are_refused(tmp_path, session):
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "volume.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((16, 16, 16), np.uint8), np.eye(4)), path)
    with pytest.raises(Refusal, match="million"):
        uploads.take_upload(str(path), session, limits=LIMITS)


def test_strokes_of_all_layers_are_missing():
    layers = [Image.new("RGBA", (4, 4)) for _ in range(2)]
    layers[0].putpixel((1, 0), (9, 9, 9, 255))
    layers[1].putpixel((3, 2), (9, 9, 9, 1))
    missing = uploads.painted_mask({"layers": [*layers, None]})
    assert np.argwhere(missing).tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    "value", [None, {}, {"layers": []}, {"layers": [Image.new("RGBA", (4, 4))]}]
)
def test_no_stroke_is_no_mask(value):
    assert uploads.painted_mask(value) is None


def test_a_saved_mask_is_one_of_the_command(tmp_path):
    missing = np.zeros((8, 8), bool)
    missing[2:4, 5:] = True
    path = uploads.save_mask(missing, tmp_path)
    assert (load_mask(path, resolution=8)[..., 0] == missing).all()


def test_a_small_measurement_is_shown_with_its_pixels(tmp_path):
    levels = np.arange(16, dtype=np.uint8).reshape(2, 8)[:, :2]
    [spec] = inputs.plan(levels[..., None])
    shown = uploads.painted_picture(spec, channels=3)
    assert shown.shape == (uploads.CANVAS, uploads.CANVAS, 3)
    assert (shown[:: uploads.CANVAS // 2, :: uploads.CANVAS // 2, 0] == levels).all()
