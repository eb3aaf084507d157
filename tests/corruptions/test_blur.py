"""Blurs against SciPy, weights derived by hand, and finite differences."""

import dataclasses

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import tensorflow as tf
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.blur.blur import Blur, gaussian_weights
from brgm_tf.corruptions.blur.convolution import convolve
from brgm_tf.corruptions.blur.disk_blur import DiskBlur, disk_kernel
from brgm_tf.corruptions.blur.kernel_blur import KernelBlur
from brgm_tf.corruptions.blur.motion_blur import MotionBlur, motion_kernel

SCIPY_MODES = {"reflect": "mirror", "circular": "wrap", "zero": "constant"}
every_border = pytest.mark.parametrize("border", SCIPY_MODES)
BLURS = [Blur(1.5), MotionBlur(7.0, 30.0), DiskBlur(3.2)]
every_blur = pytest.mark.parametrize("blur", BLURS, ids=lambda blur: type(blur).__name__)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def images(rng, height=13, width=17, channels=3, batch=2) -> np.ndarray:
    return rng.uniform(-1, 1, (batch, height, width, channels))


def kernel_of(blur) -> np.ndarray:
    return blur.kernel_of(tf.zeros([], tf.float64)).numpy()


def saved(folder, kernel, name="k.npy") -> str:
    np.save(folder / name, kernel)
    return str(folder / name)


# The convolution.


@every_border
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 1), (1, 9), (25, 33)], ids=str)
def test_the_convolution_equals_scipys(size, border, rng):
    x, kernel = images(rng), rng.normal(size=size)
    expected = scipy.ndimage.convolve(x, kernel[None, :, :, None], mode=SCIPY_MODES[border])
    result = convolve(tf.constant(x), tf.constant(kernel), border=border)
    np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize(("border", "fill"), [("circular", "wrap"), ("zero", "fill")])
@pytest.mark.parametrize("size", [(2, 2), (4, 7), (6, 3), (3, 8)], ids=str)
def test_an_even_kernel_has_the_centre_of_scipys(size, border, fill, rng):
    x, kernel = images(rng), rng.normal(size=size)
    result = convolve(tf.constant(x), tf.constant(kernel), border=border)
    for i in range(2):
        for c in range(3):
            expected = scipy.signal.convolve2d(x[i, :, :, c], kernel, mode="same", boundary=fill)
            np.testing.assert_allclose(result[i, :, :, c], expected, atol=1e-12)


def test_reflection_of_an_even_kernel_equals_numpys_padding(rng):
    x, kernel = images(rng, batch=1, channels=1), rng.normal(size=(4, 6))
    # The centre is (1, 2), so the padding has two rows and three columns before the image, and one
    # row and two columns after it.
    padded = np.pad(x[0, :, :, 0], [(2, 1), (3, 2)], mode="reflect")
    expected = scipy.signal.convolve2d(padded, kernel, mode="valid")
    result = convolve(tf.constant(x), tf.constant(kernel), border="reflect")
    np.testing.assert_allclose(result[0, :, :, 0], expected, atol=1e-12)


def test_the_image_of_a_point_is_the_kernel(tmp_path, rng):
    kernel = rng.uniform(size=(3, 5))
    x = np.zeros((1, 9, 9, 1))
    x[0, 4, 4, 0] = 1
    y = KernelBlur(saved(tmp_path, kernel), normalize=False).forward(x)
    np.testing.assert_allclose(y[0, 3:6, 2:7, 0], kernel, atol=1e-15)


@every_border
def test_the_adjoint_is_the_transposed_matrix(border, tmp_path, rng):
    blur = KernelBlur(saved(tmp_path, rng.normal(size=(4, 5))), normalize=False, border=border)
    basis = np.eye(30).reshape(30, 5, 6, 1)
    matrix = blur.forward(basis).numpy().reshape(30, 30).T
    transposed = blur.adjoint(basis).numpy().reshape(30, 30).T
    np.testing.assert_allclose(transposed, matrix.T, atol=1e-15)
    assert not np.allclose(matrix, matrix.T)


