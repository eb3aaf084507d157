"""Resuming an interrupted run: finished images, changed inputs, and kill -9."""

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from commands import command
from example_results import result
from PIL import Image
from small_run import COUNT, contents, flags, make, share_restorers

from brgm_tf.cli.progress import RunProgress
from brgm_tf.cli.restore import STOPPED
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io.inputs import InputRequirements, InputSpec, load, plan
from brgm_tf.io.pictures import PictureArray, PictureFile
from brgm_tf.pipeline.resuming import find_finished
from brgm_tf.reporting import writer
from brgm_tf.reporting.tables import MetricsTable, read_rows

FLAGS = "--seed=1\n--num_steps=5\n"


def run_of(folder, *names, **changes):
    writer.save_flags(folder, FLAGS)
    for name in names:
        writer.save_image_result(folder, result(name=name, **changes))
    return folder


def finished(folder, *names, flags=FLAGS):
    specs = [InputSpec(name, PictureArray(np.zeros((1, 1, 1)))) for name in names]
    return find_finished(folder, specs, flags=flags).rows


# Finished images.


def test_nothing_is_finished_in_a_missing_folder(tmp_path):
    assert finished(tmp_path / "none", "a") == {}


def test_an_image_with_all_its_files_is_finished(tmp_path):
    run_of(tmp_path, "b", "a")
    assert list(finished(tmp_path, "a", "b", "c")) == ["a", "b"]


def test_an_image_without_its_last_file_is_not_finished(tmp_path):
    run_of(tmp_path, "a")
    (tmp_path / "a" / "metrics.json").unlink()
    assert finished(tmp_path, "a") == {}


def test_a_stopped_image_is_not_finished(tmp_path):
    run_of(tmp_path, "a", complete=False)
    assert finished(tmp_path, "a") == {}


def test_a_forgotten_image_is_not_finished(tmp_path):
    run_of(tmp_path, "a", "b")
    writer.forget(tmp_path, ["a", "c"])
    assert list(finished(tmp_path, "a", "b")) == ["b"]


def test_writing_an_image_first_marks_it_as_unfinished(tmp_path, monkeypatch):
    run_of(tmp_path, "a")
    monkeypatch.setattr(writer, "_save_pictures", None)
    with pytest.raises(TypeError):
        run_of(tmp_path, "a")
    assert finished(tmp_path, "a") == {}


def test_the_error_for_other_flags_names_them(tmp_path):
    run_of(tmp_path, "a")
    with pytest.raises(InputError, match=r"`resume`.*these differ: --num_steps\. Give another"):
        finished(tmp_path, "a", flags="--seed=1\n--num_steps=6\n")


def test_a_row_is_read_from_the_table_or_else_from_metrics_json(tmp_path):
    run_of(tmp_path, "a", "b", metrics={"rmse": 1.5, "lpips": float("nan")})
    MetricsTable(tmp_path).add([{"image": "a", "seconds": 3.25, "rmse": 1.5}])
    rows = finished(tmp_path, "a", "b")
    assert (rows["a"]["seconds"], rows["a"]["rmse"]) == ("3.25", "1.5")
    assert rows["b"] == {"image": "b", "rmse": 1.5, "lpips": None}


# Changed inputs.


@pytest.fixture
def scan(tmp_path):
    """Returns the specification of a file with a result in out/."""
    path = tmp_path / "scan.png"
    Image.new("L", (3, 3)).save(path)
    spec = InputSpec("scan", PictureFile(path))
    (tmp_path / "out").mkdir()
    run_of(tmp_path / "out", "scan", origin=spec.origin)
    return spec


def test_a_result_records_path_size_and_time_of_its_input(scan, tmp_path):
    contents = json.loads((tmp_path / "out" / "scan" / "metrics.json").read_bytes())
    path = tmp_path / "scan.png"
    assert (contents["input"], contents["input_bytes"]) == (str(path), path.stat().st_size)
    seconds = datetime.datetime.fromisoformat(contents["input_version"][:19] + "+00:00").timestamp()
    assert seconds == path.stat().st_mtime_ns // 10**9


def test_an_image_with_an_unchanged_input_is_finished(scan, tmp_path):
    finished = find_finished(tmp_path / "out", [scan], flags=FLAGS)
    assert (list(finished.rows), finished.changed) == (["scan"], [])
    assert finished.lines(1) == ["1 of 1 images were finished before"]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"0"),
        lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)),
        lambda path: path.rename(path.with_name("other.png")),
    ],
    ids=["size", "time", "path"],
)
def test_an_image_with_a_changed_input_is_restored_again(scan, tmp_path, change):
    path = tmp_path / "scan.png"
    change(path)
    source = PictureFile(path if path.exists() else tmp_path / "other.png")
    finished = find_finished(tmp_path / "out", [InputSpec("scan", source)], flags=FLAGS)
    assert (finished.rows, finished.changed) == ({}, ["scan"])
    assert finished.lines(1)[1] == "restored again, because the input has changed: scan"


