"""Every estimator restores every kind of measurement, in grey and in colour."""

import numpy as np
import pytest
from unseeing import Unseeing

import brgm_tf
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.generators.stylegan2 import StyleGAN2

SIZE = 16
# The channels of the generator, by corruption.
CORRUPTIONS = {
    "mask()": 1,
    "downsample(factor=4)": 3,
    "downsample(factor=4) + poisson(peak=50)": 3,
    "downsample(factor=4) + salt_and_pepper(fraction=0.1)": 3,
    "kspace(acceleration=2)": 1,
}


def restored(estimator, corruption, **options):
    channels = CORRUPTIONS[corruption]
    generator = StyleGAN2(
        SIZE,
        channels=channels,
        channel_base=64,
        channel_max=8,
        w_dim=8,
        z_dim=8,
        mapping_depth=2,
        seed=1,
    )
    z = np.random.RandomState(5).randn(2, 8).astype("float32")
    whole = np.clip(np.asarray(generator(z)), -1, 1)
    missing = np.zeros([SIZE, SIZE, 1], bool)
    missing[4:12, 4:12] = True
    y = whole if channels == 1 else whole.reshape(2, 4, 4, 4, 4, 3).mean(axis=(2, 4))
    if corruption.startswith("kspace"):
        options["input_kind"] = "clean"
        options["perceptual"] = Unseeing()
    return brgm_tf.restore(
        y,
        corruption=corruption,
        masks=missing if corruption == "mask()" else None,
        generator=generator,
        estimator=estimator,
        overrides={"perceptual_scale": 0.0},
        num_steps=24,
        num_samples=2,
        surrogate_rank=8,
        batch_size=2,
        **options,
    )


# All estimators on a grey and on a colour measurement, one with known and one with inferred noise;
# on the others the one that needs most of a corruption.
CASES = [
    (estimator, corruption)
    for corruption in CORRUPTIONS
    for estimator in ESTIMATORS
    if estimator == "vi" or corruption in ("mask()", "downsample(factor=4) + poisson(peak=50)")
]


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "corruption"), CASES)
def test_an_estimator_restores_a_batch(estimator, corruption):
    found = restored(estimator, corruption)
    assert found.failures == ()
    for image in found.images:
        assert image.reconstruction.shape == (SIZE, SIZE, CORRUPTIONS[corruption])
        assert np.isfinite(image.reconstruction).all()
        assert len(image.history["total"]) == 24
        has_samples = ESTIMATORS.row(estimator).samples
        assert (image.samples is not None) == has_samples
        if has_samples:
            assert np.isfinite(image.samples.images).all()
            assert image.samples.stddev.max() > 0


def test_the_originals_faults_are_told_with_every_result():
    found = restored("vi_brgm", "mask()")
    assert all("faults" in image.warnings[0] for image in found.images)
