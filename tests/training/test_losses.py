"""Loss terms against closed forms; R1 and path length against numerical gradients."""

import contextlib

import numpy as np
import pytest
from keras import ops

from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.ops.upfirdn2d import depthwise_filters
from brgm_tf.training import backend, losses
from brgm_tf.training.discriminator import Discriminator
from brgm_tf.training.state import bound, weights_of

SIZES = {"channels": 1, "channel_base": 32, "channel_max": 4, "dtype": "float64"}
# Both implementations of the filters have custom gradients.
FILTERS = pytest.mark.parametrize(
    "filters", [contextlib.nullcontext, depthwise_filters], ids=["slices", "depthwise"]
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def slope(function, x, *, step=1e-6):
    """Returns central differences at x of a function from [K, *x.shape] to [K]."""
    moved = step * np.eye(x.size).reshape(x.size, *x.shape)
    values = np.asarray(function(np.concatenate([x + moved, x - moved])))
    return (values[: x.size] - values[x.size :]).reshape(x.shape) / (2 * step)


def slope_along(function, weight, direction):
    """Returns the central difference of a scalar function of an array along a direction."""
    values = [float(function(ops.convert_to_tensor(weight + t * direction))) for t in (1e-6, -1e-6)]
    return (values[0] - values[1]) / 2e-6


def relative_error(actual, expected):
    return np.abs(np.asarray(actual) - expected).max() / np.abs(expected).max()


@pytest.fixture(scope="module")
def discriminator():
    return Discriminator(8, **SIZES)


@pytest.fixture(scope="module")
def generator():
    return StyleGAN2(8, z_dim=2, w_dim=2, mapping_depth=1, **SIZES)


def test_the_generator_loss_is_minus_the_log_probability_of_real():
    logits = normal(6)
    expected = -np.log(1 / (1 + np.exp(-logits))).mean()
    assert float(losses.generator_loss(logits)) == pytest.approx(expected, rel=1e-6)


def test_the_discriminator_loss_is_the_cross_entropy_of_real_and_generated_images():
    real, fake = normal(6), normal(6, seed=1)
    probability = 1 / (1 + np.exp(-np.stack([real, fake])))
    expected = -np.log(probability[0]).mean() - np.log(1 - probability[1]).mean()
    assert float(losses.discriminator_loss(real, fake)) == pytest.approx(expected, rel=1e-6)


def test_the_hinge_losses_equal_their_formula():
    real, fake = 2 * normal(6, 3), 2 * normal(6, 3, seed=1)
    expected = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert float(losses.hinge_discriminator_loss(real, fake)) == pytest.approx(expected, rel=1e-6)
    assert float(losses.hinge_generator_loss(fake)) == pytest.approx(-fake.mean(), rel=1e-6)


def test_r1_of_a_linear_discriminator_is_the_squared_norm_of_its_weights():
    weight = normal(4, 4, 1)
    value = losses.r1_penalty(
        lambda x: ops.sum(x * weight, axis=(1, 2, 3)), ops.convert_to_tensor(normal(3, 4, 4, 1))
    )
    assert float(value) == pytest.approx(np.square(weight).sum(), rel=1e-6)


@FILTERS
def test_r1_equals_numerical_differences_of_the_discriminator(discriminator, filters):
    images = normal(4, 8, 8, 1)
    with filters():
        value = float(losses.r1_penalty(discriminator, ops.convert_to_tensor(images)))

    def scores(stack):
        # The four images of a group are a quarter of the batch apart.
        batch = stack.swapaxes(0, 1).reshape(-1, 8, 8, 1)
        return ops.sum(ops.reshape(discriminator(batch), (4, -1)), axis=0)

    numerical = slope(scores, images)
    assert value == pytest.approx(np.square(numerical).sum() / 4, rel=1e-6)


@FILTERS
@pytest.mark.parametrize("path", ["b8/conv1/weight", "b4/conv/bias", "b8/conv0/bias"])
def test_the_gradient_of_r1_equals_numerical_differences(discriminator, path, filters):
    images = ops.convert_to_tensor(normal(4, 8, 8, 1))
    weight = np.asarray(weights_of(discriminator)[path])
    direction = normal(*weight.shape, seed=2)

    def penalty(value):
        with bound(discriminator, {path: value}), filters():
            return losses.r1_penalty(discriminator, images)

    gradient = backend.gradient(penalty, ops.convert_to_tensor(weight))
    numerical = slope_along(penalty, weight, direction)
    assert float(ops.sum(gradient * direction)) == pytest.approx(numerical, rel=1e-5)


@FILTERS
def test_the_path_length_equals_numerical_differences_of_the_generator(generator, filters):
    ws, noise = normal(2, generator.num_ws, 2), normal(2, 8, 8, 1, seed=1)
    with filters():
        lengths = losses.path_lengths(
            generator.synthesis, ops.convert_to_tensor(ws), noise=ops.convert_to_tensor(noise)
        )

    def projections(stack):
        images = generator.synthesis(stack.reshape(-1, *ws.shape[1:]))
        images = ops.reshape(images, (len(stack), *noise.shape))
        return ops.sum(images * noise, axis=(1, 2, 3, 4)) / 8

    numerical = slope(projections, ws)
    expected = np.sqrt(np.square(numerical).sum(axis=2).mean(axis=1))
    assert relative_error(lengths, expected) < 1e-6


@FILTERS
@pytest.mark.parametrize("path", ["synthesis/b8/conv0/weight", "synthesis/b8/conv1/affine/bias"])
def test_the_gradient_of_the_path_penalty_equals_numerical_differences(generator, path, filters):
    ws = ops.convert_to_tensor(normal(2, generator.num_ws, 2))
    noise = ops.convert_to_tensor(normal(2, 8, 8, 1, seed=1))
    weight = np.asarray(weights_of(generator)[path])
    direction = normal(*weight.shape, seed=2)

    def squared_length(value):
        with bound(generator, {path: value}), filters():
            lengths = losses.path_lengths(generator.synthesis, ws, noise=noise)
        return ops.mean(ops.square(lengths - 0.5))

    gradient = backend.gradient(squared_length, ops.convert_to_tensor(weight))
    numerical = slope_along(squared_length, weight, direction)
    assert float(ops.sum(gradient * direction)) == pytest.approx(numerical, rel=1e-5)


def test_the_path_length_of_a_linear_generator_has_a_closed_form():
    # For G(ws) = A w_0 the gradient of <G, y> / sqrt(HW) in w_0 is A^T y / sqrt(HW).
    matrix, noise = normal(16, 3), normal(1, 4, 4, 1, seed=1)
    lengths = losses.path_lengths(
        lambda ws: ops.reshape(ops.matmul(ws[:, 0], matrix.T), (1, 4, 4, 1)),
        ops.convert_to_tensor(normal(1, 2, 3)),
        noise=ops.convert_to_tensor(noise),
    )
    expected = np.linalg.norm(matrix.T @ noise.reshape(16) / 4) / np.sqrt(2)
    assert float(lengths[0]) == pytest.approx(expected, rel=1e-6)


def test_the_path_penalty_uses_the_updated_mean():
    lengths = np.array([1.0, 3.0])
    penalty, mean = losses.path_penalty(ops.convert_to_tensor(lengths), 0.5)
    assert float(mean) == pytest.approx(0.5 + 0.01 * 1.5)
    assert float(penalty) == pytest.approx(np.square(lengths - 0.515).mean())


def test_the_path_penalty_has_no_gradient_through_the_mean():
    gradient = backend.gradient(
        lambda a: losses.path_penalty(a, 0.0)[0], ops.convert_to_tensor(np.array([2.0, 4.0]))
    )
    np.testing.assert_allclose(np.asarray(gradient), np.array([2.0, 4.0]) - 0.03, rtol=1e-6)
