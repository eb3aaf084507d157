"""`restore` with arrays or files and a tiny network of random weights."""

import csv

import nibabel as nib
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_run import share_restorers
from smooth_generator import generated, smooth_generator
from unseeing import UNSEEING

import brgm_tf
from brgm_tf.core.errors import InputError
from brgm_tf.estimators.optimizers.loop import Optimizer
from brgm_tf.pipeline.measurement import noise_seeds
from brgm_tf.pipeline.restorer import Restorer
from brgm_tf.pipeline.warmup import with_eager_warmup

SIZE, SMALL = 16, 4
DOWNSAMPLE = f"downsample(factor={SIZE // SMALL})"
STEPS = 20
WITHOUT_VGG = {"perceptual_scale": 0.0}


@pytest.fixture(scope="module")
def generator():
    return smooth_generator(SIZE)


@pytest.fixture(scope="module")
def grey():
    return smooth_generator(SIZE, channels=1)


@pytest.fixture(scope="module")
def restore(generator):
    """Returns brgm_tf.restore with the tiny generator, few steps and no VGG16."""

    def call(images, **options):
        defaults = {"generator": generator, "num_steps": STEPS, "overrides": WITHOUT_VGG}
        return brgm_tf.restore(images, **(defaults | options))

    return call


@pytest.fixture(scope="module")
def small():
    """Returns measurements [3, 4, 4, 3] of images in the range of the generator."""
    return (
        generated(SIZE, 3)
        .reshape(3, SMALL, SIZE // SMALL, SMALL, SIZE // SMALL, 3)
        .mean(axis=(2, 4))
    )


@pytest.fixture(scope="module")
def restore_once(restore):
    """Returns `restore` with shared restorers, for fixtures of the module."""
    with pytest.MonkeyPatch.context() as patch:
        share_restorers(patch)
        yield restore


@pytest.fixture(scope="module")
def enlarged(restore_once, small):
    return restore_once(small, corruption=DOWNSAMPLE)


@pytest.fixture(scope="module")
def whole():
    """Returns complete images [3, 16, 16, 3]."""
    return np.random.RandomState(6).uniform(-1, 1, (3, SIZE, SIZE, 3)).astype("float32")


@pytest.fixture(scope="module")
def missing():
    return np.random.RandomState(7).rand(3, SIZE, SIZE, 1) < 0.3


@pytest.fixture(scope="module")
def filled(restore_once, whole, missing):
    return restore_once(whole, corruption="mask()", masks=missing)


def test_every_image_has_a_result_at_the_resolution_of_the_generator(enlarged, small):
    assert enlarged.failures == ()
    assert enlarged.reconstructions.shape == (3, SIZE, SIZE, 3)
    assert [image.name for image in enlarged.images] == [f"image_{i:05d}" for i in range(3)]
    for image, y in zip(enlarged.images, small, strict=True):
        np.testing.assert_array_equal(image.measurement, y)
        assert image.predicted_measurement.shape == (SMALL, SMALL, 3)
        assert image.latents.shape == (6, 8)
        means = image.merged.reshape(SMALL, SIZE // SMALL, SMALL, SIZE // SMALL, 3).mean((1, 3))
        np.testing.assert_allclose(means, y, atol=1e-6)
        assert (image.truth, image.missing, image.frames) == (None,) * 3
        assert list(image.metrics) == ["residual"]


def test_the_reconstruction_is_the_image_of_the_latents(enlarged, generator):
    for image in enlarged.images:
        x = generator.synthesis(image.latents[None]).numpy()[0]
        np.testing.assert_allclose(image.reconstruction, x, atol=1e-5)


def test_the_predicted_measurement_is_the_block_mean_of_the_reconstruction(enlarged):
    for image in enlarged.images:
        blocks = image.reconstruction.reshape(SMALL, 4, SMALL, 4, 3).mean(axis=(1, 3))
        np.testing.assert_allclose(image.predicted_measurement, blocks, atol=1e-6)
        residual = np.sqrt(np.mean((127.5 * (blocks - image.measurement)) ** 2))
        mean_error = np.mean(np.abs(127.5 * (blocks - image.measurement)))
        assert any(np.isclose(image.metrics["residual"], r, 1e-3) for r in (residual, mean_error))


def test_the_objective_decreases(enlarged):
    for image in enlarged.images:
        total = image.history["total"]
        assert total.shape == (STEPS,)
        assert total[-1] < 0.5 * total[0]
        terms = sum(values for name, values in image.history.items() if name != "total")
        np.testing.assert_allclose(total, terms)


def test_the_same_seed_gives_the_same_bytes(enlarged, restore, small):
    again = restore(small, corruption=DOWNSAMPLE)
    assert again.reconstructions.tobytes() == enlarged.reconstructions.tobytes()
    for a, b in zip(again.images, enlarged.images, strict=True):
        assert a.latents.tobytes() == b.latents.tobytes()


def test_a_batch_of_two_equals_single_images(enlarged, restore, small):
    batched = restore(small, corruption=DOWNSAMPLE, batch_size=2)
    assert [image.name for image in batched.images] == [image.name for image in enlarged.images]
    for a, b in zip(batched.images, enlarged.images, strict=True):
        single, together = b.history["total"], a.history["total"]
        # The zero of the objective is arbitrary, so the decreases are compared.
        assert abs(together[-1] - single[-1]) < 0.01 * (single[0] - single[-1])


def test_a_merged_image_has_the_exact_known_pixels(filled, whole, missing):
    for image, y, hole in zip(filled.images, whole, missing, strict=True):
        known = np.broadcast_to(~hole, y.shape)
        np.testing.assert_array_equal(image.merged[known], y[known])
        np.testing.assert_array_equal(image.missing, hole)


def test_missing_pixels_do_not_change_the_reconstruction(filled, restore, whole, missing):
    other = np.where(missing[:1], -whole[:1], whole[:1])
    image = restore(other, corruption="mask()", masks=missing[0]).images[0]
    np.testing.assert_allclose(image.reconstruction, filled.images[0].reconstruction, atol=1e-4)


def test_invalid_inputs_fail_and_the_others_are_restored(tmp_path, restore, small):
    (tmp_path / "broken.png").write_text("no image")
    Image.new("RGB", (5, 5)).save(tmp_path / "large.png")
    Image.new("RGB", (SMALL, SMALL), (90, 120, 150)).save(tmp_path / "good.png")
    bad_range = np.full((SMALL, SMALL, 3), 200.0)
    files = [tmp_path / f"{name}.png" for name in ("broken", "large", "good")]
    # With batches of two, the first is mixed, the second has only invalid inputs, the last is half
    # full.
    result = restore(
        [small[0], files[0], files[1], bad_range, files[2]], corruption=DOWNSAMPLE, batch_size=2
    )
    assert [image.name for image in result.images] == ["image_00000", "good"]
    assert [failure.name for failure in result.failures] == ["broken", "large", "image_00003"]
    assert all(failure.message.startswith("`input`") for failure in result.failures)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((5, 5, 3)),
        [np.zeros((5, 5, 3)), np.full((SMALL, SMALL, 3), 200.0)],
        np.zeros((0, SMALL, SMALL, 3)),
        [],
        "no/such/file.png",
    ],
)
def test_without_a_usable_input_an_error_is_raised_before_heavy_work(monkeypatch, restore, images):
    monkeypatch.setattr("brgm_tf.pipeline.api.Restorer", None)
    with pytest.raises(InputError) as caught:
        restore(images, corruption=DOWNSAMPLE)
    assert caught.value.argument == "input"


