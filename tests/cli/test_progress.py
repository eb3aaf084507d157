"""Progress of a run: its counts, and the signals that stop it."""

import io
import signal
import sys

import pytest

from brgm_tf.cli.progress import RunProgress
from brgm_tf.pipeline.batch_result import BatchResult
from brgm_tf.reporting.failures import Failure


class Image:
    """An image of a batch with nothing but a name."""

    def __init__(self, name):
        self.name = name


@pytest.fixture(autouse=True)
def hang_up_ends_a_process():
    """The default, which nohup changes."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_run(number):
    before = signal.getsignal(number)
    with RunProgress(1, 20) as progress:
        assert not progress.stopped
        signal.raise_signal(number)
        assert progress.stopped
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGHUP])
def test_only_a_second_ctrl_c_stops_at_once(first, second):
    with RunProgress(1, 20) as progress:
        signal.raise_signal(first)
        signal.raise_signal(second)
        assert progress.stopped
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with RunProgress(1, 20) as progress:
            signal.raise_signal(signal.SIGHUP)
            assert not progress.stopped
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_images_that_fail_to_save_are_not_counted_as_saved(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    progress = RunProgress(5, 20)
    unsaved = Failure("b", "the disk is full", "saving")
    progress.finish(
        BatchResult((Image("a"), Image("b"))), failures=[unsaved, Failure("c", "no picture")]
    )
    assert ": compiling" in log.getvalue()
    assert " 60% 1 saved, 2 failed, " in log.getvalue()
    progress.finish(BatchResult((Image("d"), Image("e"))), failures=[])
    assert "100% 3 saved, 2 failed, " in log.getvalue()
