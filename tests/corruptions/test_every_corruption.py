"""Corruptions: what every registered one holds, then each against a reference of its own."""

import dataclasses
import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import skimage.transform
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import REQUIRED
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.base import Chain, Corruption
from brgm_tf.corruptions.identity import Identity
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.corruptions.resolution.resampling import bicubic_matrix
from brgm_tf.corruptions.table import CORRUPTIONS

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str):
    """The module tools/NAME.py."""
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = tool("golden/make_golden_bicubic")

# Any kernel [4, 7] without symmetry that does not sum to 1.
KERNEL = str(ROOT / "tests" / "golden" / "kernel.npy")
# Random maps of two coils [12, 24, 2].
SENSITIVITIES = str(ROOT / "tests" / "golden" / "sensitivities.npy")

# What is sampled of [12, 24] values, bool: half of them at random.
SAMPLED = str(ROOT / "tests" / "golden" / "sampled.npy")

# A new row of the registry adds its arguments here; a new kind of per-image array, below.
EXAMPLES = {
    "none": [{}],
    "downsample": [
        {"factor": 1},
        {"factor": 2},
        {"factor": 4},
        {"factor": 2, "method": "bicubic"},
        {"factor": 3, "method": "bicubic"},
        {"factor": 4, "method": "bicubic"},
        {"factor": 2, "method": "bicubic_antialias"},
        {"factor": 4, "method": "lanczos"},
        {"factor": 3, "method": "nearest"},
        {"factor": 2.4},
        {"factor": 2.4, "method": "bicubic"},
        {"factor": 1.5, "method": "bicubic_antialias"},
        {"factor": 2.4, "method": "lanczos"},
        {"factor": 1.5, "method": "nearest"},
    ],
    "blur": [
        {"sigma": 1.5},
        {"sigma": 1, "border": "circular"},
        {"sigma": 2.5, "border": "zero"},
    ],
    "motion_blur": [
        {"length": 7},
        {"length": 8.5, "angle": 30, "border": "circular"},
        {"length": 5, "angle": -100, "border": "zero"},
    ],
    "disk_blur": [
        {"radius": 3},
        {"radius": 2.2, "border": "circular"},
        {"radius": 0.5, "border": "zero"},
    ],
    "kernel_blur": [
        {"file": KERNEL},
        {"file": KERNEL, "normalize": False, "border": "circular"},
        {"file": KERNEL, "border": "zero"},
    ],
    "grayscale": [{}, {"weights": "mean"}],
    "bayer": [{}, {"pattern": "GBRG"}],
    "mask": [{}, {"fill": -0.5}],
    "random_mask": [{"fraction": 0.3}, {"fraction": 0.9, "seed": 7, "fill": -0.5}],
    "box_mask": [
        {"boxes": [(0.25, 0.25, 0.75, 0.75)]},
        {"boxes": [(0, 0, 0.2, 1), (0.5, 0.5, 0.9, 0.6)], "fill": 0.25},
    ],
    "occlusion": [
        {"top": 0.25, "left": 0.1, "bottom": 0.6, "right": 0.95},
        {"top": 0, "left": 0, "bottom": 0.33, "right": 1, "fill": -0.5},
    ],
    "scratches": [{"count": 1, "width": 2}, {"count": 5, "width": 1, "seed": 3, "fill": 0}],
    "half_mask": [{"side": "left"}, {"side": "bottom", "fill": -1}],
    "gamma": [{"gamma": 2.2}, {"gamma": 0.45}, {"gamma": 1}],
    "gain": [{"gain": 0.5}, {"gain": 1.75, "bias": -20}],
    "clip": [{}, {"low": 30, "high": 200}],
    "quantise": [{"bits": 1}, {"bits": 4}, {"bits": 8}],
    "jpeg": [{"quality": 10}, {"quality": 75}, {"quality": 100}],
    "kspace": [
        {"acceleration": 3},
        {"acceleration": 2, "pattern": "variable", "center_fraction": 0.2, "seed": 5},
        {"acceleration": 4, "pattern": "equispaced"},
        {"acceleration": 2.5, "pattern": "radial"},
        {"acceleration": 2, "sensitivities": SENSITIVITIES},
        {"pattern": SAMPLED},
    ],
    "noise": [{"scale": 5}],
    "poisson": [{"peak": 20}],
    "salt_and_pepper": [{"fraction": 0.1}, {"fraction": 0.3, "scale": 4}],
}
# These refuse grey images.
RGB_ONLY = {"bayer"}
# These refuse colours.
GREY_ONLY = {"kspace"}
# Corruptions one after another: of different shapes, with data before and after them, and noise.
CHAINS = [
    "downsample(factor=2) + downsample(factor=3, method='bicubic')",
    "mask(fill=0.5) + downsample(factor=2)",
    "downsample(factor=2) + mask() + noise(scale=5)",
    "mask() + poisson(peak=50)",
    "half_mask(side='left') + blur(sigma=1)",
    "none + salt_and_pepper(fraction=0.2, scale=3)",
    "grayscale() + kspace(acceleration=3) + noise(scale=5)",
    f"grayscale() + downsample(factor=1) + kspace(acceleration=2, sensitivities={SENSITIVITIES!r})",
]
DATA = {
    "missing": lambda batch, size, rng: rng.random((batch, *size, 1)) < 0.4,
}