def test_an_unusable_mask_for_all_images_is_one_error(tmp_path, restore, whole):
    Image.new("L", (SIZE, SIZE), 0).save(tmp_path / "black.png")
    with pytest.raises(InputError, match=r"^`masks` must leave [^\n]*$"):
        restore(whole[:2], corruption="mask()", masks=tmp_path / "black.png")


def test_if_all_images_fail_the_result_has_the_failures(restore, small, monkeypatch):
    exhausted_above(0, monkeypatch)
    result = restore(small[:2], corruption=DOWNSAMPLE)
    assert result.images == ()
    assert [failure.name for failure in result.failures] == ["image_00000", "image_00001"]
    with pytest.raises(InputError, match=r"no image.* image_00000: memory ran out"):
        _ = result.reconstructions


def test_notes_about_files_are_warnings_of_the_result(tmp_path, restore, small):
    frame = Image.fromarray(((small[0] + 1) * 127.5).round().astype(np.uint8))
    frame.save(tmp_path / "a.png", save_all=True, append_images=[frame])
    (image,) = restore(tmp_path / "a.png", corruption=DOWNSAMPLE).images
    assert image.warnings[0].startswith("Only the first of 2 frames or pages is read")


@pytest.mark.parametrize(("count", "expected"), [(1, [*range(1, 11), 20]), (2, [10, 20] * 2)])
def test_the_first_steps_of_a_single_image_run_uncompiled(restore, small, count, expected):
    steps = []
    restore(small[:count], corruption=DOWNSAMPLE, progress=lambda step: steps.append(step.step))
    assert steps == expected


