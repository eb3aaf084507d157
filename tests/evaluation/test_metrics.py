"""Metrics against closed forms and scikit-image."""

import numpy as np
import pytest
from skimage import metrics as reference

from brgm_tf.core.errors import InputError
from brgm_tf.evaluation import metrics

LEVEL = 1 / 127.5


def pair(shape=(2, 16, 20, 3), seed=0):
    random = np.random.default_rng(seed)
    truth = random.uniform(-0.9, 0.9, shape).astype(np.float32)
    restored = truth + random.normal(0, 0.1, shape).astype(np.float32)
    return np.clip(restored, -1, 1), truth


def in_levels(image):
    return (image.astype(np.float64) + 1) * 127.5


def test_metrics_of_a_constant_error_have_a_closed_form():
    truth = np.zeros((1, 12, 12, 1), np.float32)
    computed = metrics.image_metrics(truth + 50 * LEVEL, truth)
    assert {name: value.shape for name, value in computed.items()} == dict.fromkeys(
        ("psnr", "ssim", "mae", "rmse"), (1,)
    )
    np.testing.assert_allclose(computed["rmse"], 50, rtol=1e-5)
    np.testing.assert_allclose(computed["mae"], 50, rtol=1e-5)
    np.testing.assert_allclose(computed["psnr"], 20 * np.log10(255 / 50), rtol=1e-5)
    # Without variance only the luminance term remains. In float32 the variance is a small
    # difference of large numbers, so the tolerance is large.
    c1 = (0.01 * 255) ** 2
    luminance = (2 * 127.5 * 177.5 + c1) / (127.5**2 + 177.5**2 + c1)
    np.testing.assert_allclose(computed["ssim"], luminance, rtol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_metrics_equal_scikit_images(channels):
    restored, truth = pair((2, 16, 20, channels))
    computed = metrics.image_metrics(restored, truth)
    for index, (x, t) in enumerate(zip(in_levels(restored), in_levels(truth), strict=True)):
        psnr = reference.peak_signal_noise_ratio(t, x, data_range=255)
        ssim = reference.structural_similarity(
            t,
            x,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=-1,
        )
        np.testing.assert_allclose(computed["psnr"][index], psnr, rtol=1e-5)
        np.testing.assert_allclose(computed["ssim"][index], ssim, rtol=1e-4)
        np.testing.assert_allclose(computed["rmse"][index] ** 2, np.mean((x - t) ** 2), rtol=1e-5)


def test_equal_images_have_perfect_metrics():
    _, truth = pair()
    computed = metrics.image_metrics(truth, truth)
    assert (computed["psnr"] == np.inf).all()
    np.testing.assert_allclose(computed["ssim"], 1, atol=1e-6)
    assert not computed["mae"].any()
    assert not computed["rmse"].any()
    masked = metrics.image_metrics(truth, truth, mask=np.ones((1, 1, 1, 1), bool))
    assert (masked["psnr"] == np.inf).all()


def test_images_are_clipped_first():
    _, truth = pair()
    computed = metrics.image_metrics(truth * 0 + 7, truth * 0 + 1)
    assert not computed["rmse"].any()


def test_metrics_of_an_image_do_not_depend_on_the_batch():
    restored, truth = pair()
    both = metrics.image_metrics(restored, truth)
    alone = metrics.image_metrics(restored[1:], truth[1:])
    for name in both:
        np.testing.assert_allclose(both[name][1:], alone[name], rtol=1e-6)


def test_ssim_of_an_image_smaller_than_its_window_is_nan():
    restored, truth = pair((2, 10, 16, 1))
    computed = metrics.image_metrics(restored, truth)
    assert np.isnan(computed["ssim"]).all()
    assert np.isfinite(computed["psnr"]).all()


def test_a_mask_restricts_metrics_to_missing_pixels():
    _, truth = pair()
    mask = np.zeros((2, 16, 20, 1), bool)
    mask[0, 3:9, 4:11] = True
    error = np.where(mask, 4, 50).astype(np.float32) * LEVEL
    computed = metrics.image_metrics(truth * 0.5 + error, truth * 0.5, mask=mask)
    np.testing.assert_allclose(computed["rmse"][0], 4, rtol=1e-5)
    np.testing.assert_allclose(computed["mae"][0], 4, rtol=1e-5)
    np.testing.assert_allclose(computed["psnr"][0], 20 * np.log10(255 / 4), rtol=1e-5)
    assert all(np.isnan(value[1]) for value in computed.values())


def test_a_mask_of_the_whole_image_changes_nothing():
    restored, truth = pair()
    plain = metrics.image_metrics(restored, truth)
    masked = metrics.image_metrics(restored, truth, mask=np.ones((1, 16, 20, 1), bool))
    for name in plain:
        np.testing.assert_allclose(masked[name], plain[name], rtol=1e-5)


def test_masked_ssim_is_the_mean_of_the_local_index_at_missing_pixels():
    restored, truth = pair((1, 16, 20, 3))
    mask = np.zeros((1, 16, 20, 1), bool)
    mask[0, :9, 7:] = True
    _, local = reference.structural_similarity(
        in_levels(truth)[0],
        in_levels(restored)[0],
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
        full=True,
    )
    expected = local.mean(axis=-1)[5:-5, 5:-5][mask[0, 5:-5, 5:-5, 0]].mean()
    computed = metrics.image_metrics(restored, truth, mask=mask)
    np.testing.assert_allclose(computed["ssim"], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"restored": np.zeros((1, 12, 13, 1))}, "restored"),
        ({"mask": np.zeros((1, 5, 5, 1), bool)}, "mask"),
        ({"mask": np.zeros((1, 12, 12, 1))}, "mask"),
        ({"restored": np.zeros((12, 12, 1)), "truth": np.zeros((12, 12, 1))}, "truth"),
    ],
)
def test_incompatible_shapes_are_refused(changed, argument):
    given = {"restored": np.zeros((1, 12, 12, 1)), "truth": np.zeros((1, 12, 12, 1))} | changed
    with pytest.raises(InputError) as caught:
        metrics.image_metrics(given.pop("restored"), given.pop("truth"), **given)
    assert caught.value.argument == argument