SIZE = (12, 24)
CASES = [
    pytest.param(name, arguments, id=f"{name}-{arguments}")
    for name, examples in EXAMPLES.items()
    for arguments in examples
] + [pytest.param(chain, {}, id=chain) for chain in CHAINS]
every_corruption = pytest.mark.parametrize(("name", "arguments"), CASES)
in_grey_and_rgb = pytest.mark.parametrize(
    ("name", "arguments", "channels"),
    [
        pytest.param(*case.values, channels, id=f"{case.id}-{channels}")
        for case in CASES
        for channels in (1, 3)
        if case.values[0] not in (RGB_ONLY if channels == 1 else GREY_ONLY)
    ],
)
# Of the others the gradient is a substitute, which the tests of each compare with its formula.
every_smooth_corruption = pytest.mark.parametrize(
    ("name", "arguments"),
    [
        case
        for case in CASES
        if case.values[0] not in CORRUPTIONS
        or not CORRUPTIONS[case.values[0]].load().straight_through_gradient
    ],
)


def create(name: str, arguments: dict) -> Corruption:
    """A registered corruption, or a chain that is written out."""
    if name not in CORRUPTIONS:
        return parsing.parse(name).create().of_images((*SIZE, 3))
    return CORRUPTIONS.create(CORRUPTIONS.call(name, **arguments))


def data_for(corruption: Corruption, batch: int, rng: np.random.Generator) -> dict:
    size = corruption.data_shape((*SIZE, 3))[:2]
    return {name: DATA[name](batch, size, rng) for name in corruption.data_names}


def has_normal_noise(corruption: Corruption) -> bool:
    last = corruption.stages[-1] if isinstance(corruption, Chain) else corruption
    return type(last).log_density is Corruption.log_density


def bound(name, arguments, batch, rng) -> Corruption:
    corruption = create(name, arguments)
    return corruption.with_data(**data_for(corruption, batch, rng))


def images(rng, batch=2, channels=3, dtype=np.float64, size=SIZE) -> np.ndarray:
    return rng.uniform(-1, 1, (batch, *size, channels)).astype(dtype)


def images_for(name, rng, **options) -> np.ndarray:
    """Images that a corruption takes: of three channels, where it takes those."""
    return images(rng, **({"channels": 1 if name in GREY_ONLY else 3} | options))


def noise_like(y, rng) -> np.ndarray:
    """Normal numbers of the shape and the kind of a measurement."""
    noise = rng.normal(size=y.shape)
    return noise + 1j * rng.normal(size=y.shape) if y.dtype.is_complex else noise


def product(a, b):
    """Re <a, b>, a tensor."""
    return tf.reduce_sum(tf.math.real(tf.math.conj(a) * b))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# Every registered corruption.