@pytest.mark.parametrize(("resolution", "frames", "early"), [
    (128, False, 10), (256, False, 0), (128, True, 0),
])  # fmt: skip
def test_uncompiled_steps_are_for_small_images_without_video(resolution, frames, early):
    config = brgm_tf.Config(keep_frames=frames)
    config_with_warmup = with_eager_warmup(config, num_images=1, resolution=resolution)
    assert config_with_warmup.num_uncompiled_steps == early


def test_a_progress_callback_can_stop_the_run(restore, small):
    steps = []

    def progress(step):
        steps.append(step)
        return step.step >= 10

    result = restore(small[:2], corruption=DOWNSAMPLE, progress=progress)
    assert [(step.step, step.num_steps) for step in steps] == [(10, 20)]
    assert set(steps[0].terms) == {"pixel", "perceptual", "prior", "colinearity", "adaptation"}
    (image,) = result.images  # the second image is not started
    assert len(image.history["total"]) == 10
    assert "stopped after 10 of 20 steps" in image.warnings


def test_a_picture_outside_the_range_of_the_generator_emits_a_warning(filled):
    for image in filled.images:
        assert image.metrics["residual"] > 10
        assert any("residual" in warning for warning in image.warnings)


def test_frames_from_the_mean_to_the_reconstruction_are_returned_on_request(
    monkeypatch, restore, generator, small
):
    monkeypatch.setattr("brgm_tf.pipeline.frames.MAX_FRAMES", 2)
    (image,) = restore(small[:1], corruption=DOWNSAMPLE, num_steps=25, keep_frames=True).images
    # Frames exist after the steps 10, 20 and 25. The first is dropped, because two are the maximum.
    assert [frame.shape for frame in image.frames] == [(SIZE, SIZE, 3)] * 3
    mean = generator.latent_statistics().mean.astype("float32")
    start = generator.synthesis(np.broadcast_to(mean, (1, generator.num_ws, len(mean))))
    np.testing.assert_allclose(image.frames[0], start[0], atol=1e-5)
    np.testing.assert_allclose(image.frames[-1], image.reconstruction, atol=1e-6)


def test_saving_writes_the_files_of_every_image(tmp_path, filled):
    assert filled.save(tmp_path / "out") == tmp_path / "out"
    for image in filled.images:
        folder = tmp_path / "out" / image.name
        assert {path.name for path in folder.iterdir()} == {
            "measurement.png", "reconstruction.png", "recorrupted.png", "merged.png",
            "latents.npz", "history.csv", "metrics.json", "figure.png",
        }  # fmt: skip
        with np.load(folder / "latents.npz") as arrays:
            np.testing.assert_array_equal(arrays["ws"], image.latents)
    with open(tmp_path / "out" / "metrics.csv", newline="") as file:
        names = [row["image"] for row in csv.DictReader(file)]
    assert names == [image.name for image in filled.images]


@pytest.mark.parametrize("objective", ["brgm_tf1", "brgm_torch"])
def test_the_original_objectives_run(restore, small, objective):
    result = restore(small[:1], corruption=DOWNSAMPLE, objective=objective)
    assert np.isfinite(result.reconstructions).all()


