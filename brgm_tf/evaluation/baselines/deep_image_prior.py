"""Deep Image Prior: the architecture of an untrained network as the prior.

Notation: y [1, h, w, C] the measurement, f its corruption; z [1, R, R, 32] fixed noise; n(t)
fresh noise of step t = 1, 2, ...; g(z; theta) the network, theta its weights, a list of
tensors; x [1, R, R, C] an image in [-1, 1].

    theta minimizes mean((f(g(z + n(t); theta)) - y)^2) over the observed pixels, by Adam
    x = sum_t d^(T - t) g(z + n(t); theta(t)) / sum_t d^(T - t),   t = 1, ..., T

The network sees y alone. Convolutions fit self-similar structures before noise, so the first
thousands of steps fill unobserved pixels plausibly.

Reference: Ulyanov, Vedaldi, Lempitsky, Deep Image Prior (arXiv 1711.10925).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable
from typing import Any, NamedTuple, cast

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from brgm_tf.core.compilation import compiled
from brgm_tf.core.errors import InputError

_INPUT_CHANNELS, _SKIP_CHANNELS = 32, 4
_MAX_LEVELS, _LOWEST = 5, 4
_INPUT_RANGE, _PERTURBATION = 0.1, 1 / 30
_LEARNING_RATE, _BETAS, _EPSILON = 0.01, (0.9, 0.999), 1e-8
_DECAY = 0.99  # d


def dip(
    measurement: Any,
    *,
    corruption: Any,
    resolution: int,
    seed: int = 0,
    num_steps: int = 1000,
    num_channels: int = 32,
    **_,
) -> np.ndarray:
    """Restores an image by fitting an untrained hourglass network to the measurement.

    As in the paper's code, z is uniform in [0, 0.1], n(t) is normal with standard deviation
    1/30, Adam's learning rate is 0.01 and d is 0.99. The settings for images of 64 x 64 pixels
    on a few cores differ: 32 channels instead of 128, levels down to 4 x 4 pixels, at most 5
    instead of always 5, and 1000 steps instead of 2000 and more.

    Args:
        measurement: Measurement y [h, w, C]; unobserved values are ignored.
        corruption: Corruption f, bound to its data.
        resolution: Height and width of the image, R, a power of two from 16.
        seed: Seed of the initial weights and of the noise; default 0.
        num_steps: Number of steps, T; default 1000.
        num_channels: Number of channels of the convolutions; default 32.

    Returns:
        float32 [R, R, C] in [-1, 1]. Observed pixels are close to the measurement.

    Raises:
        InputError: R is not a power of two from 16.

    Reference: Ulyanov, Vedaldi, Lempitsky, Deep Image Prior (arXiv 1711.10925), sections 2
    and 5, and its supplement; github.com/DmitryUlyanov/deep-image-prior.
    """
    if resolution < 16 or resolution & (resolution - 1):
        raise InputError("resolution", "must be a power of two from 16", resolution=resolution)
    measurement = np.asarray(measurement, np.float32)[None]
    fit = _fit_of(
        cast(Hashable, type(corruption)),
        tuple(corruption.get_config().items()),
        resolution=resolution,
        channels=measurement.shape[-1],
        num_channels=num_channels,
    )
    # Data are arguments of the compiled step, so another mask runs the same program.
    return fit(measurement, corruption.data, seed=seed, num_steps=num_steps)


def hourglass(resolution: int, *, channels: int, num_channels: int = 32) -> keras.Model:
    """Returns the network [1, R, R, 32] -> [1, R, R, C], with values in (-1, 1).

    On the way down, each level has a convolution of stride 2 and another convolution. On the
    way up, each level doubles the size (bilinear) and joins 4 channels from the way down. A
    3 x 3 and a 1 x 1 convolution follow. Borders are reflected.

    Args:
        resolution: Height and width R, a power of two from 16.
        channels: Number of channels of the image, C.
        num_channels: Number of channels of the convolutions; default 32.

    Reference: Ulyanov et al., supplement, figure 21 (its 'default architecture').
    """
    noise = x = keras.Input((resolution, resolution, _INPUT_CHANNELS), batch_size=1)
    skips = []
    for _ in range(min(_MAX_LEVELS, int(math.log2(resolution // _LOWEST)))):
        skips.append(_convolved(x, _SKIP_CHANNELS, size=1))
        x = _convolved(_convolved(x, num_channels, stride=2), num_channels)
    for skip in reversed(skips):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = _normalised(layers.Concatenate()([x, skip]))
        x = _convolved(_convolved(x, num_channels), num_channels, size=1)
    # tanh(u / 2) = 2 sigmoid(u) - 1, the paper's sigmoid in the range [-1, 1].
    x = layers.Conv2D(channels, 1)(x) * 0.5
    return keras.Model(noise, layers.Activation("tanh")(x))


class Reflect(layers.Layer):
    """Adds one reflected pixel at each border."""

    def call(self, x: Any) -> Any:
        """Maps [B, H, W, C] to [B, H + 2, W + 2, C]."""
        return keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")


def _convolved(x, filters: int, *, size: int = 3, stride: int = 1):
    if size == 3:
        x = Reflect()(x)
    # Without a bias, because the normalisation would remove it.
    x = layers.Conv2D(filters, size, strides=stride, use_bias=False)(x)
    return layers.LeakyReLU(negative_slope=0.2)(_normalised(x))


def _normalised(x):
    """Applies batch normalisation for a batch of one image, without running averages."""
    return layers.GroupNormalization(groups=x.shape[-1], epsilon=1e-5)(x)


class _State(NamedTuple):
    """State of a fit: weights, Adam's moments m and s, sum_t d^(T-t) g, number of steps."""

    weights: list
    m: list
    s: list
    total: tf.Tensor
    step: tf.Tensor


