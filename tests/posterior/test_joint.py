"""The posterior as a joint distribution: its log-densities are the terms, and it can be sampled."""

from types import SimpleNamespace

import adaptable
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from linear_gaussian import generator_of

from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.corruptions.blur.blur import Blur
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.mri.kspace import KSpace
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.noise.poisson_noise import PoissonNoise
from brgm_tf.corruptions.noise.salt_and_pepper import SaltAndPepper
from brgm_tf.corruptions.pointwise.grayscale import Grayscale
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.posterior.objectives import OBJECTIVES, objective
from brgm_tf.posterior.posterior import Posterior

B, L, D, SIZE = 2, 3, 4, 8
RNG = np.random.RandomState(0)
MEAN, ROOT = RNG.randn(D), RNG.randn(D, D)
MATRIX = RNG.randn(L * D, SIZE * SIZE * 3) * 0.1
MISSING = RNG.rand(B, SIZE, SIZE, 1) < 0.3
CORRUPTIONS = {
    "downsample": Downsample(2),
    "mask + poisson": Mask() + PoissonNoise(30.0),
    "mask + downsample": Mask() + Downsample(2),
    "salt_and_pepper": Downsample(2) + SaltAndPepper(0.2),
    "unknown blur and noise": Blur(Bounded(0.3, 0.8, logarithmic=True))
    + Noise(Bounded(2, 9, logarithmic=True)),
    "kspace + noise": Grayscale() + KSpace(2) + Noise(5.0),
}


def features(x, *, enlarge):
    del enlarge
    return [2.0 * x, tf.nn.avg_pool2d(x, 2, 2, "VALID")]


def posterior(name, corruption, **overrides):
    calls = []

    def synthesis(ws):
        calls.append(ws.shape)
        x = tf.tanh(tf.reshape(ws, [-1, L * D]) @ MATRIX)
        return tf.reshape(x, [-1, SIZE, SIZE, 3])

    generator = generator_of(
        synthesis, mean=MEAN, covariance=ROOT @ ROOT.T, num_ws=L, size=SIZE, channels=3
    )
    model = Posterior(
        generator,
        corruption,
        objective=objective(name, **overrides),
        perceptual=SimpleNamespace(features=features),
    )
    return model, calls


def some_values(model):
    """Returns a position, and the conditions of a measurement with filled unobserved values."""
    rng = np.random.RandomState(1)
    position = tf.constant(rng.randn(*model.layout.shape(B)))
    data = {"missing": MISSING} if model.corruption.data_names else {}
    corruption = model.corruption.with_data(**data)
    shape = corruption.measurement_shape((B, SIZE, SIZE, 3))
    y = rng.uniform(-1, 1, shape)
    if corruption.measures_kspace:
        y = y + 1j * rng.uniform(-1, 1, shape)
    y = corruption.fill_unobserved(tf.constant(y))
    return position, model.condition(y, data, dtype=tf.float64)


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_the_terms_sum_to_the_joint_log_prob(corruption):
    for name in OBJECTIVES:
        model, _ = posterior(name, corruption)
        position, conditions = some_values(model)
        joint = model.joint(B, data=conditions["data"], dtype=tf.float64)
        values = model.joint_values(joint, position, conditions["measurement"])
        # TensorFlow Probability computes this sum, and the features of y, independently.
        expected = joint.log_prob(value=values)
        np.testing.assert_allclose(model.log_prob(position, conditions), expected, rtol=1e-12)
        assert joint.log_prob_parts(values).keys() == values._asdict().keys()


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_images_are_synthesised_once(corruption):
    for name in OBJECTIVES:
        model, calls = posterior(name, corruption)
        position, conditions = some_values(model)
        model.terms(position, conditions)
        assert len(calls) == 1


