"""The lock of an output folder refuses a second run, but not other shards or dead runs."""

import os
import signal
import subprocess
import sys

import pytest

from brgm_tf.cli.run_lock import locked
from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.sharding import Shard
from brgm_tf.reporting import writer

FLAGS = "--seed=1\n"
HOLD = (
    "import sys; from pathlib import Path; from brgm_tf.cli.run_lock import locked\n"
    "from brgm_tf.pipeline.sharding import Shard\n"
    "with locked(Path(sys.argv[1]), shard=Shard(), flags=''):\n"
    "    print('held', flush=True); sys.stdin.readline()"
)


def hold(folder, shard, flags=FLAGS):
    with locked(folder, shard=shard, flags=flags):
        pass


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Shard(), Shard()),
        (Shard(0, 2), Shard(0, 2)),
        (Shard(), Shard(0, 2)),
        (Shard(0, 2), Shard()),
        (Shard(0, 2), Shard(1, 3)),
    ],
)
def test_a_second_run_is_refused_in_one_line(tmp_path, first, second):
    in_use = pytest.raises(InputError, match="`output_dir` must not be in use by another run")
    with locked(tmp_path, shard=first, flags=FLAGS), in_use:
        hold(tmp_path, second)
    hold(tmp_path, second)


def test_shards_of_one_run_share_a_folder(tmp_path):
    writer.save_flags(tmp_path, FLAGS)
    with locked(tmp_path, shard=Shard(0, 2), flags=FLAGS):
        hold(tmp_path, Shard(1, 2))


def test_shards_of_two_runs_cannot_share_a_folder(tmp_path):
    writer.save_flags(tmp_path, FLAGS)
    with locked(tmp_path, shard=Shard(0, 2), flags=FLAGS), pytest.raises(InputError):
        hold(tmp_path, Shard(1, 2), flags="--seed=2\n")


def test_a_released_lock_leaves_no_file(tmp_path):
    hold(tmp_path, Shard())
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_does_not_block(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InputError):
            hold(tmp_path, Shard())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    for shard in (Shard(0, 2), Shard()):
        hold(tmp_path, shard)
    assert list(tmp_path.iterdir()) == []
