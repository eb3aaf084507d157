"""The training command: invalid flags, and a killed run."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shared_steps import shared

from brgm_tf.generators.preset import load_preset
from brgm_tf.training import runs
from brgm_tf.training import state as states
from brgm_tf.training import trainer as trainer_module
from brgm_tf.training.config import TrainingConfig
from brgm_tf.training.trainer import Plan

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
    # The C++ part of TensorFlow may write lines before its log is disabled.
    return process.returncode, out, err.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command")
    (folder / "images").mkdir()
    levels = np.random.default_rng(0).integers(0, 256, (6, 8, 8), "uint8")
    for i, level in enumerate(levels):
        Image.fromarray(level).save(folder / "images" / f"{i}.png")
    return folder


BAD_FLAGS = {
    "--data=nowhere": "error: --data: `data` must be a folder",
    "--held_out=nowhere": "error: --held_out: `held_out` must be a folder",
    "--resolution=12": "error: --resolution: `resolution` must be a power of two",
    "--batch_size=6": "error: --batch_size: `batch_size` must be a multiple of 4",
    "--augmentations=xint,spin": "error: --augmentations: `augmentations` must be among",
    "--learning_rate=0": "error: --learning_rate: `learning_rate` must be positive",
    "--discriminator=vgg": "error: flag --discriminator=vgg: value should be one of",
    "--feature_size=64": "error: --feature_size: `feature_size` must be left out",
    "--total_kimg=-1": "error: flag --total_kimg=-1: -1.0 is not a non-negative",
    "--nonsense": "error: Unknown command line flag",
    "more": "error: `more` is not a flag",
}


def test_a_bad_flag_is_refused_in_one_line_before_tensorflow_is_imported(folder):
    """Tries all flags in forks of one process, because absl parses flags once."""
    code = f"""
import os, sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
sys.path.insert(0, {str(TOOL.parent)!r})
import train_generator
tiny = sys.argv[1:]
for flag in {list(BAD_FLAGS)!r}:
    if not os.fork():
        sys.argv = ["train_generator.py", *tiny, flag]
        train_generator.main()
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 2, flag
"""
    returncode, out, lines = finish(start(*TINY, folder=folder, code=code))
    assert (returncode, out) == (0, "")
    assert len(lines) == len(BAD_FLAGS)
    for line, message in zip(lines, BAD_FLAGS.values(), strict=True):
        assert line.startswith(message)


def trainer(folder, name):
    """Returns the trainer of the flags above and its messages, in this process."""
    config = TrainingConfig(
        **{"resolution": 8, "channels": 1, "z_dim": 4, "w_dim": 4, "mapping_depth": 1},
        **{"channel_base": 64, "channel_max": 8, "batch_size": 8},
        **{"path_weight": 0.0, "r1_gamma": 0.0, "augmentations": ()},
    )
    plan = Plan(total_kimg=0.2, tick_kimg=0.04, snapshot_minutes=0.0, frechet_kimg=0.0)
    lines = []
    images, held_out = runs.load_images(config, folder / "images", None, notify=lines.append)
    files = {"folder": folder / name, "start": None}
    return runs.prepare(
        config, plan, images=images, held_out=held_out, notify=lines.append, **files
    ), lines


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_run(folder, monkeypatch):
    monkeypatch.setattr(trainer_module, "Step", shared)
    killed = start(*TINY, "--output_dir=killed", folder=folder)
    deadline = time.monotonic() + 120
    while not states.snapshots(folder / "killed") and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert finish(killed)[0] == -signal.SIGKILL
    (resumed, lines), (uninterrupted, _) = (trainer(folder, name) for name in ("killed", "whole"))
    assert lines[0].startswith("resuming from snapshot-")
    assert resumed.run()
    assert uninterrupted.run()
    killed, whole = (states.to_arrays(each.state) for each in (resumed, uninterrupted))
    assert killed["step"] == 25
    assert [key for key in whole if not np.array_equal(whole[key], killed[key])] == []
    preset = runs.export_newest(folder / "whole", folder / "preset", storage="float16")
    average = np.asarray(load_preset(preset).w_avg)
    np.testing.assert_allclose(average, whole["ema/w_avg"], rtol=1e-3, atol=1e-6)