def test_an_image_with_a_changed_mask_is_restored_again(scan, tmp_path):
    mask = tmp_path / "mask.png"
    Image.new("1", (3, 3)).save(mask)
    spec = InputSpec("scan", scan.source, mask)
    run_of(tmp_path / "out", "scan", origin=spec.origin)
    assert find_finished(tmp_path / "out", [spec], flags=FLAGS).changed == []
    os.utime(mask, ns=(0, 0))
    assert find_finished(tmp_path / "out", [spec], flags=FLAGS).changed == ["scan"]


def test_a_picture_in_an_archive_is_identified_by_its_contents(tmp_path):
    pictures = [tmp_path / name for name in ("a.png", "b.png")]
    for level, path in enumerate(pictures):
        Image.new("L", (3, 3), level).save(path)
    origins = []
    for names in (
        pictures[:1],
        pictures,
        pictures[1:],
    ):  # in the last archive b.png has the name a.png
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            for path in names:
                archive.add(path, arcname="a.png" if len(names) == 1 else path.name)
        origins.append(plan(tmp_path / "x.tar")[0].origin)
    first, grown, replaced = origins
    assert grown == first
    assert replaced["input"] == first["input"]
    assert replaced != first


def test_the_key_of_a_batch_changes_with_its_input_files(scan, tmp_path):
    expected = InputRequirements(3, True, 3, 3, channels=1)
    before = load(scan, expected=expected).key
    os.utime(tmp_path / "scan.png", ns=(0, 0))
    assert load(scan, expected=expected).key != before


