"""The command that checks the calibration of posteriors."""

import csv
import json
from pathlib import Path

import calibrate
import pytest
from calibrating import study
from small_run import SharedRestorers

# The network makes images of 16 x 16 pixels.
GENERATOR = Path(__file__).parents[2] / "tests" / "golden" / "checkpoints" / "tf1_skip.pkl"


def run(folder, *more):
    short = ("--num_steps=4", "--batch_size=8", "--num_images=8", "--surrogate_rank=2")
    flags = (f"--output_dir={folder}", f"--generator={GENERATOR}", *short, *more)
    try:
        return calibrate.main(list(flags))
    except SystemExit as stop:
        return stop.code


@pytest.mark.slow
def test_every_image_is_evaluated_and_the_command_resumes(tmp_path, capsys, monkeypatch):
    # Both commands have the same configuration, so a shared restorer compiles its programs once.
    monkeypatch.setattr(study, "Restorer", SharedRestorers(jit=False))
    assert run(tmp_path) == 0
    summary = json.loads((tmp_path / "coverage.json").read_text())
    assert summary["prior vi(low_rank)"]["num_images"] == 8
    assert 0 <= summary["prior vi(low_rank)"]["coverage_90"] <= 1
    assert (tmp_path / "ranks.png").exists()
    before = (tmp_path / "images.csv").read_text()
    assert len(list(csv.DictReader(before.splitlines()))) == 8
    assert run(tmp_path, "--truth=mapped") == 0
    assert (tmp_path / "images.csv").read_text().startswith(before)
    names = json.loads((tmp_path / "coverage.json").read_text())
    assert set(names) == {"prior vi(low_rank)", "mapped vi(low_rank)"}
    capsys.readouterr()
    assert run(tmp_path, "--noise_scale=5") == 2
    assert "--noise_scale=3.0" in capsys.readouterr().err


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
def test_invalid_input_is_refused_in_one_line(tmp_path, capsys, flags, named):
    assert run(tmp_path, *flags) == 2
    assert named in capsys.readouterr().err.splitlines()[-1]
