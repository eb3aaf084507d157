"""Interpolations, against closed forms; the table of baselines."""

import subprocess
import sys

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.table import CORRUPTIONS
from brgm_tf.evaluation import baselines
from brgm_tf.evaluation.baselines.bicubic import bicubic
from brgm_tf.evaluation.baselines.biharmonic import biharmonic


def ramp(size, *, channels=1):
    """A plane: both kernels reproduce it."""
    y, x = np.mgrid[:size, :size].astype("float32") / size - 0.5
    return np.stack([x + 0.5 * y] * channels, axis=-1)


@pytest.mark.parametrize("channels", [1, 3])
def test_bicubic_enlarges_a_ramp_to_a_ramp(channels):
    restored = bicubic(ramp(16, channels=channels), missing=None, resolution=64)
    assert restored.shape == (64, 64, channels)
    assert restored.dtype == np.float32
    inside = slice(16, -16)  # the border repeats its pixels
    # Pixel centres: (i + 1/2) / 4 - 1/2 of the small image.
    axis = ((np.arange(64) + 0.5) / 4 - 0.5) / 16 - 0.5
    expected = axis[None, :] + 0.5 * axis[:, None]
    np.testing.assert_allclose(
        restored[inside, inside], np.stack([expected[inside, inside]] * channels, -1), atol=1e-6
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_biharmonic_continues_a_ramp_into_the_hole(channels):
    truth = ramp(20, channels=channels)
    missing = np.zeros((20, 20, 1), bool)
    missing[6:12, 5:13] = True
    measurement = np.where(missing, 1.0, truth).astype("float32")
    restored = biharmonic(measurement, missing=missing, resolution=20)
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, truth, atol=1e-4)


def test_baselines_are_found_by_the_name_of_the_corruption():
    assert baselines.baselines_of("downsample") == ["bicubic"]
    assert baselines.baselines_of("mask") == ["biharmonic", "tv"]
    assert baselines.baselines_of("none") == []


def test_a_slow_baseline_is_found_on_request():
    assert baselines.baselines_of("downsample", slow=True) == ["bicubic", "dip"]


@pytest.mark.parametrize(("name", "row"), baselines.BASELINES.items())
def test_a_row_is_of_known_corruptions_and_names_a_function(name, row):
    assert set(row.corruptions) <= set(CORRUPTIONS)
    assert row.load().__name__ == name


def test_a_baseline_is_imported_when_it_is_loaded_only():
    heavy = "{'skimage', 'tensorflow'} & set(sys.modules)"
    code = f"import sys, brgm_tf.evaluation.baselines.table; sys.exit(len({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_baseline_whose_package_is_not_installed_names_the_extra(monkeypatch):
    row = baselines.Baseline("a:b", "", corruptions=("mask",), requires="no_such_package")
    monkeypatch.setitem(baselines.BASELINES, "other", row)
    with pytest.raises(InputError, match=r"needs no_such_package .*brgm_tf\[evaluate\]"):
        baselines.check_installed("other")
