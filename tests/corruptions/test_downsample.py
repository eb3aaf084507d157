"""Downsampling: means of blocks, PyTorch's bicubic kernel, and arguments."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import skimage.transform
from corruption_cases import GOLDEN, SIZE, images

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.resolution.downsample import Downsample
from brgm_tf.corruptions.resolution.resampling import bicubic_matrix


def tool(name: str):
    """Returns the module tools/NAME.py."""
    path = Path(__file__).resolve().parents[2] / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location("tool", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = tool("golden/make_golden_bicubic")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 12])
def test_box_is_the_mean_of_blocks(factor, rng):
    x = images(rng)
    expected = [skimage.transform.downscale_local_mean(one, (factor, factor, 1)) for one in x]
    np.testing.assert_allclose(Downsample(factor=factor).forward(x), expected, atol=1e-15)


def test_box_does_not_reorder_pixels():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    y = Downsample(factor=2).forward(x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])


def keys_by_loop(row: np.ndarray, factor: int) -> list[float]:
    """Returns one row, downsampled by the formula of the kernel on [0, 1) and [1, 2)."""
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
def test_bicubic_equals_loops_over_the_kernel(factor, rng):
    x = images(rng, batch=1)
    rows = np.apply_along_axis(keys_by_loop, 1, x, factor)
    expected = np.apply_along_axis(keys_by_loop, 2, rows, factor)
    result = Downsample(factor=factor, method="bicubic").forward(x)
    np.testing.assert_allclose(result, expected, atol=1e-14)


def test_bicubic_equals_pytorchs():
    with np.load(GOLDEN / "bicubic.npz") as golden:
        assert golden.files == ["x".join(map(str, case)) for case in MAKER.CASES]
        for case in MAKER.CASES:
            downsample = Downsample(factor=case[0], method="bicubic")
            result = downsample.forward(MAKER.image(*case)[None])[0]
            expected = golden["x".join(map(str, case))]
            np.testing.assert_allclose(result, expected, atol=1e-13)


def test_bicubic_weights_of_factor_two_equal_those_derived_by_hand():
    # Distances 1.5, 0.5, 0.5, 1.5 with A = -3/4 give -3/32, 19/32, 19/32, -3/32. The outer tap at a
    # border reads the border pixel: 19/32 - 3/32 = 1/2.
    inner, outer = 0.59375, -0.09375
    expected = [
        [0.5, inner, outer, 0, 0, 0],
        [0, outer, inner, inner, outer, 0],
        [0, 0, 0, outer, inner, 0.5],
    ]
    np.testing.assert_array_equal(bicubic_matrix(3, factor=2), expected)


@pytest.mark.parametrize("factor", [3, 5])
def test_bicubic_of_an_odd_factor_takes_the_centre(factor):
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
def test_the_error_for_a_factor_lists_the_factors_that_divide_the_size(method, rng):
    with pytest.raises(InputError) as caught:
        Downsample(factor=5, method=method).forward(images(rng))
    assert str(caught.value) == (
        "`corruption` downsample needs a factor that divides the image's 12 x 24 pixels. "
        "Choose one of 1, 2, 3, 4, 6, 12. Received: factor=5"
    )


def test_the_measurement_shape_accepts_an_unknown_batch_size():
    assert Downsample(factor=4).measurement_shape((None, 12, 24, 3)) == (None, 3, 6, 3)


@pytest.mark.parametrize(
    ("arguments", "named"), [({"factor": 0}, "factor"), ({"factor": 2, "method": "x"}, "method")]
)
def test_downsample_checks_its_arguments(arguments, named):
    with pytest.raises(InputError, match=f"^`{named}` must be") as caught:
        Downsample(**arguments)
    assert caught.value.argument == named


def test_equal_downsamples_have_equal_hashes():
    assert len({Downsample(factor=np.int64(2)), Downsample(factor=2)}) == 1
