"""Flagfiles: their encodings, comments and nesting."""

import pytest
from absl import flags

from brgm_tf.cli import flagfiles


def expanded(*arguments, **options):
    return list(flagfiles.expand(arguments, **options))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_flagfile_is_read_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "a.cfg"
    path.write_bytes("--input=\u00e9.png\r\n\r\n# a comment\r\n--seed=3".encode(encoding))
    assert expanded("--batch_size=2", f"--flagfile={path}", "--seed=4") == [
        "--batch_size=2",
        "--input=\u00e9.png",
        "--seed=3",
        "--seed=4",
    ]


@pytest.mark.parametrize("name", ["--flagfile", "-flagfile"])
def test_the_path_of_a_flagfile_may_be_the_next_argument(tmp_path, name):
    (tmp_path / "a.cfg").write_text("// a comment\n--seed=3\n")
    assert expanded(name, str(tmp_path / "a.cfg")) == ["--seed=3"]


def test_a_flagfile_may_include_another(tmp_path):
    (tmp_path / "a.cfg").write_text("--seed=3\n")
    (tmp_path / "b.cfg").write_text(f"--flagfile={tmp_path / 'a.cfg'}\n--batch_size=2\n")
    assert expanded(f"--flagfile={tmp_path / 'b.cfg'}") == ["--seed=3", "--batch_size=2"]


def test_arguments_after_two_dashes_are_not_expanded():
    assert expanded("--", "--flagfile=none.cfg") == ["--", "--flagfile=none.cfg"]


def test_arguments_are_changed_before_they_are_expanded(tmp_path):
    (tmp_path / "a.cfg").write_text("--seed=3\n")
    change = {"--flagfile=preset": f"--flagfile={tmp_path / 'a.cfg'}", "--seed=3": "--seed=4"}.get
    assert expanded("--flagfile=preset", change=change) == ["--seed=4"]


def test_unusable_flagfiles_are_refused(tmp_path):
    (tmp_path / "a.cfg").write_text(f"--flagfile={tmp_path / 'a.cfg'}\n")
    for arguments, message in (
        (["--flagfile"], "must be followed by a path"),
        ([f"--flagfile={tmp_path / 'a.cfg'}"], "must not name itself"),
        ([f"--flagfile={tmp_path / 'none.cfg'}"], "must be a text file.*No such file"),
        ([f"--flagfile={tmp_path}"], "must be a text file.*directory"),
    ):
        with pytest.raises(flags.Error, match=message):
            expanded(*arguments)
