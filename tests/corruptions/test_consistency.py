"""Images that agree with a measurement of fewer pixels."""

import numpy as np
import pytest

from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.corruptions.resolution.resampling import MATRICES


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("method", MATRICES)
@pytest.mark.parametrize("factor", [1, 2, 8, 2.5])
def test_the_corrected_image_has_the_measurement(rng, method, factor):
    corruption = Downsample(factor=factor, method=method)
    x = rng.normal(size=(2, 40, 40, 3))
    y = rng.normal(size=(2, int(40 / factor), int(40 / factor), 3))
    corrected = corruption.composite(y, x)
    np.testing.assert_allclose(corruption.forward(corrected), y, atol=1e-12)


def test_an_image_that_has_the_measurement_stays(rng):
    corruption = Downsample(factor=4)
    x = rng.normal(size=(1, 16, 16, 1))
    np.testing.assert_allclose(corruption.composite(corruption.forward(x), x), x, atol=1e-14)


def test_the_correction_is_smooth():
    """A residual of alternating pixels becomes a wave, not blocks."""
    y = np.tile([1.0, -1.0], 8)[None, None, :, None] * np.ones((1, 16, 1, 1))
    wave = Downsample(factor=8).composite(y, np.zeros((1, 128, 128, 1)))[0, 64, :, 0]
    assert abs(np.diff(wave)).max() < 0.6  # 2 for blocks


def test_samples_have_the_measurement(rng):
    corruption = Downsample(factor=4)
    samples, y = rng.normal(size=(3, 2, 16, 16, 1)), rng.normal(size=(2, 4, 4, 1))
    corrected = corruption.composite(y, samples)
    np.testing.assert_allclose(corruption.forward(corrected[2]), y, atol=1e-12)


def test_the_type_of_the_image_stays():
    x, y = np.zeros((1, 8, 8, 1), "float32"), np.ones((1, 2, 2, 1), "float32")
    assert Downsample(factor=4).composite(y, x).dtype == np.float32


def test_a_noisy_measurement_is_not_reproduced(rng):
    chain = (Downsample(factor=4) + Noise(5.0)).of_images((16, 16, 1))
    assert chain.composite(np.zeros((1, 4, 4, 1)), np.zeros((1, 16, 16, 1))) is None
