"""Results at an address, written through TensorFlow's file systems."""

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.reporting import writer
from brgm_tf.reporting.destination import Destination


def test_a_local_folder_is_written_in_place(tmp_path):
    with Destination(str(tmp_path / "out")) as destination:
        (destination.folder / "a.txt").write_text("a")
        destination.publish(["a.txt"])
    assert (tmp_path / "out" / "a.txt").read_text() == "a"


def test_files_are_published_to_an_address_and_fetched_from_it(tmp_path):
    with Destination(f"file://{tmp_path}/out") as destination:
        (destination.folder / "a.txt").write_text("a")
        destination.publish(["a.txt"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]
    assert not destination.folder.exists()
    with Destination(f"file://{tmp_path}/out") as destination:
        destination.fetch(["a.txt", "not there"])
        assert (destination.folder / "a.txt").read_text() == "a"


def test_a_published_image_replaces_files_of_an_earlier_run(tmp_path):
    old = tmp_path / "out" / "image"
    old.mkdir(parents=True)
    (old / "merged.png").write_bytes(b"old")
    with Destination(f"file://{tmp_path}/out") as destination:
        folder = destination.folder / "image"
        (folder / "samples").mkdir(parents=True)
        (folder / "samples" / "00.png").write_bytes(b"new")
        (folder / writer.METRICS_NAME).write_bytes(b"new")
        destination.publish_image("image")
    published = {str(path.relative_to(old)) for path in old.rglob("*") if path.is_file()}
    assert published == {"samples/00.png", writer.METRICS_NAME}


def test_an_address_that_is_not_writable_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="`output_dir` must be a folder that can be written to"):
        Destination(f"file://{tmp_path}/file/out")


def test_an_unknown_scheme_is_an_error():
    with pytest.raises(InputError, match="`output_dir` must be a folder"):
        Destination("nowhere://out")