@every_border
def test_the_adjoint_can_be_compiled_and_differentiated(border, rng):
    blur = DiskBlur(2.5, border=border)
    x, y = (tf.constant(images(rng)) for _ in range(2))
    compiled = tf.function(blur.adjoint, jit_compile=True)
    np.testing.assert_allclose(compiled(y), blur.adjoint(y), atol=1e-14)
    with tf.GradientTape() as tape:
        tape.watch(y)
        total = tf.reduce_sum(x * blur.adjoint(y))
    np.testing.assert_allclose(tape.gradient(total, y), blur.forward(x), atol=1e-14)


@every_border
def test_the_gradient_in_a_kernel_is_linear(border, rng):
    x, weights = (tf.constant(images(rng)) for _ in range(2))
    kernel, direction = (tf.constant(rng.normal(size=(4, 7))) for _ in range(2))

    @tf.function(jit_compile=True)
    def gradient(kernel):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            total = tf.reduce_sum(weights * convolve(x, kernel, border=border))
        return tape.gradient(total, kernel)

    expected = np.sum(weights * convolve(x, direction, border=border))
    np.testing.assert_allclose(np.sum(gradient(kernel) * direction), expected, rtol=1e-11)


@every_border
def test_single_precision_is_accurate(border, rng):
    x = tf.constant(images(rng, 200, 256))
    blur = DiskBlur(10.0, border=border)
    for exact, f in ((blur.forward(x), blur.forward), (blur.adjoint(x), blur.adjoint)):
        result = tf.function(f, jit_compile=True)(tf.cast(x, tf.float32))
        np.testing.assert_allclose(result, exact, atol=1e-6 * np.abs(exact).max())


@pytest.mark.parametrize("border", ["reflect", "circular"])
@every_blur
def test_a_constant_image_stays_constant(blur, border):
    y = dataclasses.replace(blur, border=border).forward(np.full((1, 13, 17, 3), 0.7))
    np.testing.assert_allclose(y, 0.7, rtol=1e-14)


def test_a_zero_border_pads_with_mid_grey():
    y = Blur(1.0, border="zero").forward(np.ones((1, 13, 13, 1)))[0, :, :, 0].numpy()
    half = (1 + gaussian_weights(1.0, radius=4, dtype=tf.float64)[0, 4]) / 2
    np.testing.assert_allclose(y[[6, 6, 0, 0], [6, 0, 6, 0]], [1, half, half, half**2])


@every_border
def test_a_kernel_may_reach_one_pixel_less_than_the_image(border):
    blur = Blur(3.0, border=border)  # the reach is 12 pixels
    assert blur.measurement_shape((None, 13, 20, 3)) == (None, 13, 20, 3)
    with pytest.raises(InputError) as caught:
        blur.forward(np.zeros((1, 20, 12, 3)))
    assert str(caught.value) == (
        "`corruption` must have a kernel that reaches less far than the image's 20 x 12 pixels. "
        "Choose a smaller blur. Received: kernel='25 x 25'"
    )


@pytest.mark.parametrize(
    ("blur", "named"),
    [
        (lambda: Blur(0), "sigma"),
        (lambda: Blur(float("nan")), "sigma"),
        (lambda: Blur(1e300), "sigma"),
        (lambda: MotionBlur(0.5), "length"),
        (lambda: MotionBlur(5, angle="up"), "angle"),
        (lambda: DiskBlur(True), "radius"),
        (lambda: Blur(1, border="mirror"), "border"),
        (lambda: MotionBlur(3, border=0), "border"),
        (lambda: DiskBlur(3, border=None), "border"),
    ],
)
def test_blurs_check_their_arguments(blur, named):
    with pytest.raises(InputError, match=f"^`{named}` must be") as caught:
        blur()
    assert caught.value.argument == named


@every_blur
def test_equal_blurs_have_equal_hashes(blur):
    assert len({blur, dataclasses.replace(blur)}) == 1


