"""Reconstructions from k-space, against closed forms."""

import warnings

import numpy as np
import pytest

from brgm_tf.corruptions.mri.fourier_sampling import BoundFourierSampling
from brgm_tf.corruptions.mri.kspace import KSpace
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.evaluation import baselines
from brgm_tf.evaluation.baselines.zero_filled import zero_filled

SIZE = 32
COMPRESSED_SENSING = ("l1_wavelet", "tv_kspace")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def blocks():
    """Returns a picture with few edges."""
    x = np.full((SIZE, SIZE, 1), -0.6, np.float32)
    x[8:22, 10:24] = 0.5
    x[12:16, 4:28] = -0.1
    return x


def compressed_sensing(name):
    """Returns the function of a baseline, without the warnings of SigPy's import."""
    pytest.importorskip("sigpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sigpy.mri.app  # noqa: F401
    return baselines.BASELINES[name].load()


def coils(rng):
    return rng.normal(size=(SIZE, SIZE, 3)) + 1j * rng.normal(size=(SIZE, SIZE, 3))


def test_baselines_of_kspace_are_selected_by_its_name():
    assert baselines.baselines_of("kspace") == ["zero_filled", *COMPRESSED_SENSING]


def test_zero_filled_returns_the_image_from_complete_kspace(rng):
    operator = BoundFourierSampling(np.ones((SIZE, SIZE), bool), coils(rng))
    y = operator.forward(blocks()[None]).numpy()[0]
    restored = zero_filled(y, corruption=operator, resolution=SIZE)
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, blocks(), atol=1e-5)


@pytest.mark.parametrize("name", COMPRESSED_SENSING)
def test_compressed_sensing_returns_the_image_from_complete_kspace(name):
    corruption = (KSpace(1) + Noise(1.0)).of_images((SIZE, SIZE, 1))
    y = corruption.forward(blocks()[None]).numpy()[0]
    restored = compressed_sensing(name)(y, corruption=corruption, weight=1e-5, resolution=SIZE)
    assert (restored.shape, restored.dtype) == ((SIZE, SIZE, 1), np.float32)
    np.testing.assert_allclose(restored, blocks(), atol=2e-3)


def distance(x):
    return np.sqrt(np.mean((x - blocks()) ** 2))


@pytest.mark.parametrize(("name", "ratio"), [("l1_wavelet", 0.8), ("tv_kspace", 0.1)])
def test_compressed_sensing_beats_zero_filling_on_a_picture_with_few_edges(name, ratio):
    corruption = BoundFourierSampling(KSpace(2, pattern="radial").sampled_map(SIZE, SIZE))
    y = corruption.forward(blocks()[None]).numpy()[0]
    restored = compressed_sensing(name)(y, corruption=corruption, resolution=SIZE)
    zeros = zero_filled(y, corruption=corruption)
    assert distance(restored) < ratio * distance(zeros)


@pytest.mark.parametrize("name", COMPRESSED_SENSING)
def test_compressed_sensing_combines_several_coils(name, rng):
    sampled = KSpace(2, center_fraction=0.2).sampled_map(SIZE, SIZE)
    corruption = BoundFourierSampling(sampled, coils(rng))
    y = corruption.forward(blocks()[None]).numpy()[0]
    restored = compressed_sensing(name)(y, corruption=corruption, weight=1e-4, resolution=SIZE)
    assert distance(restored) < 0.1 * distance(zero_filled(y, corruption=corruption))
