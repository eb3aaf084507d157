"""The worker is a process that is stopped, replaced and lost without harm to the page."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from brgm_tf.app.jobs import Job, Outcome, Update
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.worker_process import WorkerProcess
from brgm_tf.pipeline.config import Config

# A worker without TensorFlow. The name of a job's picture states what it does.
PROGRAM = """
import os, time
from brgm_tf.app.jobs import Outcome, Update
from brgm_tf.app.messages import Refusal
from brgm_tf.app.worker import REPLACE, Channel, take_streams

channel = Channel(*take_streams())
limits = channel.first()
channel.listen()
count = 0

def restore(job, stop, send):
    global count
    count += 1
    print("text of a library")
    if job.picture == "refuse":
        raise Refusal("masks", "Paint the missing pixels.")
    if job.picture == "fail":
        raise RuntimeError("/srv/secret")
    if job.picture == "new" and count > 1:
        return REPLACE
    while job.picture == "wait" and not stop.is_set():
        send(Update(note=str(os.getpid())))
        time.sleep(0.01)
    return Outcome(None, {"pid": {"pid": os.getpid()}}, (), limits.worker_gigabytes, True)

channel.serve(restore)
"""
COMMAND = (sys.executable, "-c", PROGRAM)


@pytest.fixture(scope="module")
def worker():
    with_limits = WorkerProcess(Limits(worker_gigabytes=2.5), command=COMMAND)
    yield with_limits
    with_limits.close()


def job(picture):
    return Job(Config(), picture, None, None)


def outcome_of(worker, picture):
    *_, last = worker.run(job(picture), stop=threading.Event())
    assert isinstance(last, Outcome)
    return last


def pid_of(worker):
    return outcome_of(worker, "do").metrics["pid"]["pid"]


def test_jobs_share_a_process(worker):
    assert pid_of(worker) == pid_of(worker) == worker.pid
    assert outcome_of(worker, "do").seconds == 2.5


def test_a_refusal_passes_the_pipe(worker):
    with pytest.raises(Refusal) as refusal:
        outcome_of(worker, "refuse")
    assert (refusal.value.field, refusal.value.text) == ("masks", "Paint the missing pixels.")


def test_an_unexpected_error_stays_in_the_log_of_the_server(worker):
    with pytest.raises(Refusal, match="The restoration failed") as refusal:
        outcome_of(worker, "fail")
    assert "secret" not in refusal.value.text


def test_a_stop_ends_a_job_with_its_outcome(worker):
    stop = threading.Event()
    messages = worker.run(job("wait"), stop=stop)
    assert isinstance(next(messages), Update)
    stop.set()
    *_, last = messages
    assert isinstance(last, Outcome)


def test_a_stop_needs_nobody_who_reads_the_messages(worker):
    stop = threading.Event()
    messages = worker.run(job("wait"), stop=stop)
    next(messages)
    stop.set()
    assert pid_of(worker) == worker.pid
    messages.close()


def test_a_closed_iterator_stops_its_job(worker):
    messages = worker.run(job("wait"), stop=threading.Event())
    next(messages)
    messages.close()
    assert pid_of(worker) == worker.pid


def test_a_worker_that_is_too_large_is_replaced(worker):
    before = pid_of(worker)
    assert outcome_of(worker, "new").metrics["pid"]["pid"] != before
    assert is_dead(before)


def test_a_killed_worker_is_one_line_and_a_new_worker(worker):
    messages = worker.run(job("wait"), stop=threading.Event())
    next(messages)
    killed = worker.pid
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(Refusal, match=r"ended \(signal 9; maybe memory ran out\).*try again"):
        list(messages)
    assert pid_of(worker) != killed


def test_a_worker_that_is_killed_while_it_waits_is_replaced(worker):
    killed = pid_of(worker)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: worker.pid != killed)
    assert pid_of(worker) != killed


def test_a_command_that_cannot_start_is_one_line():
    broken = WorkerProcess(Limits(), command=(sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(Refusal, match=r"ended \(code 3\)"):
        outcome_of(broken, "do")
    broken.close()


def test_the_worker_ends_with_the_page():
    program = (
        "import os, signal, sys; from brgm_tf.app.limits import Limits;"
        "from brgm_tf.app.worker_process import WorkerProcess;"
        f"worker = WorkerProcess(Limits(), command=(sys.executable, '-c', {PROGRAM!r}));"
        "print(worker.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: is_dead(int(done.stdout)))


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_dead(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A zombie waits for a parent that does not ask for it.
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"
