"""Features of VGG16 against the features of LPIPS."""

import numpy as np
import pytest
import vgg16_files

from brgm_tf.perceptual.lpips import LPIPS
from brgm_tf.training.vgg_features import VGG16Features, resized


@pytest.fixture(scope="module")
def arrays():
    arrays = vgg16_files.random_arrays()
    for name, kernel in arrays.items():
        if name.endswith("kernel"):
            kernel *= np.sqrt(2 / kernel[..., 0].size)
    return arrays


def pictures(size=32, channels=1):
    return np.random.default_rng(0).uniform(-1, 1, (2, size, size, channels)).astype("float32")


def test_the_features_are_the_last_four_of_lpips_before_its_weights(arrays):
    images = pictures()
    features = VGG16Features(arrays, size=32)(images)
    for block, (x, expected) in enumerate(
        zip(features, LPIPS(arrays).features(images)[1:], strict=True), start=1
    ):
        x = np.asarray(x)
        unit = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6)
        weighted = unit * np.sqrt(arrays[f"head{block}"] / (x.shape[1] * x.shape[2]))
        np.testing.assert_allclose(weighted, np.asarray(expected), atol=1e-5)


def test_images_are_averaged_or_enlarged_to_the_size():
    images = pictures(8)
    means = images.reshape(2, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(np.asarray(resized(images, size=4)), means, atol=1e-6)
    larger = np.asarray(resized(images, size=16))
    assert larger.shape == (2, 16, 16, 1)
    np.testing.assert_allclose(larger[:, 0, 0], images[:, 0, 0], atol=1e-6)
