"""The command that asks whether inference knows what it does not know."""

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "calibrate.py"
# 16 x 16 pixels.
GENERATOR = ROOT / "tests" / "golden" / "checkpoints" / "tf1_skip.pkl"


@pytest.fixture(scope="module")
def calibrate():
    """The tool's module; absl's flags can be defined once only."""
    specification = importlib.util.spec_from_file_location("calibrate", TOOL)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    yield module
    for name in list(module.FLAGS.flags_by_module_dict().get("calibrate", [])):
        delattr(module.FLAGS, name.name)


def process(folder, *more):
    short = ("--num_steps=8", "--batch_size=4", "--num_images=8", "--surrogate_rank=4")
    flags = (f"--output_dir={folder}", f"--generator={GENERATOR}", *short, *more)
    return subprocess.run(
        [sys.executable, str(TOOL), *flags], capture_output=True, text=True, check=False
    )


def test_the_p_value_is_that_of_the_chi_square_test(calibrate):
    ranks = np.random.RandomState(0).beta(1.2, 1.0, 200)
    counts, _ = np.histogram(ranks, bins=8, range=(0, 1))
    expected = scipy.stats.chisquare(counts).pvalue
    assert calibrate.chi_square_p(ranks) == pytest.approx(expected, rel=1e-9)


def test_ranks_at_one_end_are_not_uniform(calibrate):
    assert calibrate.chi_square_p(np.full(100, 0.01)) < 1e-6


def test_the_spread_is_found_on_one_half_and_scored_on_the_other(calibrate):
    names = [calibrate._spread_name(spread) for spread in calibrate.SPREADS]
    odd = dict(zip(names, [0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0], strict=True))
    even = dict(zip(names, [0.6, 0.7, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99], strict=True))
    rows = [{"image": "1", **odd}, {"image": "2", **even}]
    assert calibrate.fitted_spread(rows) == {"spread": 1.3, "spread_coverage_90": 0.85}


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


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--corruption=blur"], "corruption"),
        (["--corruption=mask()"], "mask"),
        (["--estimator=map"], "estimator"),
        (["--num_images=2"], "num_images"),
    ],
)
def test_bad_input_is_one_line(tmp_path, flags, named):
    done = process(tmp_path, *flags)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