def test_every_row_has_an_example():
    assert set(EXAMPLES) == set(CORRUPTIONS)
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_row_states_the_parameters_of_its_class(name):
    row = CORRUPTIONS[name]
    taken = inspect.signature(row.load()).parameters
    data = set(row.load().data_names)
    stated = {key: parameter.default for key, parameter in row.parameters.items()}
    required = {key: REQUIRED for key, p in taken.items() if p.default is p.empty}
    defaults = {key: p.default for key, p in taken.items() if p.default is not p.empty}
    assert stated == {k: v for k, v in (required | defaults).items() if k not in data}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_row_accepts_its_defaults(name):
    for parameter in CORRUPTIONS[name].parameters.values():
        if parameter.default is not REQUIRED:
            assert parameter.check(parameter.default) == parameter.default


@in_grey_and_rgb
def test_adjoint_passes_the_dot_test(name, arguments, channels, rng):
    corruption = bound(name, arguments, 2, rng)
    x = images(rng, channels=channels)
    if not corruption.linear:
        with pytest.raises(TypeError, match="no adjoint"):
            corruption.adjoint(corruption.forward(x))
        return
    ax = corruption.forward(x) - corruption.forward(np.zeros_like(x))
    y = noise_like(ax, rng)
    left = product(ax, y)
    right = np.sum(x * corruption.adjoint(y))
    assert abs(left - right) <= 1e-10 * abs(left), f"<A x, y> = {left!r}, <x, A* y> = {right!r}"


@every_smooth_corruption
def test_gradient_of_mean_agrees_with_finite_differences(name, arguments, rng):
    corruption = bound(name, arguments, 1, rng)
    x = tf.constant(
        0.95 * images_for(name, rng, batch=1)
    )  # tones have kinks at the ends of the range
    weights = noise_like(corruption.forward(x), rng)
    direction = rng.normal(size=x.shape)

    def value(step):
        return product(weights, corruption.forward(x + step * direction))

    with tf.GradientTape() as tape:
        tape.watch(x)
        total = product(weights, corruption.forward(x))
    slope = np.sum(tape.gradient(total, x) * direction)
    np.testing.assert_allclose(slope, (value(1e-5) - value(-1e-5)) / 2e-5, rtol=1e-7, atol=1e-7)


@every_corruption
def test_the_gradient_of_log_prob_leads_back_to_what_was_measured(name, arguments, rng):
    corruption = bound(name, arguments, 1, rng)
    truth = images_for(name, rng, batch=1)
    x = tf.constant(truth + rng.normal(size=truth.shape))
    y = corruption.forward(truth)
    with tf.GradientTape() as tape:
        tape.watch(x)
        log_prob = corruption.log_prob(y, x, {"noise_scale": 5.0})
    assert np.sum(tape.gradient(log_prob, x) * (truth - x)) > 0


@every_corruption
def test_the_gradient_of_log_prob_is_zero_at_what_was_measured(name, arguments, rng):
    corruption = bound(name, arguments, 1, rng)
    if not has_normal_noise(corruption):
        pytest.skip("the mean is not the most probable value")
    x = tf.constant(images_for(name, rng, batch=1))
    y = corruption.forward(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        log_prob = corruption.log_prob(y, x, {"noise_scale": 5.0})
    np.testing.assert_array_equal(tape.gradient(log_prob, x), np.zeros_like(x))


@every_corruption
def test_forward_and_reverse_derivatives_are_the_same_in_compiled_code(name, arguments, rng):
    corruption = bound(name, arguments, 1, rng)
    x, direction = tf.constant(images_for(name, rng, batch=1)), images_for(name, rng, batch=1)
    weights = tf.constant(noise_like(corruption.forward(x), rng))

    @tf.function
    def products(x, direction):
        with (
            tf.autodiff.ForwardAccumulator(x, direction) as forward,
            tf.GradientTape() as reverse,
        ):
            reverse.watch(x)
            y = corruption.forward(x)
        pulled = reverse.gradient(y, x, output_gradients=weights)
        return product(weights, forward.jvp(y)), tf.reduce_sum(pulled * direction)

    forward, reverse = products(x, tf.constant(direction))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9)


