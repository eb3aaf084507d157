"""Noise: its densities against SciPy's, and its samples against their moments."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from linear_gaussian import generator_of

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.noise.poisson_noise import PoissonNoise
from brgm_tf.corruptions.noise.salt_and_pepper import SaltAndPepper
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.posterior.objectives import objective
from brgm_tf.posterior.posterior import Posterior

NOISES = [Noise(6.0), PoissonNoise(20.0), SaltAndPepper(0.2), SaltAndPepper(0.2, 4.0)]
every_noise = pytest.mark.parametrize("noise", NOISES, ids=str)


def flat(level, *, size=400, batch=1):
    """Returns images of one grey level, in float64."""
    return tf.fill([batch, size, size, 1], tf.constant(level, tf.float64))


def total(density):
    return np.sum(density, axis=(1, 2, 3))


# All noise models.


@every_noise
def test_noise_is_independent_between_images(noise):
    x = flat(0.1, batch=2)
    first, second = (noise.sample(x, [[0, 1], [0, 2]]) - x).numpy()
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.01
    np.testing.assert_array_equal(*noise.sample(x, [[0, 1], [0, 1]]))


@every_noise
def test_noise_is_independent_between_channels(noise):
    x = tf.zeros([1, 300, 300, 2], tf.float64)
    first, second = np.moveaxis(noise.sample(x, [[3, 4]])[0].numpy(), -1, 0)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.01


@every_noise
def test_the_gradient_is_finite_also_outside_the_range_of_images(noise):
    y = np.array([-1.0, -0.3, 1.0])[:, None]
    mean = np.linspace(-1.5, 1.5, 31)
    y, mean = (tf.constant(a, tf.float32)[None, ..., None] for a in np.broadcast_arrays(y, mean))
    with tf.GradientTape() as tape:
        tape.watch(mean)
        density = noise.log_density(y, mean, {"noise_scale": 3.0})
    assert np.all(np.isfinite(density))
    assert np.all(np.isfinite(tape.gradient(density, mean)))


@every_noise
def test_the_posterior_uses_the_density_of_the_noise(noise):
    """The tempered likelihood is the sum over values times the fraction of effective values."""
    scales = objective(
        "balanced", noise_scale=7.0, effective_sample_size_cap=10.0, perceptual_scale=0.0
    )
    moments = {"mean": np.zeros(2), "covariance": np.eye(2)}
    generator = generator_of(None, num_ws=1, size=4, channels=1, **moments)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 4, 4, 1)), tf.constant(rng.uniform(-1, 1, (2, 2, 2, 1)))
    model = Posterior(generator, Downsample(2) + noise, objective=scales)
    computed = model.measurement_of(tf.constant(x)).log_prob(y)
    density = noise.log_density(y, Downsample(2).forward(x), {"noise_scale": 7.0})
    np.testing.assert_allclose(
        computed, total(density), rtol=1e-12
    )  # all 4 values count, because the cap is 10
    wide = Posterior(generator, noise, objective=scales).measurement_of(tf.constant(x)).log_prob(x)
    density = noise.log_density(tf.constant(x), tf.constant(x), {"noise_scale": 7.0})
    np.testing.assert_allclose(wide, 10 / 16 * total(density), rtol=1e-12)


@every_noise
def test_the_precision_is_the_fisher_information(noise):
    """Compares with the mean square of the score over samples of the distribution."""
    params = {"noise_scale": 4.0}
    mean = tf.fill([200_000, 1, 1, 1], tf.constant(-0.4, tf.float64))
    y = noise.distribution(mean, params).sample(seed=[0, 5])
    with tf.GradientTape() as tape:
        tape.watch(mean)
        density = noise.log_density(y, mean, params)
    information = np.mean(np.square(tape.gradient(density, mean)))
    expected = np.mean(noise.precision(mean, params))
    assert information == pytest.approx(expected, rel=0.02)


# Normal.


def test_normal_noise_has_a_normal_density():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 2, 3, 3, 1))
    for params, scale in (({}, 6.0), ({"noise_scale": 2.5}, 2.5)):
        computed = Noise(6.0).log_prob(tf.constant(y), tf.constant(x), params)
        density = scipy.stats.norm.logpdf(y, loc=x, scale=scale * 2 / 255)
        np.testing.assert_allclose(computed, total(density), rtol=1e-12)


def test_samples_of_normal_noise_have_its_scale():
    x = flat(0.3)
    noise = (Noise(6.0).sample(x, [[1, 2]]) - x).numpy().ravel() / GREY_LEVEL
    assert scipy.stats.kstest(noise, scipy.stats.norm(scale=6.0).cdf).pvalue > 0.01


# Poisson.


@pytest.mark.parametrize("peak", [3.0, 50.0, 4000.0])
def test_counts_have_the_poisson_probability(peak):
    counts = np.array([0, 1, 2, 7, 40, 900.0])
    means = np.linspace(-0.9, 1.0, 5)
    count, mean = np.broadcast_arrays(counts[:, None], means)
    y, mean = (a[None, ..., None] for a in (2 * count / peak - 1, mean))
    noise = PoissonNoise(peak)
    computed = noise.log_density(tf.constant(y), tf.constant(mean), {})
    rate = noise.rate(mean)
    expected = scipy.stats.poisson.logpmf(np.round((y + 1) * peak / 2), rate)
    np.testing.assert_allclose(computed, expected, rtol=1e-9, atol=1e-9)


def test_the_rate_is_the_number_of_photons_with_a_positive_lower_limit():
    photons = np.array([1.0, 2.0, 10.0, 100.0])
    rate = PoissonNoise(200.0).rate(2 * photons / 200 - 1)
    np.testing.assert_allclose(rate, photons, rtol=0.011)
    assert float(PoissonNoise(200.0).rate(np.float64(-1.0))) == pytest.approx(0.1)
    below = PoissonNoise(1e4).rate(tf.constant([-1.01, -1.1, -2.0])).numpy()
    assert np.all(below > 0)
    assert np.all(np.diff(below) < 0)


def test_probabilities_of_all_counts_sum_to_one():
    y = 2 * np.arange(60.0) / 12.0 - 1
    probability = np.exp(PoissonNoise(12.0).log_density(y, np.float64(0.2), {}))
    assert probability.sum() == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize("level", [-0.95, 0.0, 1.0])
def test_samples_of_counts_have_the_poisson_distribution(level):
    peak = 40.0
    y = PoissonNoise(peak).sample(flat(level), [[1, 2]]).numpy().ravel()
    count = (y + 1) * peak / 2
    np.testing.assert_allclose(count, np.round(count), atol=1e-9)
    rate = float(PoissonNoise(peak).rate(np.float64(level)))
    error = np.sqrt(rate / count.size)
    assert abs(count.mean() - rate) < 4 * error
    assert count.var() == pytest.approx(rate, rel=0.02)


def test_large_counts_are_accurate_in_single_precision():
    noise = PoissonNoise(1e5)
    rng = np.random.default_rng(0)
    mean = rng.uniform(-0.5, 1, (1, 64, 64, 1)).astype(np.float32)
    y = noise.sample(mean, [[0, 1]])
    difference = []
    for dtype in (tf.float32, tf.float64):
        parts = [
            tf.reduce_sum(noise.log_density(tf.cast(y, dtype), tf.cast(m, dtype), {}))
            for m in (mean, mean + np.float32(0.001))
        ]
        difference.append(float(parts[1] - parts[0]))
    assert difference[0] == pytest.approx(difference[1], rel=0.01)


# Salt and pepper.


def mixture_density(y, mean, *, fraction, scale):
    """Returns the density of the mixture, from SciPy's densities."""
    level = GREY_LEVEL
    ends = [scipy.stats.uniform(end - level / 2, level).pdf(y) for end in (-1, 1)]
    normal = scipy.stats.norm.pdf(y, loc=mean, scale=scale * level)
    return fraction / 2 * (ends[0] + ends[1]) + (1 - fraction) * normal


