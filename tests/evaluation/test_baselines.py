"""Interpolations against closed forms, and the table of baselines."""

import subprocess
import sys

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.table import CORRUPTIONS
from brgm_tf.evaluation import baselines
from brgm_tf.evaluation.baselines import migan as migan_module
from brgm_tf.evaluation.baselines.bicubic import bicubic
from brgm_tf.evaluation.baselines.biharmonic import biharmonic
from brgm_tf.evaluation.baselines.enlargements import passes
from brgm_tf.weights import fetching


def ramp(size, *, channels=1):
    """Returns a plane, which both kernels reproduce."""
    y, x = np.mgrid[:size, :size].astype("float32") / size - 0.5
    return np.stack([x + 0.5 * y] * channels, axis=-1)


@pytest.mark.parametrize("channels", [1, 3])
def test_bicubic_enlarges_a_ramp_to_a_ramp(channels):
    restored = bicubic(ramp(16, channels=channels), missing=None, resolution=64)
    assert restored.shape == (64, 64, channels)
    assert restored.dtype == np.float32
    inside = slice(16, -16)  # the border repeats its pixels
    # Centres of the pixels in the small image: (i + 1/2) / 4 - 1/2.
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


def test_baselines_are_selected_by_the_name_of_the_corruption():
    assert baselines.baselines_of("downsample") == ["bicubic"]
    assert baselines.baselines_of("mask") == ["biharmonic", "tv"]
    assert baselines.baselines_of("none") == []


def test_slow_baselines_and_downloads_are_selected_on_request():
    names = baselines.baselines_of("downsample", on_request=True)
    assert names == ["bicubic", "dip", "esrgan"]


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1, ()), (2, (2,)), (6, (3, 2)), (8, (8,)), (9, (3, 3)), (16, (8, 2)), (32, (8, 4))],
)
def test_a_factor_is_split_into_the_factors_of_the_networks(factor, expected):
    assert passes(factor) == expected


@pytest.mark.parametrize("factor", [2.5, 5, 10, 0.5])
def test_an_unsupported_factor_is_refused_before_the_download(factor):
    with pytest.raises(InputError, match=r"`baselines` must enlarge by a product .*factor="):
        baselines.prepare("esrgan", factor=factor)


def test_weights_of_a_baseline_are_fetched_when_it_is_prepared(monkeypatch):
    names = []
    monkeypatch.setattr(fetching, "fetch", lambda name, **_: names.append(name))
    baselines.prepare("esrgan", factor=8)
    baselines.prepare("bicubic", factor=5)
    assert names == ["esrgan-thick"]


@pytest.mark.parametrize("channels", [1, 3])
def test_migan_receives_grey_levels_and_a_mask_that_is_zero_in_the_hole(channels, monkeypatch):
    received = {}

    class Session:
        def run(self, names, inputs):
            received.update(inputs)
            return [np.where(inputs["mask"], inputs["image"], 255).astype("uint8")]

    monkeypatch.setattr(migan_module, "_session", Session)
    measurement = np.full((4, 6, channels), -1, "float32")
    measurement[0] = 0.2
    missing = np.zeros((4, 6, 1), bool)
    missing[2, 3] = True
    measurement[2, 3] = 1  # the fill value, which must not reach the network
    restored = migan_module.migan(measurement, missing=missing, resolution=4)
    assert received["image"].shape == (1, 3, 4, 6)
    assert received["image"].dtype == received["mask"].dtype == np.uint8
    assert (received["image"][0, :, 0] == 153).all()
    assert (received["image"][0, :, 1:] == 0).all()
    np.testing.assert_array_equal(received["mask"][0, 0], np.where(missing[..., 0], 0, 255))
    np.testing.assert_allclose(restored, np.where(missing, 1, measurement), atol=1e-6)


@pytest.mark.parametrize(("name", "row"), baselines.BASELINES.items())
def test_a_row_has_known_corruptions_and_the_name_of_its_function(name, row):
    assert set(row.corruptions) <= set(CORRUPTIONS)
    assert row.load().__name__ == name


def test_the_table_imports_no_baseline():
    heavy = "{'skimage', 'tensorflow'} & set(sys.modules)"
    code = f"import sys, brgm_tf.evaluation.baselines.table; sys.exit(len({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_error_for_a_missing_package_names_the_extra(monkeypatch):
    row = baselines.Baseline("a:b", "", corruptions=("mask",), requires="no_such_package")
    monkeypatch.setitem(baselines.BASELINES, "other", row)
    with pytest.raises(InputError, match=r"needs no_such_package .*brgm_tf\[evaluate\]"):
        baselines.prepare("other")