@every_blur
def test_a_kernel_has_the_stated_size_and_sum(blur):
    assert kernel_of(blur).shape == blur.size
    np.testing.assert_allclose(np.sum(kernel_of(blur)), 1, rtol=1e-14)


# The Gaussian.


@every_border
@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 2.37])
def test_blur_equals_scipys_gaussian_filter(sigma, border, rng):
    x = images(rng)
    expected = scipy.ndimage.gaussian_filter(x, sigma, axes=(1, 2), mode=SCIPY_MODES[border])
    result = Blur(sigma, border=border).forward(x)
    np.testing.assert_allclose(result, expected, atol=1e-14)


def test_variances_of_blurs_add(rng):
    x = images(rng, 64, 64)
    twice = Blur(4.0, border="circular").forward(Blur(3.0, border="circular").forward(x))
    once = Blur(5.0, border="circular").forward(x)
    np.testing.assert_allclose(twice, once, atol=1e-4)  # the kernel is truncated at four deviations


# The line kernel.


@pytest.mark.parametrize(
    ("length", "weights"),
    [
        (1, [0, 0, 1, 0, 0]),
        (2, [0, 0.25, 0.5, 0.25, 0]),
        (3, [0, 1 / 3, 1 / 3, 1 / 3, 0]),
        (3.5, [0.25 / 3.5, 1 / 3.5, 1 / 3.5, 1 / 3.5, 0.25 / 3.5]),
        (5, [0.2] * 5),
    ],
)
def test_horizontal_and_vertical_lines_have_the_weights_derived_by_hand(length, weights):
    expected = np.zeros((7, 7))
    expected[3, 1:6] = weights
    for angle, turned in ((0, expected), (90, expected.T), (180, expected), (-270, expected.T)):
        kernel = motion_kernel(length, angle, radius=3, dtype=tf.float64)
        np.testing.assert_allclose(kernel, turned, atol=1e-14)


def test_a_diagonal_line_rises_to_the_right():
    # Pixels on the diagonal are sqrt 2 apart, at t = 0. Their neighbours are at |t| = 1 / sqrt 2.
    root = np.sqrt(2)
    neighbour, end = 1 - 1 / root, 2 - root  # s = 1 / sqrt 2 and sqrt 2, with (3 + 1) / 2 - |s|
    expected = np.array([[0, neighbour, end], [neighbour, 1, neighbour], [end, neighbour, 0]])
    kernel = motion_kernel(3.0, 45.0, radius=1, dtype=tf.float64)
    np.testing.assert_allclose(kernel, expected / expected.sum(), atol=1e-14)


@pytest.mark.parametrize("angle", [0, 17, 45, 90, 120, 200])
@pytest.mark.parametrize("length", [1, 2.5, 5, 16])
def test_a_line_kernel_does_not_depend_on_its_reach(length, angle):
    blur = MotionBlur(length, angle=angle)
    larger = motion_kernel(length, angle, radius=blur.radius + 2, dtype=tf.float64)
    np.testing.assert_allclose(np.pad(kernel_of(blur), 2), larger, atol=1e-15)


@pytest.mark.parametrize("angle", [0, 17, 45, 90, 120])
def test_a_line_has_the_covariance_of_a_uniform_motion(angle):
    # A uniform density over a length has the variance length^2 / 12 along its direction. The width
    # of the line and the size of a pixel add less than 1 / 3 of a pixel^2.
    length, kernel = 21.0, kernel_of(MotionBlur(21.0, angle))
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    right, up = np.meshgrid(offsets, -offsets)
    covariance = np.array([[np.sum(kernel * a * b) for a in (right, up)] for b in (right, up)])
    direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    expected = length**2 / 12 * np.outer(direction, direction)
    np.testing.assert_allclose(covariance, expected, atol=1 / 3)


# The disk kernel.