@pytest.mark.parametrize("given", [{}, {"scale": 8.0}])
def test_salt_and_pepper_has_the_density_of_a_mixture(given):
    y, mean = np.meshgrid([-1.0, -0.999, -0.99, 0.1, 0.9, 1.0], [-1.1, -0.9, 0.12, 1.0])
    noise = SaltAndPepper(0.2, **given)
    params = {} if given else {"noise_scale": 8.0}
    y, mean = (a[None, ..., None] for a in (y, mean))
    computed = noise.log_density(tf.constant(y), tf.constant(mean), params)
    # Far from the mean a normal density underflows, but its logarithm does not.
    expected = mixture_density(y, mean, fraction=0.2, scale=8.0)
    plain = np.log(0.8) + scipy.stats.norm.logpdf(y, loc=mean, scale=8 * GREY_LEVEL)
    with np.errstate(divide="ignore"):
        expected = np.where(expected > 1e-200, np.log(expected), plain)
    np.testing.assert_allclose(computed, expected, rtol=1e-12)


def test_the_density_of_the_mixture_integrates_to_one():
    y = np.linspace(-1.5, 1.5, 600_001).reshape(1, -1, 1, 1)
    density = np.exp(SaltAndPepper(0.3, 8.0).log_density(y, np.full_like(y, 0.9), {}))
    assert np.trapezoid(density.ravel(), y.ravel()) == pytest.approx(1, abs=1e-4)


def test_the_given_fraction_of_values_is_black_or_white():
    x = flat(0.25)
    y = SaltAndPepper(0.3).sample(x, [[1, 2]]).numpy()
    assert set(np.unique(y)) == {-1.0, 0.25, 1.0}
    assert (y == 1).mean() == pytest.approx(0.15, abs=0.005)
    assert (y == -1).mean() == pytest.approx(0.15, abs=0.005)


def test_the_other_values_have_the_given_scale():
    x = flat(0.25)
    y = SaltAndPepper(0.3, 4.0).sample(x, [[1, 2]]).numpy()
    others = (y - x.numpy())[np.abs(y) < 1] / GREY_LEVEL
    assert others.std() == pytest.approx(4.0, rel=0.02)
    assert others.mean() == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "arguments", "named"),
    [
        (Noise, {"scale": 0}, "scale"),
        (PoissonNoise, {"peak": -1}, "peak"),
        (SaltAndPepper, {"fraction": 1}, "fraction"),
        (SaltAndPepper, {"fraction": 0.1, "scale": 0}, "scale"),
    ],
)
def test_arguments_are_checked(kind, arguments, named):
    with pytest.raises(InputError, match=f"^`{named}` must be"):
        kind(**arguments)
