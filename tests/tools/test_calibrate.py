"""The command that asks whether inference knows what it does not know."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "calibrate.py"
# 16 x 16 pixels.
GENERATOR = ROOT / "tests" / "golden" / "checkpoints" / "tf1_skip.pkl"


def process(folder, *more):
    short = ("--num_steps=8", "--batch_size=4", "--num_images=8", "--surrogate_rank=4")
    flags = (f"--output_dir={folder}", f"--generator={GENERATOR}", *short, *more)
    return subprocess.run(
        [sys.executable, str(TOOL), *flags], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_every_image_is_judged_and_the_command_goes_on_where_it_was(tmp_path):
    done = process(tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "coverage.json").read_text())
    assert summary["prior vi(low_rank)"]["num_images"] == 8
    assert 0 <= summary["prior vi(low_rank)"]["coverage_90"] <= 1
    assert (tmp_path / "ranks.png").exists()
    before = (tmp_path / "images.csv").read_text()
    assert len(list(csv.DictReader(before.splitlines()))) == 8
    again = process(tmp_path, "--truth=mapped")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "images.csv").read_text().startswith(before)
    names = json.loads((tmp_path / "coverage.json").read_text())
    assert set(names) == {"prior vi(low_rank)", "mapped vi(low_rank)"}
    other = process(tmp_path, "--noise_scale=5")
    assert other.returncode == 2
    assert "--noise_scale=3.0" in other.stderr


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--corruption=blur"], "corruption"),
        (["--corruption=mask()"], "mask"),
        (["--estimator=map"], "estimator"),
        (["--num_images=2"], "num_images"),
        (["--corruption=noise(scale=5)", "--infer_noise"], "noise_scale"),
    ],
)
def test_bad_input_is_one_line(tmp_path, flags, named):
    done = process(tmp_path, *flags)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