def coverage(radius: float, reach: int, parts: int = 101) -> np.ndarray:
    """Returns the covered fraction of each pixel, from parts^2 points a pixel."""
    points = (np.arange((2 * reach + 1) * parts) + 0.5) / parts - reach - 0.5
    inside = np.hypot(points[:, None], points) <= radius
    return inside.reshape(2 * reach + 1, parts, 2 * reach + 1, parts).mean(axis=(1, 3))


@pytest.mark.parametrize("radius", [2.0, 2.2, 3.5, 5.0, 8.3, 20.0])
def test_the_weights_of_a_disk_are_the_covered_fractions_of_the_pixels(radius):
    fractions = coverage(radius, reach=int(radius) + 1)
    kernel = disk_kernel(radius, reach=int(radius) + 1, dtype=tf.float64).numpy()
    weights = kernel / kernel.max()  # the weight of the centre is 1 before the normalisation
    np.testing.assert_allclose(weights, fractions, atol=0.06)
    np.testing.assert_allclose(weights.sum(), np.pi * radius**2, rtol=0.05)


def test_small_disks_have_the_weights_derived_by_hand():
    # Distances 1 and sqrt 2 from the centre; radius + 1/2 = 1.7.
    side, corner = 0.7, 1.7 - np.sqrt(2)
    expected = np.array([[corner, side, corner], [side, 1, side], [corner, side, corner]])
    np.testing.assert_allclose(kernel_of(DiskBlur(1.2)), expected / expected.sum(), rtol=1e-13)
    np.testing.assert_array_equal(kernel_of(DiskBlur(0.5)), [[1]])


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5, 2.2, 7.9])
def test_a_disk_kernel_does_not_depend_on_its_reach(radius):
    blur = DiskBlur(radius)
    larger = disk_kernel(radius, reach=blur.reach + 2, dtype=tf.float64)
    np.testing.assert_allclose(np.pad(kernel_of(blur), 2), larger, atol=1e-15)


# Parameters that can be inferred.

KERNELS = {
    "sigma": (lambda p: gaussian_weights(p, radius=6, dtype=tf.float64), 1.3),
    "length": (lambda p: motion_kernel(p, 20.0, radius=5, dtype=tf.float64), 6.3),
    "angle": (lambda p: motion_kernel(6.3, p, radius=5, dtype=tf.float64), 20.0),
    "radius": (lambda p: disk_kernel(p, reach=5, dtype=tf.float64), 3.3),
}


@pytest.mark.parametrize("name", KERNELS)
def test_the_gradients_of_kernels_equal_finite_differences(name, rng):
    make, value = KERNELS[name]
    weights = rng.normal(size=make(value).shape)

    @tf.function(jit_compile=True)
    def slope(parameter):
        with tf.GradientTape() as tape:
            tape.watch(parameter)
            total = tf.reduce_sum(weights * make(parameter))
        return tape.gradient(total, parameter)

    step = 1e-6
    expected = np.sum(weights * (make(value + step) - make(value - step))) / (2 * step)
    np.testing.assert_allclose(slope(tf.constant(value, tf.float64)), expected, rtol=1e-6)


# Kernels from files.


def test_a_kernel_is_normalised_by_default(tmp_path, rng):
    kernel = rng.uniform(size=(3, 4))
    path = saved(tmp_path, kernel)
    np.testing.assert_allclose(KernelBlur(path).kernel, kernel / kernel.sum(), rtol=1e-14)
    np.testing.assert_array_equal(KernelBlur(path, normalize=False).kernel, kernel)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", ">f4", "float64"])