def test_the_residual_is_in_grey_levels_for_each_image():
    measurement = np.zeros((2, 4, 4, 3), np.float32)
    predicted_measurement = measurement + np.array([3, 8])[:, None, None, None] * LEVEL
    np.testing.assert_allclose(
        metrics.residual(measurement, predicted_measurement), [3, 8], rtol=1e-6
    )


def test_the_residual_counts_both_parts_of_complex_measurements():
    measurement = np.zeros((1, 5, 5), np.complex64)
    computed = metrics.residual(measurement, measurement + (1 + 7j) / 255)
    assert computed.dtype == np.float64
    np.testing.assert_allclose(computed, 5, rtol=1e-6)


def test_the_residual_counts_only_observed_values():
    observed = np.zeros((2, 4, 4, 1), bool)
    observed[0, :2] = True
    error = np.where(observed, 6, 90) * LEVEL * np.ones(3)
    computed = metrics.residual(np.zeros((2, 4, 4, 3)), error, observed=observed)
    np.testing.assert_allclose(computed[0], 6, rtol=1e-6)
    assert np.isnan(computed[1])


def test_the_residual_refuses_incompatible_shapes():
    with pytest.raises(InputError, match="`measurement`"):
        metrics.residual(np.zeros((1, 4)), np.zeros((1, 5)))
    with pytest.raises(InputError, match="`observed`"):
        metrics.residual(np.zeros((1, 4)), np.zeros((1, 4)), observed=np.zeros((1, 3), bool))


def test_metrics_of_a_restoration_include_the_merged_image_and_the_hole():
    reconstruction, truth = pair()
    missing = np.zeros((2, 16, 20, 1), bool)
    missing[:, 4:9, 3:11] = True
    merged = np.where(missing, 0.5 * reconstruction, truth)

    def distance(x, t):
        return np.abs(x - t).mean(axis=(1, 2, 3))

    computed = metrics.restoration_metrics(
        reconstruction, truth, distance=distance, merged=merged, missing=missing
    )
    # The merged image differs in the hole alone, which is an eighth of the picture.
    np.testing.assert_allclose(
        computed["merged_rmse"], computed["hole_rmse"] * (1 / 8) ** 0.5, rtol=1e-5
    )
    np.testing.assert_allclose(computed["lpips"], distance(reconstruction, truth))
    np.testing.assert_allclose(computed["merged_lpips"], distance(merged, truth), rtol=1e-6)
