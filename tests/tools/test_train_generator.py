"""The command that trains: its errors, and a run that is killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brgm_tf.generators.preset import load_preset
from brgm_tf.training import state as states

TOOL = Path(__file__).parents[2] / "tools" / "train_generator.py"
TINY = (
    "--resolution=8",
    "--channels=1",
    "--z_dim=4",
    "--w_dim=4",
    "--channel_base=64",
    "--channel_max=8",
    "--mapping_depth=1",
    "--batch_size=8",
    "--path_weight=0",
    "--r1_gamma=0",
    "--augmentations=",
    "--frechet_kimg=0",
    "--snapshot_minutes=0",
    "--tick_kimg=0.04",
    "--total_kimg=0.2",
    "--data=images",
)


def start(*flags, folder, code=None):
    command = [sys.executable, *(["-c", code] if code else [TOOL]), *flags]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    # TensorFlow's C++ side may write lines of its own before it can be told not to.
    return process.returncode, out, err.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command")
    (folder / "images").mkdir()
    levels = np.random.default_rng(0).integers(0, 256, (6, 8, 8), "uint8")
    for i, level in enumerate(levels):
        Image.fromarray(level).save(folder / "images" / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--data=nowhere", "error: --data: `data` must be a folder"),
        ("--held_out=nowhere", "error: --held_out: `held_out` must be a folder"),
        ("--resolution=12", "error: --resolution: `resolution` must be a power of two"),
        ("--batch_size=6", "error: --batch_size: `batch_size` must be a multiple of 4"),
        ("--augmentations=xint,spin", "error: --augmentations: `augmentations` must be among"),
        ("--learning_rate=0", "error: --learning_rate: `learning_rate` must be positive"),
        ("--total_kimg=-1", "error: flag --total_kimg=-1: -1.0 is not a non-negative"),
        ("--nonsense", "error: Unknown command line flag"),
        ("more", "error: `more` is no flag"),
    ],
)
def test_a_bad_flag_is_one_line_before_tensorflow_is_imported(folder, flag, message):
    code = (
        "import sys; sys.modules['tensorflow'] = None; sys.modules['keras'] = None;"
        f"sys.path.insert(0, {str(TOOL.parent)!r}); import train_generator; train_generator.main()"
    )
    returncode, out, lines = finish(start(*TINY, flag, folder=folder, code=code))
    assert (returncode, out) == (2, "")
    assert len(lines) == 1
    assert lines[0].startswith(message)


@pytest.mark.slow
def test_a_killed_run_ends_as_an_undisturbed_one_and_is_exported(folder):
    killed = start(*TINY, "--output_dir=killed", folder=folder)
    deadline = time.monotonic() + 120
    while not states.snapshots(folder / "killed") and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert finish(killed)[0] == -signal.SIGKILL
    runs = [start(*TINY, f"--output_dir={name}", folder=folder) for name in ("killed", "whole")]
    (code, _, lines), (other_code, *_) = map(finish, runs)
    assert (code, other_code) == (0, 0)
    assert any(line.startswith("going on from snapshot-") for line in lines)
    (killed, _), (whole, _) = (
        states.load(states.snapshots(folder / name)[-1]) for name in ("killed", "whole")
    )
    assert killed["step"] == 25
    assert [key for key in whole if not np.array_equal(whole[key], killed[key])] == []
    code, out, _ = finish(start("--output_dir=whole", "--export=preset", folder=folder))
    assert (code, out) == (0, "preset\n")
    generator = load_preset(folder / "preset")
    average = np.asarray(generator.w_avg)
    np.testing.assert_allclose(average, whole["ema/w_avg"], rtol=1e-3, atol=1e-6)
