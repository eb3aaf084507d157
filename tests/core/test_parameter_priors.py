"""Unknown parameters: their priors, their syntax and their inference."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from linear_gaussian import NOISE, SIZE, D, K, L, exact, linear, synthesis
from linear_gaussian import posterior as model

from brgm_tf.core.errors import InputError
from brgm_tf.core.parameter_priors import Bounded, LogNormal, Normal
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.pointwise.gain import Gain
from brgm_tf.corruptions.table import CORRUPTIONS
from brgm_tf.estimators.hmc import HMC
from brgm_tf.estimators.map import MAP
from brgm_tf.estimators.variational import VI
from brgm_tf.estimators.vi_brgm import VIBrgm
from brgm_tf.pipeline.config import Config

PRIORS = {
    "uniform": (Bounded(-2.0, 6.0), scipy.stats.uniform(-2, 8)),
    "logarithmic": (Bounded(0.5, 8.0, logarithmic=True), scipy.stats.loguniform(0.5, 8)),
    "log-normal": (LogNormal(5.0, 1.5), scipy.stats.lognorm(1.5, scale=5.0)),
    "normal": (Normal(-1.0, 0.5), scipy.stats.norm(-1.0, 0.5)),
}


# Priors.


@pytest.mark.parametrize(("prior", "peer"), PRIORS.values(), ids=PRIORS)
def test_forward_maps_normal_quantiles_to_the_quantiles_of_the_prior(prior, peer):
    probabilities = np.linspace(0.001, 0.999, 21)
    computed = prior.forward(tf.constant(scipy.stats.norm.ppf(probabilities)))
    np.testing.assert_allclose(computed, peer.ppf(probabilities), rtol=1e-9, atol=1e-12)
    assert prior.median == pytest.approx(peer.median())
    assert prior.bounds == pytest.approx(peer.support())


@pytest.mark.parametrize(("prior", "peer"), PRIORS.values(), ids=PRIORS)
def test_the_distribution_has_the_density_of_the_prior(prior, peer):
    values = peer.ppf([0.1, 0.6])
    computed = prior.distribution(tf.float64).log_prob(values)
    np.testing.assert_allclose(computed, peer.logpdf(values), rtol=1e-9)


@pytest.mark.parametrize(
    ("low", "high", "logarithmic"), [(2, 2, False), (3, 1, True), (0, 1, True)]
)
def test_invalid_bounds_are_refused(low, high, logarithmic):
    with pytest.raises(ValueError, match="unknown between"):
        Bounded(low, high, logarithmic)


# Syntax.


def test_unknown_without_bounds_has_the_default_bounds_of_the_parameter():
    (call,) = parsing.parse("blur(sigma=unknown)").calls
    assert call.arguments["sigma"] == CORRUPTIONS["blur"].parameters["sigma"].unknown


def test_given_bounds_keep_the_kind_of_the_prior():
    (call,) = parsing.parse("blur(sigma=unknown(1, 6))").calls
    assert call.arguments["sigma"] == Bounded(1.0, 6.0, logarithmic=True)
    (call,) = parsing.parse("gain(gain=2, bias=unknown(-9, 3))").calls
    assert call.arguments["bias"] == Bounded(-9.0, 3.0)


def test_a_chain_with_unknown_parameters_round_trips_through_text():
    stages = parsing.parse(
        "blur(sigma=unknown(1, 2.125)) + gain(gain=unknown) + noise(scale=unknown)"
    )
    assert parsing.parse(str(stages)) == stages
    assert list(stages.create().params) == ["sigma", "gain", "noise_scale"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("downsample(factor=unknown)", "'factor' of downsample() cannot be inferred"),
        ("blur(sigma=unknown(6, 1))", "between a low and a higher bound"),
        ("blur(sigma=unknown(0, 1))", "must be a number in [0.1, 1000]"),
        ("blur(sigma=unknown(1))", "must be written name"),
        ("blur(sigma=unknown(low=1, high=2))", "must be written name"),
        (
            "blur(sigma=unknown) + blur(sigma=unknown)",
            "must not have an unknown 'sigma' as stage 1",
        ),
    ],
)
def test_parameters_that_cannot_be_inferred_are_refused(text, expected):
    with pytest.raises(InputError, match=r"^`corruption`") as caught:
        Config(text)
    assert expected in str(caught.value)


def test_an_unknown_noise_scale_cannot_also_be_given():
    with pytest.raises(InputError, match="`noise_scale` must not be given"):
        Config("noise(scale=unknown)", overrides={"noise_scale": 3.0})


# Operators.

INFERABLE = [
    (name, key)
    for name, row in CORRUPTIONS.items()
    for key in row.parameters
    if row.parameters[key].unknown
]
# Fixed values of the other parameters.
GIVEN = {
    "motion_blur": {"length": 5.3, "angle": 20.0},
    "gain": {"gain": 0.7},
    "occlusion": {"top": 0.13, "left": 0.22, "bottom": 0.61, "right": 0.87, "fill": 0.3},
}


def fixed_and_bound(name, key, *values):
    """Returns a corruption with one parameter bound to values, and one corruption a value."""
    prior = CORRUPTIONS[name].parameters[key].unknown
    parameter_values = [prior.forward(tf.constant(z, tf.float64)).numpy() for z in values]
    kind, given = CORRUPTIONS[name].load(), GIVEN.get(name, {})
    unknown = kind(**{**given, key: prior})
    bound = unknown.with_params(**{next(iter(unknown.params)): tf.constant(parameter_values)})
    return bound, [kind(**{**given, key: value}) for value in parameter_values]


@pytest.mark.parametrize(("name", "key"), INFERABLE)
def test_a_bound_parameter_may_differ_between_images(name, key):
    x = np.random.RandomState(0).uniform(-0.9, 0.9, [2, 48, 48, 1])
    bound, given = fixed_and_bound(name, key, -0.4, 0.6)
    seeds = np.array([[0, 1], [0, 2]], np.int32)
    measured = bound.sample(x, seeds)
    for i, corruption in enumerate(given):
        expected = corruption.sample(x[i : i + 1], seeds[i : i + 1])[0]
        # The kernel of an unknown Gaussian is larger, so that it holds the widest Gaussian.
        atol = 1e-4 if name == "blur" else 1e-12
        np.testing.assert_allclose(measured[i], expected, rtol=0, atol=atol)


@pytest.mark.parametrize(("name", "key"), [pair for pair in INFERABLE if pair[0] != "noise"])
def test_the_gradient_in_a_parameter_equals_the_finite_difference(name, key):
    rng = np.random.RandomState(1)
    x, y = rng.uniform(-0.9, 0.9, [2, 1, 48, 48, 1])
    prior = CORRUPTIONS[name].parameters[key].unknown
    unknown = CORRUPTIONS[name].load()(**{**GIVEN.get(name, {}), key: prior})

    def product(z):
        return tf.reduce_sum(y * unknown.with_params(**{key: prior.forward(z)}).forward(x))

    z = tf.constant([0.37], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = product(z)
    step = 1e-6
    numerical = float(product(z + step) - product(z - step)) / (2 * step)
    assert float(tape.gradient(value, z)[0]) == pytest.approx(numerical, rel=1e-5, abs=1e-8)


def test_an_occlusion_of_whole_pixels_is_a_box():
    x = np.random.RandomState(2).uniform(-1, 1, [1, 8, 8, 3])
    (call,) = parsing.parse("occlusion(top=0.25, left=0, bottom=0.5, right=0.75, fill=-0.5)").calls
    expected = x.copy()
    expected[:, 2:4, :6] = -0.5
    np.testing.assert_allclose(CORRUPTIONS.create(call).forward(x), expected, atol=1e-12)


def test_the_observation_mask_does_not_depend_on_an_unknown_blur():
    stages = parsing.parse("half_mask(side='left') + blur(sigma=unknown(0.5, 1.5))")
    chain = stages.create().of_images((16, 16, 1))
    y = np.zeros([1, 16, 16, 1])
    narrow, wide = (
        chain.with_params(sigma=tf.constant([s])).observation_mask(y) for s in (0.5, 1.5)
    )
    np.testing.assert_array_equal(narrow, wide)
    given = parsing.parse("half_mask(side='left') + blur(sigma=1.5)").create()
    np.testing.assert_array_equal(wide, given.of_images((16, 16, 1)).observation_mask(y))


# Inference of an unknown bias of a linear Gaussian model. The exact posterior is an integral over
# the bias, which a grid approximates.

BIAS = Bounded(-60.0, 60.0)
Y = np.random.RandomState(5).randn(2, SIZE, SIZE, 1) * 0.3 + 20.0 / 127.5


def log_density(posterior, y, z):
    """Returns log p(y, z) at the coordinate z of the bias, with the latents integrated out."""
    offset, design = linear(posterior)
    covariance = design.T @ design + (NOISE / 127.5) ** 2 * np.eye(len(offset))
    bias = BIAS.forward(tf.constant(z)).numpy() / 127.5
    terms = [
        scipy.stats.multivariate_normal.logpdf(y.ravel() - b, offset, covariance) for b in bias
    ]
    return terms + scipy.stats.norm.logpdf(z)


def exact_bias(posterior, y):
    """Returns the mode, mean and standard deviation of the bias, from a grid of z."""
    z = np.linspace(-5, 5, 4001)
    log_prob = log_density(posterior, y, z)
    weights, bias = np.exp(log_prob - log_prob.max()), BIAS.forward(tf.constant(z)).numpy()
    mean = np.average(bias, weights=weights)
    stddev = np.average((bias - mean) ** 2, weights=weights) ** 0.5
    return bias[log_prob.argmax()], mean, stddev


def biased(kind, *, num_steps, **options):
    posterior = model(noise_scale=NOISE, corruption=Gain(1.0, BIAS))
    program = kind(num_steps=num_steps, jit=False, dtype=tf.float64, **options).bind(posterior)
    *_, last = program.run(Y)
    return posterior, program, last


def test_map_finds_the_mode_and_its_standard_deviation():
    posterior, program, last = biased(MAP, num_steps=60)
    biases = program.parameters(last.position)["bias"]
    widths = program.parameters_stddev(last, Y)["bias"]
    for b in range(2):
        mode, _, stddev = exact_bias(posterior, Y[b])
        assert float(biases[b]) == pytest.approx(mode, abs=0.1)  # the step of the grid is 0.12
        assert float(widths[b]) == pytest.approx(stddev, rel=0.1)


@pytest.mark.parametrize(("kind", "num_steps"), [(VI, 400), (HMC, 600)])
def test_samples_have_the_mean_and_standard_deviation_of_the_posterior(kind, num_steps):
    posterior, program, last = biased(kind, num_steps=num_steps)
    samples = program.draw(last.approximation, num_samples=1000, seed=0)
    flat = tf.reshape(samples, [-1, *samples.shape[2:]])
    bias = program.parameters(flat)["bias"].numpy().reshape(samples.shape[:2])
    for b in range(2):
        _, mean, stddev = exact_bias(posterior, Y[b])
        assert bias[:, b].mean() == pytest.approx(mean, abs=0.25 * stddev)
        assert bias[:, b].std() == pytest.approx(stddev, rel=0.15)


def test_a_bias_fixed_at_zero_does_not_change_the_latents():
    posterior = model(noise_scale=NOISE, corruption=Gain(1.0, Bounded(-1e-9, 1e-9)))
    *_, last = MAP(num_steps=40, jit=False, dtype=tf.float64).fit(posterior, Y)
    mean, _ = exact(posterior, Y[0])
    np.testing.assert_allclose(last.position[0, :K].numpy().ravel(), mean, atol=1e-6)


def test_the_standard_deviation_of_a_noise_scale_follows_from_its_fisher_information():
    prior = Bounded(1.0, 60.0, logarithmic=True)
    posterior = model(noise_scale=NOISE, corruption=Noise(prior))
    program = MAP(num_steps=60, jit=False, dtype=tf.float64).bind(posterior)
    *_, last = program.run(Y)
    scale = program.parameters(last.position)["noise_scale"].numpy()
    width = program.parameters_stddev(last, Y)["noise_scale"].numpy()
    # With N values and a wide prior, sd(log s) = 1 / sqrt(2 N).
    np.testing.assert_allclose(width / scale, (2 * SIZE * SIZE) ** -0.5, rtol=0.05)


def in_single_precision(ws):
    return tf.cast(synthesis(tf.cast(ws, tf.float64)), tf.float32)


def test_the_standard_deviation_of_a_precise_parameter_survives_single_precision():
    widths = []
    for dtype, generator in ((tf.float32, in_single_precision), (tf.float64, synthesis)):
        posterior = model(noise_scale=0.003, corruption=Gain(1.0, BIAS), generator=generator)
        program = MAP(num_steps=1, jit=False, dtype=dtype).bind(posterior)
        *_, last = program.run(Y)
        widths.append(program.parameters_stddev(last, Y)["bias"].numpy())
    np.testing.assert_allclose(*widths, rtol=0.05)


def test_restarts_sample_the_unknown_parameters():
    posterior = model(noise_scale=NOISE, corruption=Gain(1.0, BIAS))
    samples = posterior.sample_equal_layers(500, seed=0)
    z = posterior.layout.parameters(tf.constant(samples)).numpy()
    assert z.shape == (500, 1)
    assert abs(z.mean()) < 0.15
    assert z.std() == pytest.approx(1, rel=0.1)
    np.testing.assert_array_equal(samples[:, K, 1:], 0)
    assert samples.shape == (500, 1 + L + 1, D)


def test_the_original_variational_inference_refuses_unknown_parameters():
    posterior = model("brgm_torch", corruption=Gain(1.0, BIAS))
    with pytest.raises(InputError, match="no unknown 'bias'"):
        VIBrgm(num_steps=10).fit(posterior, Y)