@every_corruption
def test_an_image_does_not_depend_on_its_neighbours(name, arguments, rng):
    corruption = create(name, arguments)
    data = data_for(corruption, 3, rng)
    x = images_for(name, rng, batch=3)
    y = corruption.with_data(**data).forward(x)
    params = {"noise_scale": 5.0}
    density = corruption.with_data(**data).log_prob(y + 0.1, x, params)
    for i in range(3):
        one = slice(i, i + 1)
        single = corruption.with_data(**{key: value[one] for key, value in data.items()})
        # atol: a sum of terms that cancel may be taken in another order.
        np.testing.assert_allclose(single.forward(x[one]), y[one], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(
            single.log_prob(y[one] + 0.1, x[one], params), density[one], rtol=1e-12
        )


@in_grey_and_rgb
def test_measurement_has_the_stated_shape_and_dtype(name, arguments, channels, rng):
    corruption = bound(name, arguments, 2, rng)
    x = images(rng, channels=channels, dtype=np.float32)
    y = corruption.forward(x)
    assert tuple(y.shape) == corruption.measurement_shape(x.shape)
    assert corruption.measurement_shape(x.shape[1:]) == tuple(y.shape[1:])
    assert y.dtype == corruption.dtype_for(tf.float32)


@pytest.mark.parametrize("name", GREY_ONLY)
def test_those_that_need_grey_images_refuse_colours(name, rng):
    with pytest.raises(InputError, match=r"^`corruption` .* needs images of 1 channel"):
        create(name, EXAMPLES[name][0]).forward(images(rng, channels=3))


@every_corruption
def test_a_picture_is_one_whatever_is_measured(name, arguments, rng):
    corruption = bound(name, arguments, 2, rng)
    y = corruption.forward(images_for(name, rng, dtype=np.float32))
    picture = corruption.as_image(y)
    assert picture.dtype == tf.float32
    assert picture.shape[:3] == y.shape[:3]
    assert picture.shape[-1] in (1, 3)


@pytest.mark.parametrize("name", RGB_ONLY)
def test_those_that_need_colours_refuse_grey_images(name, rng):
    with pytest.raises(InputError, match=r"^`corruption` .* needs images of 3 channels"):
        create(name, EXAMPLES[name][0]).forward(images_for(name, rng, channels=1))


@every_corruption
def test_double_precision_stays_double(name, arguments, rng):
    corruption = bound(name, arguments, 2, rng)
    x = images_for(name, rng)
    y = corruption.forward(x)
    assert y.dtype == corruption.dtype_for(tf.float64)
    assert y.dtype.real_dtype == tf.float64
    if corruption.linear:
        assert corruption.adjoint(y).dtype == tf.float64
    assert corruption.log_prob(y, x, {"noise_scale": 5.0}).dtype == tf.float64


@every_corruption
def test_bfloat16_is_measured_to_its_precision(name, arguments, rng):
    corruption = bound(name, arguments, 2, rng)
    x = tf.cast(images_for(name, rng), tf.bfloat16)
    y = corruption.forward(x)
    assert y.dtype == corruption.dtype_for(tf.bfloat16)
    exact = corruption.forward(tf.cast(x, tf.float64))
    np.testing.assert_allclose(tf.cast(y, exact.dtype), exact, atol=0.02)


@every_corruption
def test_config_rebuilds_the_corruption(name, arguments, rng):
    corruption = create(name, arguments)
    again = type(corruption).from_config(corruption.get_config())
    data = data_for(corruption, 2, rng)
    x = images_for(name, rng)
    np.testing.assert_array_equal(
        again.with_data(**data).forward(x), corruption.with_data(**data).forward(x)
    )
    assert again.get_config() == corruption.get_config()


@every_corruption
def test_objects_are_immutable(name, arguments, rng):
    corruption = create(name, arguments)
    for attribute in [*corruption.get_config(), "linear", "new"]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(corruption, attribute, None)


@every_corruption
def test_with_data_returns_another_object_and_takes_its_names_only(name, arguments, rng):
    corruption = create(name, arguments)
    before = dict(vars(corruption))
    corruption.with_data(**data_for(corruption, 2, rng))
    assert vars(corruption) == before
    with pytest.raises(TypeError, match="with_data takes"):
        corruption.with_data(surprise=1)


@every_corruption
def test_other_data_runs_the_same_program(name, arguments, rng):
    corruption = create(name, arguments)
    traces = []

    @tf.function(jit_compile=True)
    def measure(x, data):
        traces.append(1)
        return corruption.with_data(**data).forward(x)

    for _ in range(2):
        x = images_for(name, rng)
        data = data_for(corruption, 2, rng)
        y = measure(tf.constant(x), {key: tf.constant(value) for key, value in data.items()})
        np.testing.assert_allclose(y, corruption.with_data(**data).forward(x), atol=1e-14)
    assert len(traces) == 1


@every_corruption
def test_the_batch_size_may_be_unknown_while_tracing(name, arguments, rng):
    corruption = create(name, arguments)
    x = images_for(name, rng)

    @tf.function(input_signature=[tf.TensorSpec([None, *x.shape[1:]], tf.float64)])
    def measure(x):
        return one.forward(x)

    one = corruption.with_data(**data_for(corruption, 1, rng))
    np.testing.assert_allclose(measure(tf.constant(x)), one.forward(x), atol=1e-14)


@every_corruption
def test_simulate_is_repeated_by_its_seed(name, arguments, rng):
    corruption = bound(name, arguments, 2, rng)
    x, seeds = images_for(name, rng), [[1, 2], [3, 4]]
    first = corruption.sample(x, seeds)
    np.testing.assert_array_equal(first, corruption.sample(x, seeds))
    assert first.shape == corruption.forward(x).shape
    assert first.dtype == corruption.dtype_for(x.dtype)


@every_corruption
def test_an_images_noise_depends_on_its_seed_alone(name, arguments, rng):
    corruption = create(name, arguments)
    data, x, seeds = (
        data_for(corruption, 3, rng),
        images_for(name, rng, batch=3),
        [[0, 7], [0, 8], [0, 9]],
    )
    together = corruption.with_data(**data).sample(x, seeds)
    for i in range(3):
        one = slice(i, i + 1)
        single = corruption.with_data(**{key: value[one] for key, value in data.items()})
        alone = single.sample(x[one], seeds[one])
        np.testing.assert_allclose(alone, together[one], rtol=0, atol=1e-14)


@every_corruption
def test_only_noise_scatters(name, arguments, rng):
    corruption = bound(name, arguments, 1, rng)
    x = np.repeat(images_for(name, rng, batch=1), 2, axis=0)
    first, second = corruption.sample(x, [[0, 1], [0, 2]])
    assert (np.abs(first - second).max() > 1e-14) == corruption.adds_noise


@every_corruption
def test_log_prob_is_that_of_the_distribution_over_observed_values(name, arguments, rng):
    corruption, params = bound(name, arguments, 2, rng), {"noise_scale": [4.0, 9.0]}
    x = images_for(name, rng)
    mean = corruption.forward(x)
    y = corruption.distribution(mean, params).sample(seed=[0, 1])
    density = corruption.distribution(mean, params).log_prob(y)
    seen = np.broadcast_to(corruption.observation_mask(y), y.shape)
    expected = np.sum(density * seen, axis=(1, 2, 3))
    np.testing.assert_allclose(corruption.log_prob(y, x, params), expected, rtol=1e-9)


@every_corruption
def test_variance_is_that_of_the_distribution(name, arguments, rng):
    corruption, params = bound(name, arguments, 1, rng), {"noise_scale": 6.0}
    mean = corruption.forward(images_for(name, rng, batch=1))
    y = corruption.distribution(mean, params).sample(3000, seed=[0, 1])
    variance = np.broadcast_to(corruption.variance(mean, params), mean.shape)
    error = corruption.components(y) - corruption.components(mean)
    expected = np.concatenate([variance] * (error.shape[-1] // mean.shape[-1]), axis=-1)
    error = np.mean(np.square(error), axis=0) / expected
    assert abs(error.mean() - 1) < 0.015


@every_corruption
def test_observed_values_do_not_depend_on_missing_pixels(name, arguments, rng):
    corruption = bound(name, arguments, 2, rng)
    y = corruption.forward(images_for(name, rng))
    seen = np.broadcast_to(corruption.observation_mask(y), y.shape) == 1
    hidden = tf.constant(np.where(seen, y, np.nan))
    assert np.all(np.isfinite(corruption.fill_unobserved(hidden)))
    np.testing.assert_array_equal(corruption.fill_unobserved(hidden).numpy()[seen], y.numpy()[seen])


@every_corruption
def test_log_prob_is_the_normal_density_over_observed_pixels(name, arguments, rng):
    corruption = bound(name, arguments, 2, rng)
    if not has_normal_noise(corruption):
        pytest.skip("has a density of its own")
    x = images_for(name, rng)
    mean = corruption.forward(x).numpy()
    y = mean + noise_like(tf.constant(mean), rng) * 0.1
    # Of complex numbers a grey level is 1 / 255, and both parts count.
    scale = 7.5 * (1 if np.iscomplexobj(y) else 2) / 255
    error = (y - mean).view(np.float64).reshape(*y.shape, -1)
    density = scipy.stats.norm.logpdf(error, scale=scale).sum(axis=-1)
    seen = np.broadcast_to(corruption.observation_mask(tf.constant(y)), y.shape) == 1
    expected = [density[i][seen[i]].sum() for i in range(2)]
    result = corruption.log_prob(tf.constant(y), x, {"noise_scale": 7.5})
    assert np.all(np.isfinite(result))
    np.testing.assert_allclose(result, expected, rtol=1e-12)


@every_corruption
def test_merge_keeps_the_shape_of_the_image(name, arguments, rng):
    corruption = bound(name, arguments, 2, rng)
    x = images_for(name, rng)
    merged = corruption.composite(corruption.forward(x), x)
    assert merged is None or merged.shape == x.shape


# log_prob and its noise scale.


@pytest.mark.parametrize("wrap", [list, np.array, tf.constant, tf.Variable])
def test_noise_scale_may_differ_between_images(wrap, rng):
    x = images(rng)
    y = tf.constant(x + 0.1)
    result = Identity().log_prob(y, x, {"noise_scale": wrap([2.0, 9.0])})
    for i, scale in enumerate([2.0, 9.0]):
        single = Identity().log_prob(y, x, {"noise_scale": scale})
        np.testing.assert_allclose(result[i], single[i], rtol=1e-12)


def test_noise_scale_keeps_double_precision():
    y = tf.zeros([1, 1, 1, 1], tf.float64)
    result = Identity().log_prob(y, y, {"noise_scale": 0.1})
    np.testing.assert_allclose(
        result, [scipy.stats.norm.logpdf(0, scale=0.1 * GREY_LEVEL)], rtol=1e-14
    )


def test_log_prob_integrates_to_one():
    scale = 8.0
    y = np.linspace(-1, 1, 2001).reshape(-1, 1, 1, 1)  # 2001 one-pixel measurements
    density = np.exp(Identity().log_prob(tf.constant(y), np.zeros_like(y), {"noise_scale": scale}))
    np.testing.assert_allclose(np.trapezoid(density, y.ravel()), 1, rtol=1e-10)


def test_log_prob_is_largest_at_the_noise_that_was_made(rng):
    x = tf.zeros([1, 32, 32, 3], tf.float64)
    y = x + rng.normal(size=x.shape) * 8.0 * GREY_LEVEL
    scales = np.array([6.0, 7.0, 8.0, 9.0, 10.0])
    values = [Identity().log_prob(y, x, {"noise_scale": s})[0].numpy() for s in scales]
    assert scales[np.argmax(values)] == 8.0


# Identity.


def test_identity_has_nothing_to_merge(rng):
    x = images(rng)
    assert Identity().composite(x, x) is None


# Downsample.


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 12])
def test_box_is_the_mean_of_blocks(factor, rng):
    x = images(rng)
    expected = [skimage.transform.downscale_local_mean(one, (factor, factor, 1)) for one in x]
    np.testing.assert_allclose(Downsample(factor=factor).forward(x), expected, atol=1e-15)


def test_box_keeps_the_order_of_pixels():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    y = Downsample(factor=2).forward(x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])


