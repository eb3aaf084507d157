"""Deep Image Prior: the form of an untrained network as the prior.

Notation: y [1, h, w, C] the only measurement, f its corruption; z [1, R, R, 32] fixed noise;
n(t) fresh noise of every step t = 1, 2, ...; g(z; theta) the network, theta its weights, a
list of tensors; x [1, R, R, C] a picture in [-1, 1].

    theta: least mean((f(g(z + n(t); theta)) - y)^2) over the known pixels, by Adam
    x = sum_t d^(T - t) g(z + n(t); theta(t)) / sum_t d^(T - t),   t = 1, ..., T

No picture but y is ever seen. Convolutions fit what is alike at all places and scales before
they fit noise, so that the first thousands of steps fill what y leaves open plausibly.

Reference: Ulyanov, Vedaldi, Lempitsky, Deep Image Prior (arXiv 1711.10925).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

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
    measurement,
    *,
    corruption,
    resolution: int,
    seed: int = 0,
    num_steps: int = 1000,
    num_channels: int = 32,
    **_,
) -> np.ndarray:
    """Fits an untrained hourglass network to the measurement; returns what it draws.

    z is uniform in [0, 0.1] and n(t) normal with the standard deviation 1/30; Adam's rate
    is 0.01, and d is 0.99: all as in the paper's code. Different from it: 32 channels for
    128, levels down to 4 x 4 pixels for always 5 (here at most), and 1000 steps for
    2000 and more: made for pictures of 64 x 64 pixels on a few cores.

    Args:
        measurement: y [h, w, C]; what the corruption does not observe is not looked at.
        corruption: f, bound to its data.
        resolution: R, a power of two from 16.
        seed: decides the weights at the start and all noise.
        num_steps: T.
        num_channels: channels of the network's convolutions.

    Returns:
        float32 [R, R, C] in [-1, 1]. Known pixels are close to the measurement's, not equal.

    Raises:
        InputError: R is no power of two from 16.

    Reference: Ulyanov, Vedaldi, Lempitsky, Deep Image Prior (arXiv 1711.10925), sections 2
    and 5, and its supplement; github.com/DmitryUlyanov/deep-image-prior.
    """
    if resolution < 16 or resolution & (resolution - 1):
        raise InputError("resolution", "must be a power of two from 16", resolution=resolution)
    measurement = np.asarray(measurement, np.float32)[None]
    fit = _fit_of(
        type(corruption),
        tuple(corruption.get_config().items()),
        resolution=resolution,
        channels=measurement.shape[-1],
        num_channels=num_channels,
    )
    # Data are arguments of the compiled step: another mask runs the same program.
    return fit(measurement, corruption.data, seed=seed, num_steps=num_steps)


def hourglass(resolution: int, *, channels: int, num_channels: int = 32) -> keras.Model:
    """The network [1, R, R, 32] -> [1, R, R, C], with values in (-1, 1).

    A level halves the sides by a convolution of stride 2 and has another one after it; on the
    way up, the picture is doubled (bilinear), joined by 4 channels of the same size from the
    way down, and goes through a 3 x 3 and a 1 x 1 convolution. Borders are reflected.

    Args:
        resolution: R, a power of two from 16.
        channels: C.
        num_channels: channels of the convolutions.

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
    # 2 sigmoid(u) - 1, in our range.
    x = layers.Conv2D(channels, 1)(x) * 0.5
    return keras.Model(noise, layers.Activation("tanh")(x))


class Reflect(layers.Layer):
    """Adds one pixel at each border, the mirror image of the pixel inside it."""

    def call(self, x):
        """[B, H, W, C] -> [B, H + 2, W + 2, C]."""
        return keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")


def _convolved(x, filters: int, *, size: int = 3, stride: int = 1):
    if size == 3:
        x = Reflect()(x)
    # The normalisation takes any bias away again.
    x = layers.Conv2D(filters, size, strides=stride, use_bias=False)(x)
    return layers.LeakyReLU(negative_slope=0.2)(_normalised(x))


def _normalised(x):
    """Batch normalisation in training, of a batch of one picture; it keeps no averages."""
    return layers.GroupNormalization(groups=x.shape[-1], epsilon=1e-5)(x)


class _State(NamedTuple):
    """What a step carries: weights, Adam's moments m and s, sum_t d^(T-t) g, steps done."""

    weights: list
    m: list
    s: list
    total: tf.Tensor
    step: tf.Tensor


@functools.lru_cache(maxsize=4)
def _fit_of(kind, config, *, resolution, channels, num_channels) -> _Fit:
    network = hourglass(resolution, channels=channels, num_channels=num_channels)
    return _Fit(network, kind.from_config(dict(config)))


class _Fit:
    """The compiled fit of a network: one program for all measurements of a corruption.

    Args:
        network: of `hourglass`; its own weights are not used.
        corruption: without its data.
    """

    def __init__(self, network: keras.Model, corruption):
        self._network, self._corruption = network, corruption
        self.num_traces = 0
        # XLA's convolutions are no faster on processors, and take longer to compile.
        self._run = compiled(self._steps)

    def __call__(self, measurement, data, *, seed: int, num_steps: int) -> np.ndarray:
        """x [R, R, C] of y [1, h, w, C] and the corruption's data."""
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
        """Kernels uniform within 1 / sqrt(inputs), PyTorch's; the rest as layers have it."""
        rng = np.random.default_rng(seed)
        weights = [_drawn(rng, weight) for weight in self._network.trainable_weights]
        zeros = [tf.zeros_like(weight) for weight in weights]
        total = tf.zeros(self._network.output_shape)
        return _State(weights, zeros, zeros, total, tf.constant(0))

    def _steps(self, state, measurement, data, seed, num_steps):
        self.num_traces += 1  # runs while tracing only
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
    """mean((f(x) - y)^2) over the known pixels."""
    observed = tf.broadcast_to(corruption.observation_mask(measurement), tf.shape(measurement))
    # Chosen before the square, so that a NaN under a mask reaches no gradient.
    residual = tf.where(observed > 0, corruption.forward(picture) - measurement, 0.0)
    return tf.reduce_sum(tf.square(residual)) / tf.reduce_sum(observed)


def _adam(weight, m, s, gradient, *, step):
    """A step of Adam: Kingma, Ba (arXiv 1412.6980), algorithm 1."""
    beta1, beta2 = _BETAS
    m = beta1 * m + (1 - beta1) * gradient
    s = beta2 * s + (1 - beta2) * tf.square(gradient)
    mean, square = m / (1 - beta1**step), s / (1 - beta2**step)
    return weight - _LEARNING_RATE * mean / (tf.sqrt(square) + _EPSILON), m, s