# Whole runs.


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Returns a folder with a generator, images, and the results of an uninterrupted run."""
    folder = make(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        share_restorers(patch)
        assert command(*flags(folder, folder / "out")) == 0
    return folder


@pytest.fixture
def copy(uninterrupted, tmp_path):
    """Returns a copy of the uninterrupted run, with the flags of its new folder."""
    out = tmp_path / "out"
    shutil.copytree(uninterrupted / "out", out)
    text = (out / "flags.cfg").read_text()
    (out / "flags.cfg").write_text(text.replace(str(uninterrupted / "out"), str(out)))
    return out


def rows_of(folder):
    """Returns the sorted rows of the tables of a run, without the seconds."""
    rows = [row for path in folder.glob("metrics*.csv") for row in read_rows(path)]
    return sorted([value for key, value in row.items() if key != "seconds"] for row in rows)


def test_a_finished_run_is_not_restored_again(uninterrupted, copy, capsys, monkeypatch):
    monkeypatch.setattr("brgm_tf.cli.restore.Restorer", None)
    assert command(*flags(uninterrupted, copy), "--resume") == 0
    assert f"{COUNT} of {COUNT} images were finished before" in capsys.readouterr().err


def test_half_a_batch_is_recomputed_but_not_rewritten(uninterrupted, copy):
    shutil.rmtree(copy / "3")
    before = (copy / "2" / "metrics.json").stat().st_mtime_ns
    assert command(*flags(uninterrupted, copy), "--resume") == 0
    assert (copy / "2" / "metrics.json").stat().st_mtime_ns == before
    assert contents(copy) == contents(uninterrupted / "out")


def test_shards_in_one_folder_write_the_same_files_as_one_process(uninterrupted, tmp_path):
    for index in range(2):
        assert command(*flags(uninterrupted, tmp_path), f"--shard={index}/2") == 0
    assert contents(tmp_path) == contents(uninterrupted / "out")
    assert rows_of(tmp_path) == rows_of(uninterrupted / "out")


def test_temporary_files_of_a_killed_run_are_removed(uninterrupted, copy):
    (copy / "3" / "metrics.json").unlink()
    for name in ("flags.cfg", "metrics.csv", "state.npz", "3/probe", "3/figure.png"):
        atomic_files.temporary_beside(copy / name).touch()
    assert command(*flags(uninterrupted, copy), "--resume") == 0
    assert not list(copy.rglob("*.tmp"))
    assert contents(copy) == contents(uninterrupted / "out")


def test_only_replaced_and_added_images_are_restored(uninterrupted, tmp_path, capsys):
    folder, out = tmp_path, tmp_path / "out"
    shutil.copytree(uninterrupted / "in", folder / "in")
    shutil.copytree(uninterrupted / "net", folder / "net")
    assert command(*flags(folder, out), "--num_steps=5") == 0
    before = {i: (out / f"{i}" / "metrics.json").stat().st_mtime_ns for i in range(COUNT)}
    shutil.copy(folder / "in" / "0.png", folder / "in" / "2.png")
    shutil.copy(folder / "in" / "0.png", folder / "in" / "0a.png")
    capsys.readouterr()
    assert command(*flags(folder, out), "--num_steps=5", "--resume") == 0
    error = capsys.readouterr().err
    assert "restored again, because the input has changed: 2\n" in error
    after = {i: (out / f"{i}" / "metrics.json").stat().st_mtime_ns for i in range(COUNT)}
    assert [i for i in range(COUNT) if after[i] != before[i]] == [2]
    rows = {row["image"]: row for row in read_rows(out / "metrics.csv")}
    assert sorted(rows) == ["0", "0a", "1", "2", "3"]
    assert {Path(row["input"]).stem for row in rows.values()} == set(rows)
    reconstructions = [(out / name / "reconstruction.png").read_bytes() for name in ("0", "2")]
    assert reconstructions[0] == reconstructions[1]


def test_failed_images_are_reported_before_compilation_and_in_failures_csv(
    uninterrupted, tmp_path, capsys, monkeypatch
):
    shutil.copytree(uninterrupted / "in", tmp_path / "in")
    shutil.copytree(uninterrupted / "net", tmp_path / "net")
    for i in (1, 3):
        (tmp_path / "in" / f"{i}.png").write_bytes(b"no picture")

    def refused(*_, **__):
        raise InputError("generator", "must not be loaded here")

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("brgm_tf.cli.restore.Restorer", refused)
        assert command(*flags(tmp_path, out)) == 2
    error = capsys.readouterr().err
    assert error.index("failed: 1: ") < error.index("failed: 3: ") < error.index("generator")
    rows = read_rows(out / "failures.csv")
    assert [(row["image"], row["stage"]) for row in rows] == [("1", "planning"), ("3", "planning")]
    assert rows[0]["path"] == str(tmp_path / "in" / "1.png")
    assert command(*flags(tmp_path, out), "--resume") == 1
    error = capsys.readouterr().err
    assert error.count("failed: ") == 2
    shutil.rmtree(tmp_path / "in")
    shutil.copytree(uninterrupted / "in", tmp_path / "in")
    assert command(*flags(tmp_path, out), "--resume") == 0
    assert not (out / "failures.csv").exists()


def test_an_error_while_saving_an_image_fails_that_image_alone(
    uninterrupted, tmp_path, capsys, monkeypatch
):
    encode = writer.figure_png

    def failing(result):
        if result.name == "1":
            raise RuntimeError("an encoder\nfails")
        return encode(result)

    monkeypatch.setattr(writer, "figure_png", failing)
    for resume in ([], ["--resume"]):
        assert command(*flags(uninterrupted, tmp_path), *resume) == 1
        captured = capsys.readouterr()
        assert "failed: 1: RuntimeError: an encoder fails\n" in captured.err
        (row,) = read_rows(tmp_path / "failures.csv")
        assert (row["image"], row["stage"]) == ("1", "saving")
        assert len(read_rows(tmp_path / "metrics.csv")) == COUNT - 1
    monkeypatch.setattr(writer, "figure_png", encode)
    assert command(*flags(uninterrupted, tmp_path), "--resume") == 0
    assert contents(tmp_path) == contents(uninterrupted / "out")


def test_the_table_of_a_finished_run_drops_rows_of_removed_inputs(uninterrupted, tmp_path):
    shutil.copytree(uninterrupted / "in", tmp_path / "in")
    shutil.copytree(uninterrupted / "net", tmp_path / "net")
    out = tmp_path / "out"
    assert command(*flags(tmp_path, out), "--num_steps=5") == 0
    (tmp_path / "in" / "3.png").unlink()
    assert command(*flags(tmp_path, out), "--num_steps=5", "--resume") == 0
    assert [row["image"] for row in read_rows(out / "metrics.csv")] == ["0", "1", "2"]


@pytest.mark.slow
def test_a_run_killed_by_kill_9_resumes_to_the_same_bytes(uninterrupted, tmp_path, capsys):
    arguments = [*flags(uninterrupted, tmp_path), "--resume"]
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
    assert contents(tmp_path) == contents(uninterrupted / "out")
    assert rows_of(tmp_path) == rows_of(uninterrupted / "out")


# Stopped batches.


def test_a_stopped_batch_resumes_at_its_last_step_to_the_same_bytes(
    uninterrupted, tmp_path, monkeypatch
):
    count_and_show = RunProgress.__call__
    steps = []

    def stopping(self, step):
        steps.append(step.step)
        if len(steps) == 1:
            self.stop()  # as a signal does
        return count_and_show(self, step)

    monkeypatch.setattr(RunProgress, "__call__", stopping)
    assert command(*flags(uninterrupted, tmp_path)) == STOPPED
    assert (tmp_path / "state.npz").exists()
    assert command(*flags(uninterrupted, tmp_path), "--resume") == 0
    assert steps == [10, 20, 10, 20]
    assert contents(tmp_path) == contents(uninterrupted / "out")
    assert not (tmp_path / "state.npz").exists()


def test_an_unreadable_state_is_refused_in_one_line(uninterrupted, copy, capsys):
    shutil.rmtree(copy / "3")
    (copy / "state.npz").write_bytes(b"nothing of the kind")
    assert command(*flags(uninterrupted, copy), "--resume") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "`resume` needs a readable state.npz" in error
    assert "Remove the file" in error


def test_a_new_run_removes_the_state_of_an_earlier_run(uninterrupted, tmp_path, monkeypatch):
    def refused(*_, **__):
        raise InputError("generator", "must not be loaded here")

    (tmp_path / "state.npz").write_bytes(b"of other flags")
    monkeypatch.setattr("brgm_tf.cli.restore.Restorer", refused)
    assert command(*flags(uninterrupted, tmp_path)) == 2
    assert not (tmp_path / "state.npz").exists()
