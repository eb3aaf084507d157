"""MRI: k-space against NumPy's transforms, sampling patterns, and noise in grey levels."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.complex_normal import ComplexNormal
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.corruptions.mri.fourier_sampling import BoundFourierSampling
from brgm_tf.corruptions.mri.kspace import KSpace
from brgm_tf.corruptions.mri.sampling_patterns import PATTERNS, sampled_values
from brgm_tf.corruptions.noise.noise import Noise
from brgm_tf.corruptions.noise.poisson_noise import PoissonNoise
from brgm_tf.corruptions.noise.salt_and_pepper import SaltAndPepper
from brgm_tf.corruptions.pointwise.grayscale import Grayscale
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.io.kspace import crop_to_square

LINES = ("uniform", "variable", "equispaced")
SIZES = [(16, 32), (15, 33), (12, 25)]
every_size = pytest.mark.parametrize("size", SIZES, ids=str)
every_pattern = pytest.mark.parametrize("pattern", PATTERNS)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def images(rng, size=(16, 32), batch=2):
    return rng.uniform(-1, 1, (batch, *size, 1))


def coils(rng, size=(16, 32), count=3):
    return rng.normal(size=(*size, count)) + 1j * rng.normal(size=(*size, count))


def numpy_fourier(x):
    """Returns the centred transform of [B, H, W, K]."""
    x = np.fft.ifftshift(x, axes=(1, 2))
    return np.fft.fftshift(np.fft.fft2(x, axes=(1, 2), norm="ortho"), axes=(1, 2))


def numpy_inverse(y):
    y = np.fft.ifftshift(y, axes=(1, 2))
    return np.fft.fftshift(np.fft.ifft2(y, axes=(1, 2), norm="ortho"), axes=(1, 2))


def pattern_of(name, size=(64, 64), **changes):
    options = {"acceleration": 4, "center_fraction": 0.08, "seed": 0} | changes
    return sampled_values(*size, pattern=name, **options)


# The operator.


@every_size
def test_kspace_is_numpys_transform_of_the_magnitude(size, rng):
    operator, x = KSpace(4, center_fraction=0.1), images(rng, size)
    expected = numpy_fourier((x + 1) / 2) * operator.sampled_map(*size)[None, :, :, None]
    np.testing.assert_allclose(operator.forward(x), expected, atol=1e-14)


@every_size
def test_each_coil_measures_the_magnitude_times_its_sensitivity(size, rng):
    maps, x = coils(rng, size), images(rng, size)
    sampled = rng.random(size) < 0.5
    expected = numpy_fourier(maps * (x + 1) / 2) * sampled[None, :, :, None]
    np.testing.assert_allclose(BoundFourierSampling(sampled, maps).forward(x), expected, atol=1e-14)


@every_size
def test_the_adjoint_is_the_real_part_of_the_sum_over_coils(size, rng):
    maps, sampled = coils(rng, size), rng.random(size) < 0.5
    y = coils(rng, size)[None]
    back = numpy_inverse(y * sampled[None, :, :, None])
    expected = 0.5 * np.sum(np.conj(maps) * back, axis=-1, keepdims=True).real
    np.testing.assert_allclose(BoundFourierSampling(sampled, maps).adjoint(y), expected, atol=1e-14)


def test_the_transform_preserves_norms(rng):
    x = images(rng)
    y = KSpace(1).forward(x)
    np.testing.assert_allclose(np.sum(np.abs(y) ** 2), np.sum(((x + 1) / 2) ** 2), rtol=1e-13)


def test_a_constant_image_has_only_the_zero_frequency():
    y = KSpace(4).forward(np.ones((1, 16, 32, 1)))
    expected = np.zeros((1, 16, 32, 1))
    expected[0, 8, 16] = np.sqrt(16 * 32)
    np.testing.assert_allclose(y, expected, atol=1e-13)


def test_a_black_image_has_no_signal():
    np.testing.assert_array_equal(
        KSpace(4).forward(-np.ones((1, 16, 32, 1))), np.zeros((1, 16, 32, 1))
    )


def test_sensitivities_are_read_from_a_file(tmp_path, rng):
    maps, x = coils(rng), images(rng)
    np.save(tmp_path / "maps.npy", maps)
    operator = KSpace(4, sensitivities=str(tmp_path / "maps.npy"))
    bound = BoundFourierSampling(operator.sampled_map(16, 32), maps)
    np.testing.assert_array_equal(operator.forward(x), bound.forward(x))
    assert operator.measurement_shape((None, 16, 32, 1)) == (None, 16, 32, 3)


# The image of k-space.


def test_the_image_of_complete_kspace_is_the_original(rng):
    x = images(rng)
    operator = BoundFourierSampling(np.ones((16, 32), bool), coils(rng))
    for kspace in (KSpace(1), operator):
        np.testing.assert_allclose(kspace.as_image(kspace.forward(x)), x, atol=1e-13)


def test_the_image_of_undersampled_kspace_is_the_zero_filled_magnitude(rng):
    operator = KSpace(4)
    y = operator.forward(images(rng))
    expected = 2 * np.abs(numpy_inverse(y)) - 1
    np.testing.assert_allclose(operator.as_image(y), expected, atol=1e-13)


def test_values_that_are_not_sampled_do_not_change_the_image(rng):
    operator, x = KSpace(4), images(rng)
    whole = KSpace(1).forward(x)
    np.testing.assert_allclose(operator.as_image(whole), operator.as_image(operator.forward(x)))


def test_the_image_of_zero_kspace_is_black_and_its_gradient_is_finite():
    x = -tf.ones([1, 16, 32, 1])
    operator = BoundFourierSampling(np.ones((16, 32), bool), np.zeros((16, 32, 2)))
    for kspace in (KSpace(4), operator):
        with tf.GradientTape() as tape:
            tape.watch(x)
            picture = kspace.as_image(kspace.forward(x))
        np.testing.assert_array_equal(picture, x)
        assert np.isfinite(tape.gradient(picture, x)).all()


def test_the_image_of_a_chain_ignores_the_noise_stage(rng):
    chain = Grayscale() + KSpace(4) + Noise(5.0)
    y = KSpace(4).forward(images(rng))
    np.testing.assert_array_equal(chain.as_image(y), KSpace(4).as_image(y))


# Sampling patterns.


@every_pattern
def test_a_pattern_depends_on_the_seed_alone(pattern):
    first = pattern_of(pattern, size=(64, 65))
    sampled_values.cache_clear()
    np.testing.assert_array_equal(pattern_of(pattern, size=(64, 65)), first)
    assert any((pattern_of(pattern, size=(64, 65), seed=s) != first).any() for s in range(1, 9))


@pytest.mark.parametrize("pattern", LINES)
@pytest.mark.parametrize(("width", "acceleration"), [(64, 4), (65, 8), (320, 4), (368, 3.5)])
def test_the_number_of_columns_follows_from_the_acceleration(pattern, width, acceleration):
    sampled = pattern_of(pattern, size=(10, width), acceleration=acceleration)
    assert (sampled == sampled[:1]).all()
    assert sampled[0].sum() == round(width / acceleration)


@pytest.mark.parametrize("pattern", LINES)
@pytest.mark.parametrize("width", [64, 65])
def test_the_central_columns_have_no_gaps(pattern, width):
    middle = width // 2
    sampled = pattern_of(pattern, size=(10, width))[0]
    assert sampled[middle - 2 : middle + 3].all()


def test_equispaced_columns_are_equispaced_outside_the_centre():
    sampled = pattern_of("equispaced", size=(10, 368))[0]
    columns = np.flatnonzero(sampled)
    steps = np.diff(columns[columns < 368 // 2 - 20])
    assert set(steps) <= {5, 6}  # (368 - 29) / (92 - 29) = 5.4


def test_variable_columns_are_denser_at_low_frequencies():
    counts = sum(pattern_of("variable", seed=s)[0].astype(int) for s in range(200))
    low, high = counts[20:28].mean(), counts[:8].mean()
    assert low > 3 * high


def test_uniform_columns_are_equally_dense_at_all_frequencies():
    counts = sum(pattern_of("uniform", seed=s)[0].astype(int) for s in range(400))
    assert abs(counts[20:28].mean() / counts[:8].mean() - 1) < 0.3


@pytest.mark.parametrize("size", [(64, 64), (63, 80)], ids=str)
def test_spokes_fill_the_sampled_fraction_within_one_spoke(size):
    sampled = pattern_of("radial", size=size)
    over = sampled.sum() - sampled.size / 4
    assert 0 <= over <= 2 * max(size)


def test_a_spoke_is_straight_and_crosses_the_centre():
    sampled = pattern_of("radial", size=(65, 65), acceleration=65 * 65 / 60, center_fraction=1e-6)
    rows, columns = (indices - 32 for indices in np.nonzero(sampled))
    assert ((rows == 0) & (columns == 0)).any()
    angle = np.random.RandomState(0).uniform(0, np.pi)
    distance = np.abs(rows * np.cos(angle) - columns * np.sin(angle))
    assert distance.max() <= np.sqrt(0.5)


@every_pattern
def test_without_acceleration_every_value_is_sampled(pattern):
    assert pattern_of(pattern, acceleration=1).all()


@every_pattern
def test_a_centre_larger_than_the_sampled_fraction_is_refused(pattern):
    with pytest.raises(InputError, match=r"^`corruption` kspace's acceleration leaves") as caught:
        pattern_of(pattern, acceleration=8, center_fraction=0.5)
    assert "\n" not in str(caught.value)


def test_a_radial_acceleration_below_three_halves_is_refused():
    with pytest.raises(InputError, match=r"of at least 1\.5, for radial"):
        pattern_of("radial", acceleration=1.2)


def test_patterns_import_no_tensorflow():
    module = "brgm_tf.corruptions.mri.sampling_patterns"
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Sampling patterns from files.


def saved(folder, values, name="mask.npy") -> str:
    if name.endswith(".png"):
        Image.fromarray(values).save(folder / name)
    else:
        np.save(folder / name, values)
    return str(folder / name)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_nonzero_values_of_a_file_are_sampled(tmp_path, rng, dtype):
    sampled = rng.random((16, 32)) < 0.5
    operator = KSpace(pattern=saved(tmp_path, sampled.astype(dtype)))
    np.testing.assert_array_equal(operator.sampled_map(16, 32), sampled)
    x = images(rng)
    np.testing.assert_array_equal(operator.forward(x), BoundFourierSampling(sampled).forward(x))


def test_a_grey_png_is_a_pattern(tmp_path, rng):
    values = rng.integers(0, 2, (16, 32), np.uint8) * 255
    operator = KSpace(pattern=saved(tmp_path, values, "MASK.png"))
    np.testing.assert_array_equal(operator.sampled_map(16, 32), values > 0)


@pytest.mark.parametrize("shape", [(33,), (1, 33), (40, 33)], ids=str)
def test_a_pattern_of_columns_fits_images_of_any_height_and_fewer_columns(tmp_path, rng, shape):
    columns = rng.random(33) < 0.5
    operator = KSpace(pattern=saved(tmp_path, np.broadcast_to(columns, shape)))
    for height, width in ((16, 33), (64, 32), (9, 9)):
        first = 33 // 2 - width // 2
        expected = np.tile(columns[first : first + width], (height, 1))
        np.testing.assert_array_equal(operator.sampled_map(height, width), expected)


def test_a_larger_square_pattern_is_cropped_like_kspace(tmp_path, rng):
    sampled = rng.random((33, 33)) < 0.5
    pattern = KSpace(pattern=saved(tmp_path, sampled)).sampled_map(16, 16)
    np.testing.assert_array_equal(
        pattern, crop_to_square(sampled[..., None], resolution=16)[..., 0]
    )


def test_a_pattern_is_read_once(tmp_path):
    path = saved(tmp_path, np.ones(32, bool))
    operator = KSpace(pattern=path)
    np.save(path, np.eye(32))
    assert operator.sampled_map(16, 32).all()


@pytest.mark.parametrize(
    ("shape", "size"),
    [((31,), (32, 32)), ((16, 32), (32, 32)), ((40, 33), (32, 32)), ((33, 33), (16, 32))],
    ids=str,
)
def test_the_measurement_shape_refuses_a_pattern_of_another_size(tmp_path, rng, shape, size):
    operator = KSpace(pattern=saved(tmp_path, rng.random(shape) < 0.5))
    with pytest.raises(InputError, match=r"^`pattern` must have \d+ columns or more") as caught:
        operator.measurement_shape((*size, 1))
    assert "\n" not in str(caught.value)


def test_a_pattern_without_samples_in_its_centre_is_refused(tmp_path):
    operator = KSpace(pattern=saved(tmp_path, np.arange(33) < 3))
    with pytest.raises(InputError, match=r"^`pattern` must sample a value of the middle 16 x 16"):
        operator.measurement_shape((16, 16, 1))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.zeros((4, 4), bool), "must hold finite numbers, not all of them 0"),
        (np.full((4, 4), np.nan), "must hold finite numbers"),
        (np.ones((4, 4), complex), "must be an array of real numbers"),
        (np.ones((2, 4, 4)), r"must hold the sampled values, \[H, W\] or columns \[W\]"),
        (np.ones((0, 4)), "must hold the sampled values"),
        (np.ones((1, 8193), bool), "must hold the sampled values"),
    ],
)
def test_an_array_that_is_not_a_pattern_is_refused(tmp_path, values, expected):
    with pytest.raises(InputError, match=f"^`pattern` {expected}"):
        KSpace(pattern=saved(tmp_path, values))


@pytest.mark.parametrize("name", ["mask.npy", "mask.png"])
def test_a_damaged_or_missing_pattern_is_refused_in_one_line(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(InputError, match=r"^`pattern` must exist"):
        KSpace(pattern=str(path))
    path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr'")
    with pytest.raises(
        InputError, match=r"^`pattern` must be a pattern that can be read"
    ) as caught:
        KSpace(pattern=str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [{}, {"pattern": "radial"}, {"acceleration": 4, "pattern": ""}]
)
def test_either_an_acceleration_or_a_file_is_required(tmp_path, arguments):
    if "acceleration" in arguments:
        arguments = arguments | {"pattern": saved(tmp_path, np.ones(8))}
    with pytest.raises(InputError, match=r"^`corruption` kspace needs either an acceleration or"):
        KSpace(**arguments)


# Noise.


def test_the_noise_scale_is_the_standard_deviation_of_each_part(rng):
    chain = (KSpace(2) + Noise(5.0)).of_images((64, 64, 1))
    x = images(rng, (64, 64), batch=1)
    error = (chain.sample(x, [[1, 2]]) - chain.forward(x)).numpy()
    sampled_error = error[:, chain.stages[0].sampled]
    np.testing.assert_allclose(
        [sampled_error.real.std() * 255, sampled_error.imag.std() * 255], 5, rtol=0.05
    )
    assert abs(np.corrcoef(sampled_error.real.ravel(), sampled_error.imag.ravel())[0, 1]) < 0.05


def test_values_that_are_not_sampled_have_no_noise(rng):
    chain = (KSpace(2) + Noise(5.0)).of_images((64, 64, 1))
    y = chain.sample(images(rng, (64, 64)), [[1, 2], [3, 4]]).numpy()
    np.testing.assert_array_equal(y[:, ~chain.stages[0].sampled], 0)


def test_noise_in_complete_kspace_has_the_same_scale_in_the_image(rng):
    chain = (KSpace(1) + Noise(5.0)).of_images((64, 64, 1))
    x = images(rng, (64, 64), batch=1) * 0.5  # far from black, where the magnitude is not linear
    error = 127.5 * (chain.as_image(chain.sample(x, [[1, 2]])) - x)
    np.testing.assert_allclose(np.std(error), 5, rtol=0.05)


def test_log_prob_sums_both_parts_of_sampled_values(rng):
    chain = (KSpace(2) + Noise(5.0)).of_images((16, 32, 1))
    x = images(rng)
    mean = chain.forward(x).numpy()
    y = mean + 0.02 * coils(rng, (16, 32), 1)
    error = (y - mean)[:, chain.stages[0].sampled]
    density = scipy.stats.norm(scale=5 / 255).logpdf
    expected = (density(error.real) + density(error.imag)).sum(axis=(1, 2))
    np.testing.assert_allclose(chain.log_prob(tf.constant(y), x, {}), expected, rtol=1e-12)


def test_precision_is_the_curvature_of_log_prob_in_one_component(rng):
    chain = (KSpace(2) + Noise(5.0)).of_images((16, 32, 1))
    x = tf.constant(images(rng, batch=1))
    components = chain.components(chain.forward(x))
    assert components.shape == (1, 16, 32, 2)
    # log p = -p / 2 |components(y) - components(m)|^2
    y = chain.forward(images(rng, batch=1))
    squared = np.sum(np.square(chain.components(y) - components))
    change = chain.log_prob(y, x, {}) - chain.log_prob(chain.forward(x), x, {})
    np.testing.assert_allclose(
        change, -0.5 * squared * chain.precision(components, {}).numpy().item()
    )


def test_a_complex_normal_density_integrates_to_one():
    grid = np.linspace(-1, 1, 401)
    y = grid[:, None] + 1j * grid
    density = ComplexNormal(tf.constant(0.1 - 0.2j, tf.complex128), tf.constant(0.1, tf.float64))
    total = np.trapezoid(np.trapezoid(np.exp(density.log_prob(y)), grid), grid)
    np.testing.assert_allclose(total, 1, rtol=1e-10)


# Refusals.


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"acceleration": 0.5}, "acceleration"),
        ({"acceleration": 4, "pattern": "spiral"}, "pattern"),
        ({"acceleration": 4, "center_fraction": 0}, "center_fraction"),
        ({"acceleration": 4, "seed": -1}, "seed"),
        ({"acceleration": 4, "sensitivities": "maps.txt"}, "sensitivities"),
        ({"acceleration": 4, "sensitivities": "no_such_maps.npy"}, "sensitivities"),
    ],
)
def test_kspace_checks_its_arguments(arguments, named):
    with pytest.raises(InputError, match=f"^`{named}` must ") as caught:
        KSpace(**arguments)
    assert caught.value.argument == named


@pytest.mark.parametrize(
    "maps",
    [
        np.ones((4, 4, 2)),
        np.ones((4, 4), complex),
        np.ones((4, 4, 257), complex),
        np.zeros((4, 4, 2), complex),
        np.full((4, 4, 2), np.nan + 0j),
    ],
    ids=["real", "rank", "coils", "zeros", "nan"],
)
def test_an_array_that_is_not_sensitivity_maps_is_refused(tmp_path, maps):
    np.save(tmp_path / "maps.npy", maps)
    with pytest.raises(InputError, match=r"^`sensitivities` must hold"):
        KSpace(4, sensitivities=str(tmp_path / "maps.npy"))


def test_damaged_sensitivity_maps_are_refused_in_one_line(tmp_path):
    (tmp_path / "maps.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr'")
    with pytest.raises(InputError, match=r"^`sensitivities` must be a .npy file") as caught:
        KSpace(4, sensitivities=str(tmp_path / "maps.npy"))
    assert "\n" not in str(caught.value)


def test_the_measurement_shape_refuses_sensitivities_of_another_size(rng):
    operator = BoundFourierSampling(np.ones((16, 16), bool), coils(rng, (16, 32)))
    with pytest.raises(InputError, match=r"^`sensitivities` must be of the image's 16 x 16 pixels"):
        operator.measurement_shape((16, 16, 1))


@pytest.mark.parametrize(
    "after", [PoissonNoise(30.0), SaltAndPepper(0.1), Downsample(2), KSpace(2)]
)
def test_only_normal_noise_may_follow_kspace(after):
    with pytest.raises(InputError, match="cannot follow kspace") as caught:
        KSpace(4) + after
    assert caught.value.argument == "corruption"


def test_a_mask_may_not_precede_kspace():
    with pytest.raises(InputError, match=r"^`corruption` kspace cannot follow a mask"):
        Mask() + Downsample(2) + KSpace(4)
    with pytest.raises(InputError, match=r"^`corruption` kspace cannot follow a stage"):
        KSpace(4).of_images((16, 32, 1)).propagate_mask(tf.ones([1, 16, 32, 1], tf.bool))


def test_kspace_is_parsed_from_text():
    stages = parsing.parse("kspace(acceleration=4, pattern='radial') + noise(scale=5)")
    assert stages.noise_scale == 5
    assert stages.kind == "kspace"
    assert dataclasses.asdict(stages.create().stages[0])["pattern"] == "radial"