def test_a_factor_that_does_not_divide_the_resolution_is_refused(restore, small):
    with pytest.raises(InputError, match="divides") as caught:
        restore(small, corruption="downsample(factor=5)")
    assert caught.value.argument == "corruption"


def test_masks_are_required_by_mask_and_refused_by_none(restore, small, whole, missing):
    for options in ({"corruption": "mask()"}, {"corruption": "none", "masks": missing}):
        with pytest.raises(InputError) as caught:
            restore(whole, **options)
        assert caught.value.argument == "masks"


@pytest.mark.weights
def test_a_clean_input_has_metrics_against_the_truth(restore, whole, missing):
    result = restore(whole[:1], corruption="mask()", masks=missing[0], input_kind="clean")
    (image,) = result.images
    np.testing.assert_array_equal(image.truth, whole[0])
    figures = {"psnr", "ssim", "mae", "rmse", "lpips"}
    merged = {f"merged_{name}" for name in figures}
    assert set(image.metrics) == {"residual", "hole_rmse"} | figures | merged
    assert np.isfinite(list(image.metrics.values())).all()
    assert image.metrics["merged_rmse"] < image.metrics["rmse"]


def test_missing_pixels_of_the_input_are_ignored(restore):
    rng = np.random.RandomState(5)
    missing = rng.rand(16, 16, 1) < 0.3
    first = rng.uniform(-1, 1, [16, 16, 3]).astype("float32")
    second = np.where(missing, 0.25, first).astype("float32")
    results = [
        restore(image, corruption="mask()", masks=missing).images[0] for image in (first, second)
    ]
    np.testing.assert_array_equal(results[0].measurement, results[1].measurement)
    np.testing.assert_array_equal(results[0].reconstruction, results[1].reconstruction)
    assert (results[0].measurement[missing[..., 0]] == 1.0).all()


def simulated(restore, images, corruption, **options):
    """Returns the restorations of clean images that are corrupted first, without LPIPS."""
    defaults = {"input_kind": "clean", "perceptual": UNSEEING}
    return restore(images, corruption=corruption, **(defaults | options)).images


def test_a_rule_mask_of_a_clean_image_is_reported_and_merged(restore, whole):
    (image,) = simulated(restore, whole[:1], "half_mask(side='left')")
    half = SIZE // 2
    assert image.missing[:, :half].all()
    assert not image.missing[:, half:].any()
    np.testing.assert_array_equal(image.merged[:, half:], whole[0][:, half:])
    assert image.metrics["hole_rmse"] > 0


def test_a_grey_measurement_is_restored_in_colour(restore, whole):
    grey = whole[:1].mean(axis=-1, keepdims=True)
    (image,) = restore(grey, corruption="grayscale()").images
    assert image.measurement.shape == (SIZE, SIZE, 1)
    assert image.reconstruction.shape == (SIZE, SIZE, 3)


def test_a_clean_input_receives_the_noise_of_the_chain(restore, whole):
    corruption = f"{DOWNSAMPLE} + noise(scale=20)"
    images = simulated(restore, np.repeat(whole[:1], 2, axis=0), corruption)
    mean = whole[0].reshape(SMALL, 4, SMALL, 4, 3).mean(axis=(1, 3))
    first, second = (127.5 * (image.measurement - mean) for image in images)
    assert np.std(first) == pytest.approx(20, rel=0.3)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.5


def test_the_noise_of_an_image_does_not_depend_on_the_batch(restore, whole):
    corruption = f"{DOWNSAMPLE} + noise(scale=20)"
    alone, together = (simulated(restore, whole, corruption, batch_size=size) for size in (1, 3))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a.measurement, b.measurement)


def test_noise_seeds_depend_on_the_names_and_the_seed():
    first = noise_seeds(["a", "b", "c"], seed=5)
    np.testing.assert_array_equal(first[1:], noise_seeds(["b", "c"], seed=5))
    assert len({tuple(row) for row in first}) == 3
    assert not (first == noise_seeds(["a", "b", "c"], seed=6)).all(axis=1).any()


