"""Going on with an interrupted run: what counts as finished, and kill -9."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from commands import command
from example_results import result
from small_run import COUNT, contents, flags, make, share_restorers

from brgm_tf.cli.progress import RunProgress
from brgm_tf.cli.restore import STOPPED
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.resuming import finished_rows
from brgm_tf.reporting import writer
from brgm_tf.reporting.tables import MetricsTable, read_rows

FLAGS = "--seed=1\n--num_steps=5\n"


def run_of(folder, *names, **changes):
    writer.save_flags(folder, FLAGS)
    for name in names:
        writer.save_image_result(folder, result(name=name, **changes))
    return folder


# What is finished.


def test_nothing_is_finished_in_a_folder_that_is_not_there(tmp_path):
    assert finished_rows(tmp_path / "none", ["a"], flags=FLAGS) == {}


def test_an_image_with_all_its_files_is_finished(tmp_path):
    run_of(tmp_path, "b", "a")
    assert list(finished_rows(tmp_path, ["a", "b", "c"], flags=FLAGS)) == ["a", "b"]


def test_an_image_without_the_last_of_its_files_is_not(tmp_path):
    run_of(tmp_path, "a")
    (tmp_path / "a" / "metrics.json").unlink()
    assert finished_rows(tmp_path, ["a"], flags=FLAGS) == {}


def test_an_image_that_was_stopped_is_not(tmp_path):
    run_of(tmp_path, "a", complete=False)
    assert finished_rows(tmp_path, ["a"], flags=FLAGS) == {}


def test_an_image_that_a_new_run_forgets_is_not(tmp_path):
    run_of(tmp_path, "a", "b")
    writer.forget(tmp_path, ["a", "c"])
    assert list(finished_rows(tmp_path, ["a", "b"], flags=FLAGS)) == ["b"]


def test_writing_an_image_again_begins_by_forgetting_it(tmp_path, monkeypatch):
    run_of(tmp_path, "a")
    monkeypatch.setattr(writer, "_save_pictures", None)
    with pytest.raises(TypeError):
        run_of(tmp_path, "a")
    assert finished_rows(tmp_path, ["a"], flags=FLAGS) == {}


def test_other_flags_are_refused_by_their_names(tmp_path):
    run_of(tmp_path, "a")
    with pytest.raises(InputError, match=r"`resume`.*these differ: --num_steps\. Give another"):
        finished_rows(tmp_path, ["a"], flags="--seed=1\n--num_steps=6\n")


def test_a_row_comes_from_the_table_or_else_from_metrics_json(tmp_path):
    run_of(tmp_path, "a", "b", metrics={"rmse": 1.5, "lpips": float("nan")})
    MetricsTable(tmp_path).add([{"image": "a", "seconds": 3.25, "rmse": 1.5}])
    rows = finished_rows(tmp_path, ["a", "b"], flags=FLAGS)
    assert (rows["a"]["seconds"], rows["a"]["rmse"]) == ("3.25", "1.5")
    assert rows["b"] == {"image": "b", "rmse": 1.5, "lpips": None}


# The whole.


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a generator, pictures, and the results of an undisturbed run."""
    folder = make(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        share_restorers(patch)
        assert command(*flags(folder, folder / "out")) == 0
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of the results of the undisturbed run, as if they had been made there."""
    out = tmp_path / "out"
    shutil.copytree(whole / "out", out)
    text = (out / "flags.cfg").read_text()
    (out / "flags.cfg").write_text(text.replace(str(whole / "out"), str(out)))
    return out


def rows_of(folder):
    """The rows of a run's tables, sorted, without the seconds."""
    rows = [row for path in folder.glob("metrics*.csv") for row in read_rows(path)]
    return sorted([value for key, value in row.items() if key != "seconds"] for row in rows)


def test_a_run_that_is_finished_is_not_begun_again(whole, copy, capsys, monkeypatch):
    monkeypatch.setattr("brgm_tf.cli.restore.Restorer", None)
    assert command(*flags(whole, copy), "--resume") == 0
    assert f"{COUNT} of {COUNT} images were finished before" in capsys.readouterr().err


def test_half_a_batch_is_computed_again_but_not_written_again(whole, copy):
    shutil.rmtree(copy / "3")
    before = (copy / "2" / "metrics.json").stat().st_mtime_ns
    assert command(*flags(whole, copy), "--resume") == 0
    assert (copy / "2" / "metrics.json").stat().st_mtime_ns == before
    assert contents(copy) == contents(whole / "out")


def test_shards_in_one_folder_leave_what_one_process_does(whole, tmp_path):
    for index in range(2):
        assert command(*flags(whole, tmp_path), f"--shard={index}/2") == 0
    assert contents(tmp_path) == contents(whole / "out")
    assert rows_of(tmp_path) == rows_of(whole / "out")


def test_what_was_half_written_when_a_run_was_killed_is_removed(whole, copy):
    (copy / "3" / "metrics.json").unlink()
    for name in ("flags.cfg", "metrics.csv", "state.npz", "3/probe", "3/figure.png"):
        atomic_files.temporary_beside(copy / name).touch()
    assert command(*flags(whole, copy), "--resume") == 0
    assert not list(copy.rglob("*.tmp"))
    assert contents(copy) == contents(whole / "out")


@pytest.mark.slow
def test_after_kill_9_the_same_command_goes_on_to_the_same_bytes(whole, tmp_path, capsys):
    arguments = [*flags(whole, tmp_path), "--resume"]
    process = subprocess.Popen(
        [sys.executable, "-m", "brgm_tf.reconstruct", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list(tmp_path.glob("*/metrics.json")):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert command(*arguments) == 0
    assert f"of {COUNT} images were finished before" in capsys.readouterr().err
    assert contents(tmp_path) == contents(whole / "out")
    assert rows_of(tmp_path) == rows_of(whole / "out")


# A batch that was stopped.


def test_a_stopped_batch_goes_on_from_its_last_step_to_the_same_bytes(whole, tmp_path, monkeypatch):
    count_and_show = RunProgress.__call__
    steps = []

    def stopping(self, step):
        steps.append(step.step)
        if len(steps) == 1:
            self.stop()  # as a signal has it
        return count_and_show(self, step)

    monkeypatch.setattr(RunProgress, "__call__", stopping)
    assert command(*flags(whole, tmp_path)) == STOPPED
    assert (tmp_path / "state.npz").exists()
    assert command(*flags(whole, tmp_path), "--resume") == 0
    assert steps == [10, 20, 10, 20]
    assert contents(tmp_path) == contents(whole / "out")
    assert not (tmp_path / "state.npz").exists()


def test_a_state_that_cannot_be_read_is_one_line(whole, copy, capsys):
    shutil.rmtree(copy / "3")
    (copy / "state.npz").write_bytes(b"nothing of the kind")
    assert command(*flags(whole, copy), "--resume") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "`resume` needs a readable state.npz" in error
    assert "Remove the file" in error


def test_a_new_run_forgets_where_an_earlier_one_was_stopped(whole, tmp_path, monkeypatch):
    def refused(*_, **__):
        raise InputError("generator", "must not be loaded here")

    (tmp_path / "state.npz").write_bytes(b"of other flags")
    monkeypatch.setattr("brgm_tf.cli.restore.Restorer", refused)
    assert command(*flags(whole, tmp_path)) == 2
    assert not (tmp_path / "state.npz").exists()
