"""Corruptions of volumes: the third axis, and every corruption of images slice by slice."""

import numpy as np
import pytest
import tensorflow as tf
from corruption_cases import CHAINS, EXAMPLES, GREY_ONLY, SIZE, VOLUME_EXAMPLES, create, noise_like

import brgm_tf as bt
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import Regrid, parse
from brgm_tf.corruptions.resolution.regrid import axis_matrix
from brgm_tf.corruptions.table import CORRUPTIONS
from brgm_tf.corruptions.volume.thick_slices import profile_matrix

S = 12
VOLUME_CHAINS = [
    "thick_slices(factor=3, profile='gaussian') + missing_slices(every=2) + noise(scale=5)",
    "blur(sigma=1) + thick_slices(factor=4, gap=1) + downsample(factor=2)",
    "mask() + thick_slices(factor=3)",
    "thick_slices(factor=3) + mask()",
    "box_mask(boxes=[(0.25, 0.25, 0.75, 0.75)]) + thick_slices(factor=2)",
    "thick_slices(factor=2) + kspace(acceleration=2) + noise(scale=2)",
]
VOLUME_CASES = [(name, args) for name, examples in VOLUME_EXAMPLES.items() for args in examples]
VOLUME_CASES += [(text, {}) for text in VOLUME_CHAINS]
CASES = [(name, examples[-1]) for name, examples in EXAMPLES.items()] + VOLUME_CASES
every_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=[c[0] for c in CASES])


def corruption_of(name, arguments):
    return create(name, arguments) if name in CORRUPTIONS else parse(name).create()


