"""Text for the user never stops the program, even if the streams fail."""

import io
import os
import subprocess
import sys

import pytest

from brgm_tf.core.progress import Lines, display
from brgm_tf.core.terminal import SafeStream


class Failing(io.StringIO):
    """A stream that fails like a full disk, at each write or at the flush."""

    def __init__(self, *, at):
        super().__init__()
        self._at = at

    def write(self, text):
        if self._at == "write":
            raise OSError(28, "No space left on device")
        return super().write(text)

    def flush(self):
        if self._at == "flush":
            raise BrokenPipeError(32, "Broken pipe")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize(
    "stream",
    [Failing(at="write"), Failing(at="flush"), closed(), None],
    ids=["write", "flush", "closed", "none"],
)
def test_a_failing_stream_stops_neither_messages_nor_progress(stream):
    safe = SafeStream(stream)
    assert safe.write("text\n") == 5
    safe.flush()
    lines = display(10, stream=stream)
    assert isinstance(lines, Lines)
    lines.update(5, doing="face")
    lines.say("a line")
    lines.close()


@pytest.mark.parametrize(
    ("encoding", "written"), [("ascii", b"na\\xefve\n"), ("latin-1", b"na\xefve\n")]
)
def test_a_character_outside_the_encoding_is_escaped(encoding, written):
    file = io.BytesIO()
    safe = SafeStream(io.TextIOWrapper(file, encoding=encoding))
    safe.write("na\xefve\n")
    safe.flush()
    assert file.getvalue() == written


def test_undecodable_bytes_of_a_file_name_are_escaped():
    file = io.BytesIO()
    safe = SafeStream(io.TextIOWrapper(file, encoding="utf-8"))
    safe.write(os.fsdecode(b"caf\xe9") + "\n")
    safe.flush()
    assert file.getvalue() == b"caf\\udce9\n"


PROGRAM = """
from brgm_tf.cli import process
from brgm_tf.core.terminal import protect
protect()
for _ in range(3):
    process.show("x" * 5000)
    process.say("y" * 5000)
raise SystemExit(7)
"""


@pytest.mark.parametrize(
    "redirection",
    [">&-", "2>&-", ">&- 2>&-", ">/dev/full", ">/dev/full 2>&1", "2>&1 | head -c 1", "| head -c 0"],
)
def test_a_process_exits_with_its_code_if_its_output_fails(redirection):
    command = f'"$0" -c "$1" {redirection}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, PROGRAM], capture_output=True, check=False
    )
    assert done.returncode == 7
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_closed_standard_descriptor_is_not_reused_for_a_file(tmp_path):
    program = (
        "import os, sys; from brgm_tf.core.terminal import protect\n"
        "protect(); sys.exit(os.open(sys.argv[1], os.O_CREAT))"
    )
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" "$2" >&- 2>&-', sys.executable, program, tmp_path / "file"],
        check=False,
    )
    assert done.returncode > 2