def keys_by_loop(row: np.ndarray, factor: int) -> list[float]:
    """One row, downsampled by the formula of the kernel on [0, 1) and [1, 2)."""
    a, result = -0.75, []
    for i in range(len(row) // factor):
        centre = (i + 0.5) * factor - 0.5
        total = 0.0
        for j in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            d = abs(centre - j)
            if d <= 1:
                weight = ((a + 2) * d - (a + 3)) * d * d + 1
            else:
                weight = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
            total += weight * row[min(max(j, 0), len(row) - 1)]
        result.append(total)
    return result


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 6, 12])
def test_bicubic_agrees_with_loops_over_the_kernel(factor, rng):
    x = images(rng, batch=1)
    rows = np.apply_along_axis(keys_by_loop, 1, x, factor)
    expected = np.apply_along_axis(keys_by_loop, 2, rows, factor)
    result = Downsample(factor=factor, method="bicubic").forward(x)
    np.testing.assert_allclose(result, expected, atol=1e-14)


@pytest.mark.parametrize("case", MAKER.CASES, ids=lambda case: "x".join(map(str, case)))
def test_bicubic_equals_pytorchs(case):
    with np.load(ROOT / "tests" / "golden" / "bicubic.npz") as golden:
        expected = golden["x".join(map(str, case))]
    result = Downsample(factor=case[0], method="bicubic").forward(MAKER.image(*case)[None])[0]
    np.testing.assert_allclose(result, expected, atol=1e-13)