def bound_volume(name, arguments, channels):
    """Returns a corruption for a volume with random masks, and the volume."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.95, 0.95, (S, *SIZE, channels))
    corruption = corruption_of(name, arguments)
    count = corruption.num_data_slices(S)
    shape = corruption.data_shape(x.shape[1:])[:2]
    masks = {n: rng.random((count, *shape, 1)) < 0.2 for n in corruption.data_names}
    return corruption.of_volume(x.shape).with_data(**masks), x


def channels_of(name):
    return 1 if name in GREY_ONLY or "kspace" in name else 3


@every_case
def test_the_adjoint_passes_the_dot_test_in_three_dimensions(name, arguments):
    corruption, x = bound_volume(name, arguments, channels_of(name))
    y = corruption.forward(x)
    assert y.shape[0] == corruption_of(name, arguments).num_measured_slices(S)
    if not corruption.linear:
        return
    ax = y - corruption.forward(np.zeros_like(x))
    noise = noise_like(ax, np.random.default_rng(1))
    left = np.sum(np.real(np.conj(ax) * noise))
    assert left == pytest.approx(np.sum(x * corruption.adjoint(noise)), rel=1e-10)


@pytest.mark.parametrize(("name", "arguments"), VOLUME_CASES)
def test_observed_values_do_not_depend_on_missing_voxels(name, arguments):
    corruption, x = bound_volume(name, arguments, channels_of(name))
    y = corruption.forward(x)
    observed = np.broadcast_to(corruption.observation_mask(y), y.shape) == 1
    assert observed.any()
    hidden = np.where(observed, y, np.nan)
    assert np.isfinite(corruption.fill_unobserved(tf.constant(hidden))).all()


@pytest.mark.parametrize(("name", "arguments"), VOLUME_CASES)
def test_one_program_of_xla_measures_a_volume(name, arguments):
    corruption, x = bound_volume(name, arguments, channels_of(name))
    measure = tf.function(corruption.forward, jit_compile=True)
    np.testing.assert_allclose(measure(tf.constant(x)), corruption.forward(x), atol=1e-12)


@pytest.mark.parametrize(("name", "arguments"), VOLUME_CASES)
def test_the_text_rebuilds_the_corruption(name, arguments):
    corruption = corruption_of(name, arguments)
    assert repr(parse(repr(corruption)).create()) == repr(corruption)
    assert corruption.needs_volume
    assert parse(repr(corruption)).needs_volume


def test_corruptions_of_images_need_no_volume():
    assert not any(create(name, examples[0]).needs_volume for name, examples in EXAMPLES.items())
    assert not any(parse(text).needs_volume for text in CHAINS)


def test_thick_slices_are_means_of_slices():
    x = np.random.default_rng(0).uniform(-1, 1, (6, 2, 3, 1))
    y = bt.ThickSlices(factor=3).simulate(x)
    np.testing.assert_allclose(y, x.reshape(2, 3, 2, 3, 1).mean(axis=1), atol=1e-15)


def test_a_gaussian_profile_has_the_stated_width_and_reaches_the_neighbours():
    row = profile_matrix(5, factor=4, thickness=4.0, profile="gaussian")[2]
    offsets = np.arange(20) - 9.5
    shape = np.exp(-4 * np.log(2) * (offsets / 4) ** 2)
    shape[np.abs(offsets) > 5] = 0
    np.testing.assert_allclose(row, shape / shape.sum(), atol=1e-12)


def test_a_gap_as_wide_as_the_distance_is_refused():
    with pytest.raises(InputError, match=r"^`gap` must be below the factor"):
        bt.ThickSlices(factor=2, gap=2)


def test_a_factor_that_does_not_divide_the_slices_is_refused():
    with pytest.raises(InputError, match=r"^`corruption` thick_slices .* divides the 5 slices"):
        bt.ThickSlices(factor=2).simulate(np.zeros((5, 2, 2, 1)))


def test_a_thick_slice_of_a_missing_slice_is_not_observed():
    corruption = (bt.MissingSlices(every=6) + bt.ThickSlices(factor=3)).of_volume((12, 2, 2, 1))
    observed = corruption.observation_mask(tf.zeros((4, 2, 2, 1))).numpy()
    assert observed[:, 0, 0, 0].tolist() == [1, 0, 1, 0]


def test_the_noise_of_a_thick_slice_is_drawn_once():
    x = np.zeros((8, 4, 4, 1), "float32")
    y = (bt.ThickSlices(factor=4) + bt.Noise(scale=20)).simulate(x)
    assert y.shape == (2, 4, 4, 1)
    assert y.std() == pytest.approx(20 / 127.5, rel=0.4)


@pytest.mark.parametrize(
    "text", ["random_mask(fraction=0.5)", "scratches(count=2, width=1)", "kspace(acceleration=3)"]
)
def test_every_slice_has_the_pattern_of_its_seed(text):
    shape = (3, 16, 16, 1)
    corruption = parse(text).create()
    y = tf.zeros(shape, "complex64" if corruption.measures_kspace else "float32")
    together = corruption.of_volume(shape).observation_mask(y).numpy()
    for index in range(3):
        seeded = type(corruption).from_config({**corruption.get_config(), "seed": index})
        alone = seeded.of_images(shape[1:]).observation_mask(y[:1]).numpy()
        np.testing.assert_array_equal(together[index], alone[0])
    assert (together[0] != together[1]).any()


def test_a_part_of_a_volume_has_the_patterns_of_its_slices_in_the_scan():
    text = "thick_slices(factor=2) + missing_slices(every=2) + random_mask(fraction=0.5)"
    corruption = parse(text).create()
    whole = corruption.of_volume((8, 16, 16, 1)).observation_mask(tf.zeros((4, 16, 16, 1)))
    part = corruption.of_volume((4, 16, 16, 1), indices=range(2, 6))
    np.testing.assert_array_equal(part.observation_mask(tf.zeros((2, 16, 16, 1))), whole[1:3])


# The grid of a scan.


def regrid(height=10, width=14, spacing=(1.5, 1.0), field_of_view=16.0):
    return Regrid(
        height=height,
        width=width,
        row_spacing=spacing[0],
        column_spacing=spacing[1],
        field_of_view=field_of_view,
    )


@pytest.mark.parametrize("field_of_view", [16.0, 9.0])
def test_regrid_passes_the_dot_test(field_of_view):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 8, 8, 1)), rng.normal(size=(2, 10, 14, 1))
    corruption = regrid(field_of_view=field_of_view).of_images((8, 8, 1))
    ax = corruption.forward(x) - corruption.forward(np.zeros_like(x))
    assert np.sum(ax * y) == pytest.approx(np.sum(x * corruption.adjoint(y)), rel=1e-12)


def test_the_same_grid_is_the_identity():
    np.testing.assert_allclose(axis_matrix(8, 1.25, 8, 10.0), np.eye(8), atol=1e-12)


@pytest.mark.parametrize("spacing", [0.4, 1.0, 2.5])
def test_regrid_keeps_a_linear_ramp_away_from_the_edges(spacing):
    size = int(12 / spacing)
    ramp = (np.arange(16) - 7.5) * 1.0
    centres = (np.arange(size) - (size - 1) / 2) * spacing
    values = axis_matrix(size, spacing, 16, 16.0) @ ramp
    inner = np.abs(centres) < 5
    np.testing.assert_allclose(values[inner], centres[inner], atol=0.1 * spacing)


def test_pixels_outside_of_the_square_are_black_and_not_observed():
    corruption = regrid(spacing=(1.0, 1.0), field_of_view=6.0).of_images((8, 8, 1))
    y = corruption.forward(np.full((1, 8, 8, 1), 0.5))
    observed = corruption.observation_mask(y).numpy()[0, :, :, 0] == 1
    assert observed.sum() == 36
    np.testing.assert_allclose(y.numpy()[0, :, :, 0], np.where(observed, 0.5, -1.0), atol=1e-12)


def test_a_square_around_the_scan_observes_all_pixels():
    assert regrid(field_of_view=20.0).propagate_mask(None) is None
