"""Summary of posterior samples: moments, intervals and coverage, also from a run of VI."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from small_run import share_restorers
from smooth_generator import generated, smooth_generator

import brgm_tf
from brgm_tf.reporting import posterior_summary

SIZE = 16


def draws(*, count=2000, merged=True):
    """Returns latents, images, predicted measurements and merged images, two [2, 2, 2, 1] each."""
    rng = np.random.RandomState(0)
    pictures = rng.normal(0.1, 0.2, [count, 2, 2, 2, 1]).astype("float32")
    known = pictures.copy()
    known[:, :, 0] = 0.5
    latents = rng.randn(count, 2, 3, 4).astype("float32")
    return [latents, pictures, pictures * 0.5, known if merged else None]


def test_moments_and_intervals_equal_those_of_the_distribution():
    (first, _) = posterior_summary.summarise(draws(merged=False), num_samples=5)
    assert first.images.shape == (5, 2, 2, 1)
    assert first.latents.shape == (5, 3, 4)
    assert first.merged is None
    np.testing.assert_allclose(first.mean, 0.1, atol=0.02)
    np.testing.assert_allclose(first.stddev, 0.2 * 127.5, rtol=0.06)
    np.testing.assert_allclose(first.low, scipy.stats.norm.ppf(0.05, 0.1, 0.2), atol=0.03)
    np.testing.assert_allclose(first.high, scipy.stats.norm.ppf(0.95, 0.1, 0.2), atol=0.03)


def test_known_pixels_have_no_spread():
    (first, _) = posterior_summary.summarise(draws(), num_samples=5)
    np.testing.assert_array_equal(first.stddev[0], 0)
    assert (first.stddev[1] > 0).all()
    np.testing.assert_array_equal(first.mean[0], 0.5)


def test_intervals_cover_their_fraction_of_truths_from_the_same_distribution():
    rng = np.random.RandomState(1)
    draws = rng.randn(posterior_summary.STATISTICS_DRAWS, 1, 20000)
    for fraction in posterior_summary.INTERVALS.values():
        covered = posterior_summary.coverage(draws, rng.randn(1, 20000), fraction=fraction)
        assert covered[0] == pytest.approx(fraction, abs=0.01)


def test_the_right_discrepancy_restores_the_coverage():
    rng = np.random.RandomState(2)
    draws = 0.1 * rng.randn(posterior_summary.STATISTICS_DRAWS, 1, 20000)
    truth = 0.1 * rng.randn(1, 20000) + 0.2 * rng.randn(1, 20000)
    for fraction in posterior_summary.INTERVALS.values():
        assert posterior_summary.coverage(draws, truth, fraction=fraction)[0] < 0.8 * fraction
        covered = posterior_summary.coverage(
            draws, truth, fraction=fraction, model_discrepancy_stddev=0.2 * 127.5
        )
        assert covered[0] == pytest.approx(fraction, abs=0.015)


def test_a_discrepancy_widens_only_missing_pixels():
    missing = np.zeros([2, 2, 2, 1], bool)
    missing[:, 1] = True
    plain, _ = posterior_summary.summarise(draws(), num_samples=5)
    wide, _ = posterior_summary.summarise(
        draws(), num_samples=5, model_discrepancy_stddev=30.0, missing=missing
    )
    np.testing.assert_array_equal(wide.stddev[0], 0)
    np.testing.assert_array_equal(wide.low[0], plain.low[0])
    np.testing.assert_allclose(wide.stddev[1], np.hypot(plain.stddev[1], 30.0), rtol=1e-5)
    assert (wide.low[1] < plain.low[1]).all()
    assert (wide.high[1] > plain.high[1]).all()


def test_pixels_that_do_not_count_do_not_change_the_coverage():
    draw = np.zeros([10, 1, 2, 2, 1])
    truth = np.array([0.0, 0.0, 1.0, 0.0]).reshape(1, 2, 2, 1)
    missing = np.array([True, False, False, True]).reshape(1, 2, 2, 1)
    assert posterior_summary.coverage(draw, truth, fraction=0.9)[0] == 0.75
    assert posterior_summary.coverage(draw, truth, fraction=0.9, counted=missing)[0] == 1.0
    assert np.isnan(
        posterior_summary.coverage(draw, truth, fraction=0.9, counted=~missing & False)[0]
    )


def test_the_residual_of_samples_is_their_distance_from_the_measurement():
    metrics = posterior_summary.sample_metrics(
        draws(), {"noise_scale": np.full([2000, 2], 7.0)}, np.zeros([2, 2, 2, 1])
    )
    assert set(metrics) == {"noise_scale", "samples_residual", "discrepancy"}
    np.testing.assert_allclose(metrics["noise_scale"], 7.0)
    expected = 127.5 * np.sqrt(0.05**2 + 0.1**2)
    np.testing.assert_allclose(metrics["samples_residual"], expected, rtol=0.05)


def test_samples_far_from_the_measurement_emit_a_warning():
    assert posterior_summary.misfit({"samples_residual": 4.0, "noise_scale": 3.0}) == ""
    assert "9.0 grey levels" in posterior_summary.misfit(
        {"samples_residual": 9.0, "noise_scale": 3.0}
    )
    assert posterior_summary.misfit({"samples_residual": 9.0, "noise_scale": np.nan}) == ""
    assert posterior_summary.misfit({"residual": 9.0}) == ""


class FixedEstimator:
    """An estimator with samples [64, 2, 3] that are already drawn."""

    def draw(self, fit, *, num_samples, seed):
        draws = np.random.RandomState(seed).randn(num_samples, 2, 3) + 5.0
        return tf.constant(draws)

    def parameters(self, v):
        return {"noise_scale": tf.reduce_mean(v, axis=-1)}

    def latents(self, v):
        return v


def test_the_dispersion_factor_scales_deviations_from_the_mean():
    latents = [
        posterior_summary.draw_samples(
            FixedEstimator(),
            None,
            render=lambda ws, _: (ws, ws),
            num_samples=2,
            seed=0,
            dispersion_factor=dispersion_factor,
        )[0][0]
        for dispersion_factor in (1.0, 1.5)
    ]
    mean = latents[0].mean(axis=0)
    np.testing.assert_allclose(latents[1] - mean, 1.5 * (latents[0] - mean), rtol=1e-10)


@pytest.fixture(scope="module")
def restored():
    """Returns two restorations of two images with missing pixels, and the missing pixels."""
    whole = generated(SIZE, 2)
    missing = np.zeros([SIZE, SIZE, 1], bool)
    missing[4:12, 4:12] = True
    options = {
        "generator": smooth_generator(SIZE),
        "estimator": "vi",
        "num_steps": 80,
        "surrogate_rank": 8,
    }
    options |= {"corruption": "mask()", "masks": missing, "num_samples": 3, "batch_size": 2}
    with pytest.MonkeyPatch.context() as patch:
        share_restorers(patch)
        return [brgm_tf.restore(whole, **options) for _ in range(2)], missing


def test_vi_samples_preserve_known_pixels(restored):
    (restoration, _), missing = restored
    for image in restoration.images:
        assert image.samples.images.shape == (3, SIZE, SIZE, 3)
        assert image.samples.merged.shape == (3, SIZE, SIZE, 3)
        known = ~missing[..., 0]
        for sample in image.samples.merged:
            np.testing.assert_array_equal(sample[known], image.measurement[known])
        np.testing.assert_array_equal(image.samples.stddev[known], 0)
        assert image.samples.stddev[~known].mean() > 1


def test_vi_reports_the_fit_of_its_samples_to_the_measurement(restored):
    (restoration, _), _ = restored
    for image in restoration.images:
        names = {"residual", "noise_scale", "noise_scale_stddev", "samples_residual"}
        names.add("discrepancy")
        assert set(image.metrics) == names
        assert image.metrics["samples_residual"] < 3 * image.metrics["noise_scale"]
        assert "entropy" in image.history


def test_an_inferred_noise_scale_is_the_discrepancy(restored):
    (restoration, _), _ = restored
    for image in restoration.images:
        assert image.metrics["discrepancy"] == image.metrics["noise_scale"] > 0
        assert (image.samples.stddev_map[4:12, 4:12] >= image.metrics["discrepancy"]).all()


def test_the_same_vi_run_twice_gives_the_same_samples(restored):
    (first, second), _ = restored
    for a, b in zip(first.images, second.images, strict=True):
        assert a.samples.images.tobytes() == b.samples.images.tobytes()
