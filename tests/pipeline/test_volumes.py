"""A volume in, a volume out: geometry, empty slices, missing voxels, resume."""

import json

import nibabel as nib
import numpy as np
import pytest
import tensorflow as tf
from smooth_generator import smooth_generator

import brgm_tf as bt
from brgm_tf.core.errors import InputError
from brgm_tf.evaluation.slice_interpolation import interpolate_slices
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.volume_options import CORRELATION_LENGTH
from brgm_tf.pipeline.volume_plan import plan_volume
from brgm_tf.pipeline.volumes import load_volume

SIZE, COUNT = 16, 12
GENERATOR = smooth_generator(SIZE, channels=1)
OPTIONS = {"generator": GENERATOR, "num_steps": 3, "objective": "bayes"}


def smooth_volume(count=COUNT, seed=0):
    """Returns slices [count, SIZE, SIZE] in [0, 1000], whose latents change slowly."""
    rng = np.random.RandomState(seed)
    ends = rng.randn(2, GENERATOR.num_ws, GENERATOR.w_dim)
    t = np.linspace(0, 1, count)[:, None, None]
    ws = tf.constant(ends[0] * (1 - t) + ends[1] * t, tf.float32)
    return 500.0 * (np.asarray(GENERATOR.synthesis(ws))[..., 0] + 1.0)


def config_of(corruption="none", **options):
    return Config(corruption, volume=True, **{**OPTIONS, "window": "0:1000", **options})


def plan_of(values, corruption="none", *, missing=None, spacing=(2.0, 1.0, 1.0), **options):
    config = config_of(corruption, **options)
    return plan_volume(load_volume(values, config, spacing=spacing), config, missing=missing)


# The plan.


def test_thick_slices_make_a_finer_grid():
    plan = plan_of(smooth_volume(3), "thick_slices(factor=4)", spacing=(8.0, 1.0, 1.0))
    assert plan.target.shape == (12, SIZE, SIZE)
    assert plan.target.spacing == (2.0, 1.0, 1.0)
    assert plan.restored == tuple(range(12))


def test_a_clean_volume_of_any_length_is_simulated():
    plan = plan_of(smooth_volume(10), "thick_slices(factor=4)", input_kind="clean")
    assert plan.measurement.shape == (3, SIZE, SIZE, 1)
    assert plan.truth.shape == (10, SIZE, SIZE)


def test_empty_slices_are_left_out():
    values = smooth_volume()
    values[:2], values[5], values[-1] = 0.0, 7.0, 0.0
    plan = plan_of(values)
    assert plan.restored == (2, 3, 4, 6, 7, 8, 9, 10)
    assert np.diff(plan.positions).tolist() == [2, 2, 4, 2, 2, 2, 2]


def test_thick_slices_keep_empty_slices_between_others():
    values = smooth_volume(4)
    values[0], values[2] = 0.0, 0.0
    assert plan_of(values, "thick_slices(factor=2)").restored == tuple(range(2, 8))


def test_missing_slices_at_the_end_are_restored_though_they_are_empty():
    values = smooth_volume(6)
    values[1::2] = 0.0
    assert plan_of(values, "missing_slices(every=2)").restored == tuple(range(6))


def test_a_volume_of_another_size_is_measured_on_its_grid():
    plan = plan_of(np.random.RandomState(0).rand(2, 20, 30), spacing=(2.0, 1.5, 1.0))
    assert plan.regrid.field_of_view == 30.0
    assert plan.chain.measurement_shape((SIZE, SIZE, 1)) == (20, 30, 1)
    assert plan_of(smooth_volume(2)).regrid is None


def test_a_lower_resolution_makes_a_finer_grid_in_plane():
    plan = plan_of(smooth_volume(2)[:, :8, :8], "downsample(factor=2)")
    assert plan.target.shape == (2, SIZE, SIZE)
    assert plan.target.spacing == (2.0, 0.5, 0.5)


def test_voxels_that_are_not_finite_are_not_observed():
    values = smooth_volume(3)
    values[1, 2:5, 3] = np.nan
    plan = plan_of(values, "noise(scale=5)")
    seen = plan.bound_corruption().observation_mask(tf.constant(plan.measurement))
    np.testing.assert_array_equal(np.asarray(seen)[..., 0] == 0, np.isnan(values))


# Refusals.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "vi"}, "`estimator` must be map"),
        ({"objective": "brgm_tf1"}, "`objective` must be bayes or balanced"),
        ({"num_restarts": 2}, "`num_restarts` must be 1"),
        ({"corruption": "kspace(acceleration=2)"}, "`input_kind` must be clean"),
    ],
)
def test_options_of_images_are_refused_for_volumes(options, message):
    with pytest.raises(InputError, match=message):
        config_of(**options)