def test_a_kernel_may_have_any_real_dtype(dtype, tmp_path):
    path = saved(tmp_path, np.array([[1, 2, 1]], dtype))
    kernel = KernelBlur(path).kernel
    assert kernel.dtype == np.float64
    np.testing.assert_array_equal(kernel, [[0.25, 0.5, 0.25]])


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535)])
def test_white_is_one_in_a_png_file(dtype, white, tmp_path):
    samples = np.array([[0, white], [white // 5, white]], dtype)
    Image.fromarray(samples).save(tmp_path / "K.PNG")
    kernel = KernelBlur(str(tmp_path / "K.PNG"), normalize=False).kernel
    np.testing.assert_allclose(kernel, [[0, 1], [0.2, 1]], rtol=1e-15)


def test_a_kernel_is_immutable(tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        KernelBlur(saved(tmp_path, np.ones((3, 3)))).kernel[0, 0] = 2


def test_a_kernel_is_read_when_the_blur_is_created(tmp_path, rng):
    path = saved(tmp_path, np.ones((3, 3)))
    blur = KernelBlur(path)
    saved(tmp_path, np.eye(3))
    np.testing.assert_array_equal(blur.kernel, np.full((3, 3), 1 / 9))
    assert blur != KernelBlur(path)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.ones(3), r"must hold a kernel \[K, L\]"),
        (np.ones((3, 3, 1)), r"must hold a kernel \[K, L\]"),
        (np.ones((0, 3)), r"must hold a kernel \[K, L\]"),
        (np.ones((1, 2049)), r"must hold a kernel \[K, L\]"),
        (np.array([[1, np.nan]]), "must hold finite numbers"),
        (np.array([[1, np.inf]]), "must hold finite numbers"),
        (np.zeros((3, 3)), "must hold finite numbers, not all of them 0"),
        (np.array([[1, 1j]]), "must be an array of real numbers"),
        (np.array([["a"]]), "must be an array of real numbers"),
        (np.array([[True]]), "must be an array of real numbers"),
        (np.array([[1.0, -1.0]]), "must hold a kernel of a positive sum.*normalize=False"),
        (np.array([[0.1, 0.2, -0.3]]), "must hold a kernel of a positive sum"),
    ],
)
def test_an_array_that_is_not_a_kernel_is_refused(array, expected, tmp_path):
    with pytest.raises(InputError, match=f"^`file` {expected}"):
        KernelBlur(saved(tmp_path, array))


def test_a_kernel_with_a_sum_of_zero_is_not_normalised(tmp_path):
    path = saved(tmp_path, np.array([[1.0, -1.0]]))
    y = KernelBlur(path, normalize=False, border="circular").forward(np.ones((1, 3, 3, 1)))
    np.testing.assert_allclose(y, np.zeros((1, 3, 3, 1)), atol=1e-15)


def test_a_coloured_picture_is_refused(tmp_path):
    Image.fromarray(np.ones((3, 3, 3), "uint8")).save(tmp_path / "k.png")
    with pytest.raises(InputError, match=r"^`file` must be a grey image.*mode='RGB'"):
        KernelBlur(str(tmp_path / "k.png"))


def truncated(path):
    np.save(path, np.ones((20, 20)))
    path.write_bytes(path.read_bytes()[:300])


def pickled(path):
    np.save(path, np.array([[None]]), allow_pickle=True)


def several(path):
    with path.open("wb") as file:
        np.savez(file, a=np.ones((3, 3)))


def words(path):
    path.write_text("0 1 0")


@pytest.mark.parametrize("make", [truncated, pickled, several, words])
@pytest.mark.parametrize("suffix", [".npy", ".png"])
def test_a_file_with_the_wrong_contents_is_refused(make, suffix, tmp_path):
    path = tmp_path / ("k" + suffix)
    make(tmp_path / "k.npy")
    (tmp_path / "k.npy").rename(path)
    with pytest.raises(InputError, match=r"^`file` must be") as caught:
        KernelBlur(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"^`file` must exist\. Received: file='.*none\.npy'$"):
        KernelBlur(str(tmp_path / "none.npy"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"file": "k.txt"}, "file"),
        ({"file": 3}, "file"),
        ({"file": "k.npy", "normalize": 1}, "normalize"),
        ({"file": "k.npy", "border": "none"}, "border"),
    ],
)
def test_kernel_blur_checks_its_arguments(arguments, named):
    with pytest.raises(InputError, match=f"^`{named}` must be"):
        KernelBlur(**arguments)