def test_known_noise_emits_no_warning(restore):
    (image,) = simulated(restore, generated(SIZE, 1), f"{DOWNSAMPLE} + noise(scale=40)")
    assert image.metrics["residual"] > 20
    assert image.warnings == ()


def test_a_mask_may_follow_downsampling(restore, small):
    missing = np.zeros((SMALL, SMALL, 1), bool)
    missing[:2] = True
    hidden = small[:1].copy()
    hidden[:, :2] = 0.5
    images = [
        restore(y, corruption=f"{DOWNSAMPLE} + mask()", masks=missing).images[0]
        for y in (small[:1], hidden)
    ]
    np.testing.assert_array_equal(images[0].measurement[:2], 1.0)
    np.testing.assert_array_equal(images[0].measurement[2:], small[0, 2:])
    np.testing.assert_array_equal(images[0].reconstruction, images[1].reconstruction)
    assert images[0].merged is None
    error = images[0].predicted_measurement[2:] - small[0, 2:]
    residual = 127.5 * np.sqrt(np.mean(error**2))
    assert images[0].metrics["residual"] == pytest.approx(residual, rel=1e-4)


def test_noisy_pixels_are_not_merged(restore, whole, missing):
    (image,) = simulated(restore, whole[:1], "mask() + noise(scale=5)", masks=missing[0])
    assert image.merged is None
    assert "hole_rmse" not in image.metrics
    np.testing.assert_array_equal(image.measurement[missing[0, ..., 0]], 1.0)


# MRI.


def radiograph():
    """Returns an image [16, 16, 1] in the range of the generator, neither black nor white."""
    return generated(SIZE, 1, channels=1)[0]


def fourier(x):
    x = np.fft.fft2(np.fft.ifftshift(x, axes=(0, 1)), axes=(0, 1), norm="ortho")
    return np.fft.fftshift(x, axes=(0, 1)).astype("complex64")


def test_a_clean_image_is_measured_as_kspace_and_shown_as_a_picture(restore, grey, tmp_path):
    result = restore(
        radiograph(),
        corruption="kspace(acceleration=2) + noise(scale=2)",
        input_kind="clean",
        generator=grey,
        perceptual=UNSEEING,
    )
    (image,) = result.images
    assert image.measurement.shape == image.predicted_measurement.shape == (SIZE, SIZE, 1)
    assert image.measurement.dtype == np.float32
    assert image.kspace.values.dtype == np.complex64
    assert (image.kspace.values[~image.kspace.sampled] == 0).all()
    assert image.kspace.sampled.mean() == 0.5
    assert image.merged is None
    assert "kspace_white" not in image.metrics
    folder = result.save(tmp_path) / "image_00000"
    np.testing.assert_array_equal(np.load(folder / "measurement.npy"), image.kspace.values)


def test_the_reconstruction_does_not_depend_on_the_scale_of_kspace(restore, grey):
    x = radiograph()
    options = {"corruption": "kspace(acceleration=2)", "generator": grey}
    (first,) = restore(fourier((x + 1) / 2), **options).images
    (second,) = restore(fourier((x + 1) / 2) * 1024, **options).images
    np.testing.assert_allclose(second.metrics["kspace_white"] / first.metrics["kspace_white"], 1024)
    np.testing.assert_array_equal(second.reconstruction, first.reconstruction)
    # The 99.9 % quantile of the zero-filled magnitude is white.
    magnitude = (first.measurement + 1) / 2
    np.testing.assert_allclose(np.quantile(magnitude, 0.999), 1, rtol=1e-4)


def test_the_scale_of_kspace_does_not_depend_on_the_batch(restore, grey):
    y = np.stack([fourier((radiograph() + 1) / 2)] * 2) * np.array([1, 5])[:, None, None, None]
    options = {"corruption": "kspace(acceleration=2)", "generator": grey}
    together = restore(y, batch_size=2, **options).images
    alone = [restore(one, **options).images[0] for one in y]
    for a, b in zip(together, alone, strict=True):
        assert a.metrics["kspace_white"] == b.metrics["kspace_white"]