@pytest.mark.parametrize("noise_scale", [None, 6.0])
def test_the_bayes_objective_is_a_normalised_density(noise_scale):
    """Compares with p(v) p(z) p(y | v, z) by SciPy, with z the coordinate of the noise scale."""
    model, _ = posterior("bayes", Downsample(2), noise_scale=noise_scale)
    position, conditions = some_values(model)
    y = conditions["measurement"].numpy()
    prediction = Downsample(2).forward(model.generator.synthesis(model.latents(position))).numpy()
    scale = np.full(B, 6.0)
    expected = scipy.stats.norm.logpdf(model.layout.whitened_latents(position)).sum(axis=(1, 2))
    if noise_scale is None:
        z = position.numpy()[:, 1 + L, 0]
        scale = 5.0 * np.exp(z)
        expected += scipy.stats.norm.logpdf(z)
    scale = scale[:, None, None, None] / 127.5
    expected += scipy.stats.norm.logpdf(y, prediction, scale).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(model.log_prob(position, conditions), expected, rtol=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_joint_distribution_can_be_sampled(name):
    model, _ = posterior(name, CORRUPTIONS["unknown blur and noise"])
    sample = model.joint(B, dtype=tf.float64).sample(seed=[0, 1])
    assert sample.latents.shape == (B, *model.prior.event_shape)
    assert sample.parameters.shape == (B, 2)
    assert sample.measurement.shape == (B, SIZE, SIZE, 3)
    for part in sample:
        assert np.isfinite(part).all()


# Standard deviation of the measurement around its prediction, in grey levels.
SCATTER = {
    "bayes": 6.0,
    "balanced": 6.0 * (48 / 12) ** 0.5,  # 12 of 48 values count
    "brgm_tf1": (48 / 0.002) ** 0.5,
}


@pytest.mark.parametrize("name", SCATTER)
def test_measurements_have_the_noise_scale_as_standard_deviation(name):
    overrides = {"noise_scale": 6.0, "effective_sample_size_cap": 12.0, "perceptual_scale": 0.0}
    model, _ = posterior(name, Downsample(2), **overrides)
    x = tf.zeros([B, SIZE, SIZE, 3], tf.float64)
    samples = model.measurement_of(x).sample(2000, seed=[0, 3])
    np.testing.assert_allclose(np.std(samples, axis=0) * 127.5, SCATTER[name], rtol=0.1)
    assert np.std(samples) * 127.5 == pytest.approx(SCATTER[name], rel=0.01)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_adapted_weights_are_part_of_the_joint_distribution(name):
    model = adaptable.posterior(name, scale=0.3)
    rng = np.random.RandomState(4)
    position = tf.constant(rng.randn(*model.layout.shape(2)))
    e = tf.constant(rng.randn(2, model.adaptation.size))
    conditions = {**model.condition(adaptable.Y, dtype=tf.float64), "deviations": e}
    terms = model.terms(position, conditions)
    power = {"brgm_tf1": 2 * 100 / (2 * 3**2), "brgm_torch": 2 * 100 / (2 * 3**2)}.get(name, 1.0)
    expected = -0.5 * power * np.square(e).sum(axis=1)
    np.testing.assert_allclose(terms["adaptation"], expected, rtol=1e-12)
    joint = model.joint(2, dtype=tf.float64)
    values = model.joint_values(joint, position, adaptable.Y, deviations=e)
    np.testing.assert_allclose(
        model.log_prob(position, conditions), joint.log_prob(value=values), rtol=1e-12
    )


def test_samples_of_the_weights_follow_their_prior():
    model = adaptable.posterior(scale=0.3)
    sample = model.joint(50, dtype=tf.float64).sample(seed=[0, 1])
    assert sample.adaptation.shape == (50, model.adaptation.size)
    np.testing.assert_allclose(np.std(sample.adaptation), 1.0, atol=0.05)
    x = model.synthesis(model.prior.latents(sample.latents), sample.adaptation)
    assert np.std(sample.measurement - x) * 127.5 == pytest.approx(adaptable.NOISE, rel=0.1)
