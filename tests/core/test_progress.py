"""Progress of a run: a few plain lines in a log, one line that changes on a terminal."""

import io
import os
import termios

import pytest

from brgm_tf.core import progress


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log():
    return io.StringIO()


@pytest.fixture
def lines(log, clock):
    return progress.Lines(200, stream=log, clock=clock)


def all_of(terminal):
    """Returns the text written to the other end of a closed terminal, and closes this end."""
    written = b""
    try:
        # A read may return a part of the text.
        while part := os.read(terminal, 65536):
            written += part
    except OSError:  # Linux reports the end of the text so.
        pass
    os.close(terminal)
    return written.decode()


def test_a_log_has_a_line_for_each_tenth_of_the_run(lines, log):
    for step in range(0, 201):
        lines.update(step, doing="face")
    percentages = [int(line.split("%")[0]) for line in log.getvalue().splitlines()]
    assert percentages == list(range(0, 101, 10))


def test_a_line_states_the_activity_and_the_times(lines, log, clock):
    clock.seconds = 90.0
    lines.update(50, doing="face", note="loss 3.5")
    assert log.getvalue() == " 25% face, loss 3.5, 1:30 passed, 4:30 left\n"


def test_the_remaining_time_follows_the_pace_of_the_later_half(lines, log, clock):
    for clock.seconds, done in ((20.0, 10), (21.0, 20), (60.0, 20), (62.0, 40)):
        lines.update(done, doing="face")
    assert [line.split(", ")[-1] for line in log.getvalue().splitlines()] == [
        "6:20 left",  # the first pace: 2 seconds a step, compilation included
        "0:18 left",  # 0.1 seconds a step
        "0:18 left",  # no new step
        "5:28 left",  # 41 seconds for 20 steps
    ]


def test_a_slow_run_logs_a_line_every_thirty_seconds(lines, log, clock):
    for clock.seconds in range(0, 100, 10):
        lines.update(1, doing="face")
    assert log.getvalue().count("\n") == 4  # at 0, 30, 60 and 90 seconds


def test_a_log_has_no_control_characters(log):
    shown = progress.display(20, stream=log)
    shown.update(0, doing="compiling")
    shown.update(10, doing="face")
    shown.say("warning: too dark")
    shown.close()
    assert log.getvalue().splitlines()[-1] == "warning: too dark"
    assert not {"\r", "\x1b"} & set(log.getvalue())


def test_a_terminal_has_one_bar_and_whole_lines_above_it():
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with open(theirs, "w") as terminal:
        shown = progress.display(20, stream=terminal)
        shown.update(10, doing="face", note="loss 3.5")
        shown.say("warning: too dark")
        shown.close()
    written = all_of(ours)
    assert "face:  50%" in written
    assert "loss 3.5" in written
    # The line starts after a carriage return, because the bar before it was erased.
    assert any(line.split("\r")[-1] == "warning: too dark" for line in written.split("\r\n"))
    assert written.count("\n") == 2
