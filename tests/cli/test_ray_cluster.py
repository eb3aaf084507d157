"""A collection on a Ray cluster of two nodes. One node dies."""

import contextlib
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_run import COUNT, contents, flags, make

ROOT = Path(__file__).parents[2]
# With these flags a batch takes some seconds, so its node can die meanwhile.
MORE = ["--batch_size=1", "--num_steps=100"]


def start(*program, **options):
    # A worker uses one thread, and the last bits depend on the number of threads.
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1"}
    # By default Ray's workers have a low priority and would wait for all other processes.
    environment["RAY_worker_niceness"] = "0"
    options |= {"stdout": subprocess.PIPE, "text": True, "env": environment}
    return subprocess.Popen([sys.executable, *program], cwd=ROOT, **options)


def on_cluster(*flags):
    return start("tools/reconstruct_cluster.py", *flags, stderr=subprocess.PIPE)


@contextlib.contextmanager
def two_nodes():
    """Yields the address of two nodes and a function that ends the second node."""
    process = start("tests/helpers/ray_nodes.py", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def next_line():
        process.stdin.write("\n")
        process.stdin.flush()

    with process:
        yield process.stdout.readline().strip(), next_line
        next_line()


def rows(path):
    """Returns the rows of a table without their seconds."""
    with open(path, encoding="utf-8") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_a_lost_node_loses_no_image_and_changes_no_byte(tmp_path):
    make(tmp_path)
    single, cluster = tmp_path / "single", tmp_path / "cluster"
    alone = start("-m", "brgm_tf.reconstruct", *flags(tmp_path, single), *MORE)
    shared = [*flags(tmp_path, f"file://{cluster}"), *MORE]
    with (
        alone,
        two_nodes() as (address, lose_one),
        on_cluster(*shared, f"--ray_address={address}") as run,
    ):
        while run.poll() is None and not list(cluster.glob("*/metrics.json")):
            time.sleep(0.05)
        lose_one()
        assert run.wait() == 0, run.stderr.read()
    assert alone.returncode == 0
    assert len(contents(single)) > 4 * COUNT
    assert contents(cluster) == contents(single)
    assert rows(cluster / "metrics.csv") == rows(single / "metrics.csv")
    manifest = rows(cluster / "manifest.csv")
    assert [(row["image"], row["status"]) for row in manifest] == [
        (str(i), "finished") for i in range(COUNT)
    ]
    # With two nodes, each would have restored half of the images.
    processes = [row["process"] for row in manifest]
    assert max(map(processes.count, processes)) > COUNT // 2
    with on_cluster(*shared, "--resume") as resumed:
        assert resumed.wait() == 0
        assert f"{COUNT} of {COUNT} images were finished before" in resumed.stderr.read()


def test_an_unreachable_cluster_is_an_error(tmp_path):
    make(tmp_path)
    with on_cluster(*flags(tmp_path, tmp_path / "out"), "--ray_address=127.0.0.1:1") as run:
        assert run.wait() == 2
        assert "error: --ray_address: `ray_address` must be the address of" in run.stderr.read()