def test_corruptions_and_options_of_volumes_are_refused_for_images():
    with pytest.raises(InputError, match=r"`corruption` must act on images.* Give --volume"):
        Config("thick_slices(factor=2)")
    with pytest.raises(InputError, match=r"`field_of_view` must be given with --volume only"):
        Config(field_of_view=200.0)


def test_a_mask_without_masks_is_refused():
    with pytest.raises(InputError, match=r"`masks` must be given"):
        plan_of(smooth_volume(2), "mask()")


def test_a_generator_of_colours_is_refused():
    with pytest.raises(InputError, match=r"`generator` must make grey images"):
        plan_of(smooth_volume(2), generator=smooth_generator(SIZE, channels=3))


# The restoration.


def test_the_latents_of_a_volume_are_found_together():
    truth = smooth_volume()
    result = bt.restore_volume(
        truth,
        corruption="thick_slices(factor=4) + noise(scale=1)",
        input_kind="clean",
        correlation_length=20.0,
        window="0:1000",
        **{**OPTIONS, "num_steps": 60},
    )
    thick = result.before
    assert result.metrics["rmse"] < 0.5 * 127.5 * np.sqrt(np.mean((thick - result.truth) ** 2))
    assert result.reconstruction.shape == truth.shape


def test_the_file_is_in_the_geometry_of_the_input_and_empty_slices_are_unchanged(tmp_path):
    values = smooth_volume().astype("int16")
    values[0] = 3
    affine = np.array([[0, 0, -2.0, 5], [1.0, 0, 0, 6], [0, -3.0, 0, 7], [0, 0, 0, 1]])
    stored = np.transpose(values, (1, 0, 2))
    nib.save(nib.Nifti1Image(stored, affine), tmp_path / "head.nii.gz")
    result = bt.restore_volume(tmp_path / "head.nii.gz", window="0:1000", **OPTIONS)
    home = result.save(tmp_path / "results")
    written = nib.load(home / "reconstruction.nii.gz")
    assert written.shape == stored.shape
    assert written.get_data_dtype() == "int16"
    np.testing.assert_allclose(written.affine, affine)
    np.testing.assert_array_equal(written.get_fdata()[:, 0], stored[:, 0])
    assert (written.get_fdata()[:, 5] != stored[:, 5]).any()
    contents = json.loads((home / "metrics.json").read_text())
    assert contents["restored_slices"] == COUNT - 1
    names = {"reconstruction.nii.gz", "latents.npz", "history.csv", "figure.png", "scroll.gif"}
    assert {path.name for path in home.iterdir()} == names | {"metrics.json"}


def test_observed_voxels_are_put_back_exactly():
    values = smooth_volume(4)
    missing = np.zeros(values.shape, bool)
    missing[1], missing[2, 4:9, 4:9] = True, True
    values[0, 0, 0] = 5000.0  # beyond the window
    result = bt.restore_volume(
        values, corruption="mask()", masks=missing, window="0:1000", **OPTIONS
    )
    np.testing.assert_array_equal(
        result.values["merged"][~missing], values.astype("float32")[~missing]
    )
    assert np.isfinite(result.values["merged"]).all()


def test_the_misfit_of_thick_slices_is_spread_between_them():
    y = smooth_volume(3)
    options = {**OPTIONS, "window": "0:1000", "num_steps": 1}
    result = bt.restore_volume(y, corruption="thick_slices(factor=2)", **options)
    measured = y / 500.0 - 1.0
    x = result.reconstruction
    misfit = measured - x.reshape(3, 2, SIZE, SIZE).mean(axis=1)
    expected = interpolate_slices(misfit, factor=2, count=6) + x
    np.testing.assert_allclose(result.merged, np.clip(expected, -1, 1), atol=1e-5)
    assert result.values["merged"].shape == (6, SIZE, SIZE)


def test_blurred_thick_slices_have_no_merged_volume():
    corruption = "blur(sigma=0.5) + thick_slices(factor=2)"
    assert bt.restore_volume(smooth_volume(2), corruption=corruption, **OPTIONS).merged is None


def test_voxels_outside_of_the_square_are_unchanged():
    values = np.random.RandomState(0).rand(2, 20, 20) * 1000
    result = bt.restore_volume(values, window="0:1000", field_of_view=16.0, **OPTIONS)
    outside = np.ones((20, 20), bool)
    outside[2:18, 2:18] = False
    restored = result.values["reconstruction"]
    np.testing.assert_array_equal(restored[:, outside], values.astype("float32")[:, outside])
    assert (restored[:, ~outside] != values[:, ~outside]).all()


def test_every_slice_of_k_space_is_undersampled_by_its_pattern():
    plan = plan_of(smooth_volume(2), "kspace(acceleration=2) + noise(scale=1)", input_kind="clean")
    sampled = plan.measurement != 0
    assert (sampled[0] != sampled[1]).any()


def test_the_correlation_length_is_that_of_the_flag():
    assert Config(volume=True).correlation_length == CORRELATION_LENGTH