def test_coils_without_sensitivities_are_refused_before_loading(restore, grey):
    y = np.repeat(fourier(radiograph()), 2, axis=-1)
    with pytest.raises(InputError, match=r"must be k-space of 1 coils.*sensitivities"):
        restore(y, corruption="kspace(acceleration=2)", generator=grey)


@pytest.mark.slow
def test_kspace_of_several_coils_is_restored(restore, grey, tmp_path):
    rng = np.random.RandomState(2)
    maps = rng.normal(size=(SIZE, SIZE, 3)) + 1j * rng.normal(size=(SIZE, SIZE, 3))
    np.save(tmp_path / "maps.npy", maps)
    y = fourier(maps * (radiograph() + 1) / 2)
    result = restore(
        y,
        corruption=f"kspace(acceleration=2, sensitivities='{tmp_path / 'maps.npy'}')"
        " + noise(scale=2)",
        generator=grey,
    )
    (image,) = result.images
    assert image.kspace.values.shape == (SIZE, SIZE, 3)
    assert np.isfinite(image.reconstruction).all()
    start, *_, end = image.history["total"]
    assert end < start


def test_an_image_with_terms_that_are_not_finite_fails_alone(restore, small, monkeypatch):
    run = Optimizer.run

    def with_nan(self, state, data):
        values = data["measurement"].numpy()
        bad = (values == small[1]).all(axis=(1, 2, 3))[:, None, None, None]
        data = data | {"measurement": tf.constant(np.where(bad, np.nan, values))}
        yield from run(self, state, data)

    whole = restore(small, corruption=DOWNSAMPLE, batch_size=3)
    monkeypatch.setattr(Optimizer, "run", with_nan)
    result = restore(small, corruption=DOWNSAMPLE, batch_size=3)
    assert [failure.name for failure in result.failures] == ["image_00001"]
    assert [image.name for image in result.images] == ["image_00000", "image_00002"]
    np.testing.assert_array_equal(result.reconstructions, whole.reconstructions[[0, 2]])


def exhausted_above(limit, monkeypatch):
    """Simulates that memory runs out for batches of more than `limit` images."""
    restore_batch = Restorer._restore

    def limited(self, loaded, *arguments):
        if len(loaded) > limit:
            raise tf.errors.ResourceExhaustedError(None, None, "out of it")
        return restore_batch(self, loaded, *arguments)

    monkeypatch.setattr(Restorer, "_restore", limited)


def test_a_batch_that_exceeds_the_memory_is_split_in_halves(restore, small, monkeypatch):
    exhausted_above(1, monkeypatch)
    result = restore(small, corruption=DOWNSAMPLE, batch_size=3)
    assert [image.name for image in result.images] == [f"image_{i:05d}" for i in range(3)]
    assert result.failures == ()


def test_a_single_image_that_exceeds_the_memory_fails(restore, small, monkeypatch):
    exhausted_above(0, monkeypatch)
    result = restore(small, corruption=DOWNSAMPLE, batch_size=2)
    assert [failure.message for failure in result.failures] == ["memory ran out: out of it"] * 3


def test_a_slice_of_a_volume_is_restored_and_saved_in_its_format(restore, tmp_path):
    values = np.random.RandomState(8).uniform(-900, 300, (6, SMALL, SMALL)).astype("float32")
    nib.save(nib.Nifti1Image(values, np.diag([2.0, 4.0, 4.0, 1.0])), tmp_path / "a.nii.gz")
    result = restore(
        str(tmp_path / "a.nii.gz"), corruption=DOWNSAMPLE, plane="sagittal", slices="4"
    )
    result.save(tmp_path / "out")
    written = nib.load(tmp_path / "out" / "a_sagittal4" / "reconstruction.nii.gz")
    assert written.shape == (1, SIZE, SIZE)
    low, high = np.quantile(values, [0.005, 0.995])
    picture = low + (result.reconstructions[0].mean(axis=-1) + 1) / 2 * (high - low)
    np.testing.assert_allclose(written.get_fdata()[0], picture[::-1, ::-1].T, atol=0.5)
