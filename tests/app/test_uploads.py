"""Uploads are of allowed kinds and sizes."""

import numpy as np
import pytest
from PIL import Image

from brgm_tf.app import uploads
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.sessions import Sessions
from brgm_tf.core.errors import InputError

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


@pytest.mark.parametrize(("plane", "slices"), [("axial", (8, 4)), ("sagittal", (12, 6))])
def test_the_slices_of_a_volume_depend_on_the_plane(tmp_path, plane, slices):
    pytest.importorskip("nibabel")
    import medical_files

    path = medical_files.volume(tmp_path / "head.nii", axes="LPI")
    assert uploads.slices_of(path, plane) == slices


def test_a_picture_has_one_slice(tmp_path):
    assert uploads.slices_of(tmp_path / "a.png", "axial") == (1, 0)
