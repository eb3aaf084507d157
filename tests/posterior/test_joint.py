"""The model as a joint distribution: what MAP minimises, and what can be drawn from."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from brgm_tf.core.parameter_priors import Bounded, LogNormal
from brgm_tf.corruptions.blur.blur import Blur
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.mri.kspace import KSpace
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.noise.poisson_noise import PoissonNoise
from brgm_tf.corruptions.noise.salt_and_pepper import SaltAndPepper
from brgm_tf.corruptions.pointwise.grayscale import Grayscale
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.posterior.joint import PSEUDO_OBSERVATIONS, joint_distribution
from brgm_tf.posterior.objectives import OBJECTIVES, objective
from brgm_tf.posterior.posterior import LatentPrior, Posterior, parameter_priors_of, total

B, L, D, SIZE = 2, 3, 4, 8
RNG = np.random.RandomState(0)
MEAN, ROOT = RNG.randn(D), RNG.randn(D, D)
MATRIX = RNG.randn(L * D, SIZE * SIZE * 3) * 0.1
MISSING = RNG.rand(B, SIZE, SIZE, 1) < 0.3
CORRUPTIONS = {
    "downsample": Downsample(2),
    "mask": Mask().with_data(missing=MISSING),
    "mask + downsample": (Mask() + Downsample(2)).with_data(missing=MISSING),
    "noise": Downsample(2) + Noise(5.0),
    "poisson": Downsample(2) + PoissonNoise(30.0),
    "mask + poisson": (Mask() + PoissonNoise(30.0)).with_data(missing=MISSING),
    "salt_and_pepper": Downsample(2) + SaltAndPepper(0.2),
    "unknown blur and noise": Blur(Bounded(0.3, 0.8, logarithmic=True))
    + Noise(Bounded(2, 9, logarithmic=True)),
    "kspace": (Grayscale() + KSpace(2)).of_images((SIZE, SIZE, 3)),
    "kspace + noise": (Grayscale() + KSpace(2) + Noise(5.0)).of_images((SIZE, SIZE, 3)),
}


def posterior(name, corruption, **overrides):
    scales = objective(name, **overrides)
    parameter_priors = parameter_priors_of(corruption.params, scales)
    return Posterior(
        synthesis=lambda ws: tf.reshape(
            tf.tanh(tf.reshape(ws, [-1, L * D]) @ MATRIX), [-1, SIZE, SIZE, 3]
        ),
        features=lambda x: [2.0 * x, tf.nn.avg_pool2d(x, 2, 2, "VALID")],
        prior=LatentPrior(MEAN, ROOT @ ROOT.T, L, scales.layer_scale, parameter_priors),
        objective=scales,
    )


def both(model, corruption, v, y):
    """log_prob of the joint distribution, and the sum of the posterior's terms, [B] each."""
    joint = joint_distribution(model, corruption=corruption, num_images=B, dtype=tf.float64)
    zeros = tf.zeros([B], tf.float64)
    names = joint.event_shape.keys()
    latents, parameters = model.prior.of_latents(v), model.prior.parameters(v)
    values = {"latents": latents, "measurement": y} | parameters
    values |= dict.fromkeys(PSEUDO_OBSERVATIONS, zeros)
    target = model.features(corruption.as_image(y))
    log_prob = total(model.terms(v, corruption=corruption, measurement=y, target=target))
    z = model.prior.of_parameters(v)
    for i, (name, unknown) in enumerate(model.prior.parameter_priors.items()):
        # A density of the parameter, no longer of its coordinate: p(t) = p(z) |dz / dt|.
        log_prob += parameters_log_prob(unknown, parameters[name])
        log_prob -= scipy.stats.norm.logpdf(z[:, i])
    return joint.log_prob({name: values[name] for name in names}), log_prob


def parameters_log_prob(unknown, values):
    if isinstance(unknown, LogNormal):
        return scipy.stats.lognorm.logpdf(values, unknown.dispersion_factor, scale=unknown.middle)
    return scipy.stats.loguniform.logpdf(values, *unknown.bounds)


def some_values(model, corruption):
    rng = np.random.RandomState(1)
    rows, latents = model.prior.start(1).shape[1], model.prior.num_rows
    first = rng.randn(B, rows, D)
    # Other latents, but the same parameters.
    second = np.concatenate([rng.randn(B, latents, D), first[:, latents:]], axis=1)
    first, second = tf.constant(first), tf.constant(second)
    shape = corruption.measurement_shape((B, SIZE, SIZE, 3))
    y = rng.uniform(-1, 1, shape)
    if corruption.measures_kspace:
        y = y + 1j * rng.uniform(-1, 1, shape)
    return first, second, tf.constant(y)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_log_prob_is_minus_the_objective_up_to_a_constant_in_the_latents(name, corruption):
    model = posterior(name, corruption)
    first, second, y = some_values(model, corruption)
    (joint, plain), (other, other_plain) = (both(model, corruption, v, y) for v in (first, second))
    np.testing.assert_allclose(joint - other, plain - other_plain, rtol=1e-10)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_log_prob_has_the_objectives_gradient(name, corruption):
    model = posterior(name, corruption)
    v, _, y = some_values(model, corruption)
    gradients = []
    for index in (0, 1):
        with tf.GradientTape() as tape:
            tape.watch(v)
            value = both(model, corruption, v, y)[index]
        gradients.append(model.prior.of_latents(tape.gradient(value, v)))
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)
@pytest.mark.parametrize("noise_scale", [None, 6.0])
def test_bayes_is_normalised(corruption, noise_scale):
    model = posterior("bayes", corruption, noise_scale=noise_scale)
    v, _, y = some_values(model, corruption)
    joint, plain = both(model, corruption, v, y)
    np.testing.assert_allclose(joint, plain, rtol=1e-12)


def test_draws_of_the_measurement_scatter_by_the_noise_scale():
    model = posterior("bayes", Downsample(2), noise_scale=6.0)
    joint = joint_distribution(model, corruption=Downsample(2), num_images=B)
    v = joint.sample(seed=[0, 1])["latents"]
    assert v.shape == [B, 1 + L, D]
    draws = joint.sample_distributions(value={"latents": v}, seed=[0, 2])[0]["measurement"]
    assert isinstance(draws, tfp.distributions.Independent)
    scatter = np.std(draws.sample(2000, seed=[0, 3]), axis=0)
    np.testing.assert_allclose(scatter * 127.5, 6.0, rtol=0.1)
