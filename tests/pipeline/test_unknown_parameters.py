"""`restore` samples unknown parameters for clean images, and infers the parameters."""

import numpy as np
import pytest
from smooth_generator import generated, smooth_generator
from unseeing import Unseeing

import brgm_tf


def images_and_generator(count):
    """Returns images of a tiny generator, and the generator."""
    return generated(8, count), smooth_generator(8)


def damaged(corruption, *, count=2, **options):
    images, generator = images_and_generator(count)
    defaults = {"input_kind": "clean", "perceptual": Unseeing(), "batch_size": count}
    options = defaults | {"overrides": {"perceptual_scale": 0.0}} | options
    return brgm_tf.restore(images, corruption=corruption, generator=generator, **options).images


@pytest.mark.slow
def test_parameters_are_sampled_for_each_clean_image_and_inferred():
    images = damaged("gain(gain=unknown(0.3, 3)) + noise(scale=2)", num_steps=80)
    truths = [image.metrics["gain_true"] for image in images]
    assert len(set(truths)) == 2
    for image, truth in zip(images, truths, strict=True):
        assert 0.3 < truth < 3
        assert image.metrics["gain"] == pytest.approx(truth, rel=0.05)
        assert 0 < image.metrics["gain_stddev"] < 0.1


@pytest.mark.slow
def test_inferred_noise_is_not_a_model_discrepancy():
    (image,) = damaged("noise(scale=unknown(2, 40))", count=1, estimator="vi", num_steps=12)
    assert {"noise_scale", "noise_scale_stddev", "noise_scale_true"} < set(image.metrics)
    assert image.metrics["discrepancy"] == 0


def test_sampled_parameters_do_not_depend_on_the_batch():
    corruption = "gain(gain=unknown)"
    alone, together = (damaged(corruption, num_steps=1, batch_size=size) for size in (1, 2))
    for a, b in zip(alone, together, strict=True):
        assert a.metrics["gain_true"] == b.metrics["gain_true"]
        np.testing.assert_array_equal(a.measurement, b.measurement)
