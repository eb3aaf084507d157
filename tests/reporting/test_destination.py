"""Results at an address, by TensorFlow's own access to file systems."""

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.reporting import writer
from brgm_tf.reporting.destination import Destination


def test_a_folder_is_written_to_where_it_is(tmp_path):
    with Destination(str(tmp_path / "out")) as destination:
        (destination.folder / "a.txt").write_text("a")
        destination.publish(["a.txt"])
    assert (tmp_path / "out" / "a.txt").read_text() == "a"


def test_files_are_copied_to_an_address_and_fetched_from_it(tmp_path):
    with Destination(f"file://{tmp_path}/out") as destination:
        (destination.folder / "a.txt").write_text("a")
        destination.publish(["a.txt"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]
    assert not destination.folder.exists()
    with Destination(f"file://{tmp_path}/out") as destination:
        destination.fetch(["a.txt", "not there"])
        assert (destination.folder / "a.txt").read_text() == "a"


def test_an_image_replaces_what_an_earlier_run_has_left(tmp_path):
    old = tmp_path / "out" / "image"
    old.mkdir(parents=True)
    (old / "merged.png").write_bytes(b"old")
    with Destination(f"file://{tmp_path}/out") as destination:
        home = destination.folder / "image"
        (home / "samples").mkdir(parents=True)
        (home / "samples" / "00.png").write_bytes(b"new")
        (home / writer.METRICS_NAME).write_bytes(b"new")
        destination.publish_image("image")
    found = {str(path.relative_to(old)) for path in old.rglob("*") if path.is_file()}
    assert found == {"samples/00.png", writer.METRICS_NAME}


def test_an_address_that_cannot_be_written_to_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="`output_dir` must be a folder that can be written to"):
        Destination(f"file://{tmp_path}/file/out")


def test_an_unknown_kind_of_address_is_an_error():
    with pytest.raises(InputError, match="`output_dir` must be a folder"):
        Destination("nowhere://out")