@functools.lru_cache(maxsize=4)
def _fit_of(kind: Hashable, config, *, resolution, channels, num_channels) -> _Fit:
    network = hourglass(resolution, channels=channels, num_channels=num_channels)
    return _Fit(network, cast(Any, kind).from_config(dict(config)))


class _Fit:
    """Compiled fit of a network, one program for all measurements of a corruption.

    Args:
        network: Network from `hourglass`; its weights are ignored.
        corruption: Corruption without data.
    """

    def __init__(self, network: keras.Model, corruption):
        self._network, self._corruption = network, corruption
        self.num_traces = 0
        # Without XLA, whose convolutions compile slowly and run no faster on CPUs.
        self._run = compiled(self._steps)

    def __call__(self, measurement, data, *, seed: int, num_steps: int) -> np.ndarray:
        """Returns x [R, R, C] for y [1, h, w, C] and the data of the corruption."""
        state = self._run(
            self._start(seed),
            tf.constant(measurement),
            data,
            tf.constant(seed),
            tf.constant(num_steps),
        )
        count = (1 - _DECAY**num_steps) / (1 - _DECAY)
        return state.total.numpy()[0] / np.float32(count)

    def _start(self, seed: int) -> _State:
        """Draws kernels uniform within 1 / sqrt(inputs), as PyTorch does."""
        rng = np.random.default_rng(seed)
        weights = [_drawn(rng, weight) for weight in self._network.trainable_weights]
        zeros = [tf.zeros_like(weight) for weight in weights]
        total = tf.zeros(self._network.output_shape)
        return _State(weights, zeros, zeros, total, tf.constant(0))

    def _steps(self, state, measurement, data, seed, num_steps):
        self.num_traces += 1  # Python code runs while the function is traced
        corruption = self._corruption.with_data(**data)
        z = tf.random.stateless_uniform(self._network.input_shape, [seed, 0], maxval=_INPUT_RANGE)

        def body(*state):
            return tuple(self._step(_State(*state), measurement, corruption, z, seed))

        state = tf.while_loop(
            lambda *state: state[-1] < num_steps, body, tuple(state), parallel_iterations=1
        )
        return _State(*state)

    def _step(self, state: _State, measurement, corruption, z, seed) -> _State:
        step = state.step + 1
        noise = tf.random.stateless_normal(z.shape, [seed, step], stddev=_PERTURBATION)
        with tf.GradientTape() as tape:
            tape.watch(state.weights)
            picture, _ = self._network.stateless_call(state.weights, [], z + noise)
            loss = _loss(measurement, picture, corruption)
        gradients = tape.gradient(loss, state.weights)
        moved = [
            _adam(*each, step=tf.cast(step, tf.float32))
            for each in zip(state.weights, state.m, state.s, gradients, strict=True)
        ]
        weights, m, s = (list(part) for part in zip(*moved, strict=True))
        return _State(weights, m, s, _DECAY * state.total + picture, step)


def _drawn(rng, weight):
    if len(weight.shape) != 4:
        return tf.convert_to_tensor(weight)
    bound = math.prod(weight.shape[:3]) ** -0.5
    return tf.constant(rng.uniform(-bound, bound, weight.shape), tf.float32)


def _loss(measurement, picture, corruption):
    """Returns mean((f(x) - y)^2) over the observed pixels."""
    observed = tf.broadcast_to(corruption.observation_mask(measurement), tf.shape(measurement))
    # Selected before the square, so that a NaN under a mask reaches no gradient.
    residual = tf.where(observed > 0, corruption.forward(picture) - measurement, 0.0)
    return tf.reduce_sum(tf.square(residual)) / tf.reduce_sum(observed)


def _adam(weight, m, s, gradient, *, step):
    """Takes a step of Adam: Kingma, Ba (arXiv 1412.6980), algorithm 1."""
    beta1, beta2 = _BETAS
    m = beta1 * m + (1 - beta1) * gradient
    s = beta2 * s + (1 - beta2) * tf.square(gradient)
    mean, square = m / (1 - beta1**step), s / (1 - beta2**step)
    return weight - _LEARNING_RATE * mean / (tf.sqrt(square) + _EPSILON), m, s