def test_the_golden_file_holds_the_rows_of_its_tool():
    with np.load(ROOT / "tests" / "golden" / "bicubic.npz") as golden:
        assert golden.files == ["x".join(map(str, case)) for case in MAKER.CASES]


def test_bicubic_weights_of_factor_two_are_those_derived_by_hand():
    # Distances 1.5, 0.5, 0.5, 1.5 with A = -3/4: -3/32, 19/32, 19/32, -3/32. The outer tap of
    # a border reads the border's own pixel: 19/32 - 3/32 = 1/2.
    inner, outer = 0.59375, -0.09375
    expected = [
        [0.5, inner, outer, 0, 0, 0],
        [0, outer, inner, inner, outer, 0],
        [0, 0, 0, outer, inner, 0.5],
    ]
    np.testing.assert_array_equal(bicubic_matrix(3, factor=2), expected)


@pytest.mark.parametrize("factor", [3, 5])
def test_bicubic_of_an_odd_factor_picks_the_centre(factor):
    expected = np.zeros((4, 4 * factor))
    expected[np.arange(4), np.arange(4) * factor + factor // 2] = 1
    np.testing.assert_array_equal(bicubic_matrix(4, factor=factor), expected)


@pytest.mark.parametrize("factor", [4, 8])
def test_bicubic_does_not_widen_its_kernel(factor):
    assert np.all(np.count_nonzero(bicubic_matrix(4, factor=factor), axis=1) == 4)


@pytest.mark.parametrize("method", ["box", "bicubic"])
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_a_constant_image_stays_constant(method, factor):
    y = Downsample(factor=factor, method=method).forward(np.full((1, *SIZE, 3), 0.7))
    np.testing.assert_allclose(y, 0.7, rtol=1e-14)


@pytest.mark.parametrize("method", ["box", "bicubic"])
def test_a_factor_that_does_not_divide_lists_those_that_do(method, rng):
    with pytest.raises(InputError) as caught:
        Downsample(factor=5, method=method).forward(images(rng))
    assert str(caught.value) == (
        "`corruption` downsample needs a factor that divides the image's 12 x 24 pixels. "
        "Choose one of 1, 2, 3, 4, 6, 12. Received: factor=5"
    )


def test_the_measurement_shape_takes_an_unknown_batch():
    assert Downsample(factor=4).measurement_shape((None, 12, 24, 3)) == (None, 3, 6, 3)


@pytest.mark.parametrize(
    ("arguments", "named"), [({"factor": 0}, "factor"), ({"factor": 2, "method": "x"}, "method")]
)
def test_downsample_checks_its_arguments(arguments, named):
    with pytest.raises(InputError, match=f"^`{named}` must be") as caught:
        Downsample(**arguments)
    assert caught.value.argument == named


def test_downsamples_of_equal_arguments_are_one_key():
    assert len({Downsample(factor=np.int64(2)), Downsample(factor=2)}) == 1


# Mask.


def left_missing() -> np.ndarray:
    missing = np.zeros((1, *SIZE, 1), bool)
    missing[:, :, :10] = True
    return missing


def test_missing_pixels_are_white_in_all_channels(rng):
    x = images(rng)
    y = Mask(missing=left_missing()).forward(x)
    np.testing.assert_array_equal(y[:, :, :10], np.ones((2, 12, 10, 3)))
    np.testing.assert_array_equal(y[:, :, 10:], x[:, :, 10:])


def test_fill_is_a_number_of_the_image_range(rng):
    y = Mask(fill=-0.25, missing=left_missing()).forward(images(rng))
    np.testing.assert_array_equal(y[:, :, :10], np.full((2, 12, 10, 3), -0.25))
    with pytest.raises(InputError, match=r"^`fill` must be a number in \[-1, 1\]"):
        Mask(fill=255)


def test_merge_keeps_known_pixels(rng):
    y, x = images(rng), images(rng)
    merged = Mask(missing=left_missing()).composite(y, x)
    np.testing.assert_array_equal(merged[:, :, :10], x[:, :, :10])
    np.testing.assert_array_equal(merged[:, :, 10:], y[:, :, 10:])


def test_what_is_under_the_mask_does_not_count(rng):
    mask = Mask(missing=left_missing())
    x = tf.constant(images(rng))
    y = mask.forward(x).numpy() + 0.05
    params = {"noise_scale": 5.0}
    expected = mask.log_prob(tf.constant(y), x, params)
    y[:, :, :10] = np.nan
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = mask.log_prob(tf.constant(y), x, params)
    gradient = tape.gradient(result, x)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(gradient[:, :, :10], np.zeros((2, 12, 10, 3)))
    assert np.all(gradient[:, :, 10:] != 0)


def test_everything_missing_says_nothing(rng):
    x = images(rng)
    mask = Mask(missing=np.ones((1, *SIZE, 1), bool))
    np.testing.assert_array_equal(mask.log_prob(tf.constant(x), x, {"noise_scale": 5.0}), [0, 0])


def test_a_mask_without_data_says_how_to_bind_it(rng):
    with pytest.raises(TypeError, match=r"with_data\(missing=\.\.\.\)"):
        Mask().forward(images(rng))


@pytest.mark.parametrize(
    "missing",
    [np.ones((1, *SIZE, 1)), np.ones(SIZE, bool), np.ones((1, *SIZE, 3), bool)],
    ids=["float", "rank", "channels"],
)
def test_a_mask_that_is_not_bool_of_one_channel_is_refused(missing):
    with pytest.raises(InputError, match=r"^`missing` must be a bool array"):
        Mask().with_data(missing=missing)


@pytest.mark.parametrize("shape", [(3, *SIZE, 1), (1, 1, 24, 1), (1, 12, 12, 1)])
def test_a_mask_of_other_images_is_refused(shape, rng):
    mask = Mask(missing=np.zeros(shape, bool))
    with pytest.raises(InputError, match=r"^`missing` must be one mask.* 12 x 24 pixels"):
        mask.forward(images(rng))
