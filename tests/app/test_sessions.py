"""The files of a session are apart from others, and deleted with it."""

import os
import time

import pytest

from brgm_tf.app.messages import Refusal
from brgm_tf.app.sessions import Sessions


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sessions(tmp_path, clock):
    return Sessions(tmp_path, idle_seconds=60, clock=clock)


def test_a_key_keeps_its_session(sessions):
    assert sessions.get("a") is sessions.get("a")
    assert sessions.get("a").folder != sessions.get("b").folder


def test_the_name_of_a_folder_does_not_tell_the_key(sessions):
    name = sessions.get("abc").folder.name
    assert "abc" not in name
    assert len(name) >= 20


def test_a_request_without_a_key_is_refused(sessions):
    with pytest.raises(Refusal):
        sessions.get(None)


def test_files_go_with_the_session(sessions):
    mine, other = sessions.get("a"), sessions.get("b")
    (mine.new_folder("run") / "x.png").touch()
    sessions.close("a")
    assert not mine.folder.exists()
    assert mine.stop.is_set()
    assert other.folder.exists()
    assert not other.stop.is_set()


def test_a_new_folder_replaces_the_earlier_one(sessions):
    session = sessions.get("a")
    first, other, second = (session.new_folder(kind) for kind in ("run", "mask", "run"))
    assert first != second
    assert (first.exists(), other.exists(), second.exists()) == (False, True, True)


def test_idle_sessions_are_closed_unless_they_run(sessions, clock):
    for key in ("idle", "runs", "used"):
        sessions.get(key)
    sessions.get("runs").is_running = True
    clock.now = 61.0
    sessions.get("used")
    sessions.sweep()
    assert len(sessions) == 2
    assert sessions.count_running() == 1


def test_an_upload_that_nobody_takes_is_deleted(sessions, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    long_ago = time.time() - 3600
    os.utime(old, (long_ago, long_ago))
    sessions.sweep()
    assert (old.exists(), new.exists()) == (False, True)


def test_files_that_a_stopped_run_writes_later_are_deleted(sessions):
    folder = sessions.get("a").folder
    sessions.close("a")
    (folder / "run-1").mkdir(parents=True)
    sessions.sweep()
    assert not folder.exists()
