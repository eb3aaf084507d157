"""A generator with a few operations, for tests of the code that uses generators.

A step of a StyleGAN2 takes most of its time to trace, however small the network is. Tests of
`tests/generators` and of the command use a StyleGAN2. Others need images that depend on latents.
"""

import functools

import keras
import numpy as np

from brgm_tf.generators.base import Generator

NUM_WS, SIZE_OF_W = 6, 8


class SmoothGenerator(Generator):
    """Generator of smooth images: tanh(rows A columns), with A a linear map of tanh(w).

    Args:
        resolution: Height and width of the images, in pixels.
        channels: 1 or 3.
        num_ws: Number of latents of an image.
        w_dim: Size of a latent and of a normal code.
        seed: Seed of the weights.
    """

    def __init__(self, resolution, *, channels=3, num_ws=NUM_WS, w_dim=SIZE_OF_W, seed=1):
        super().__init__()
        self.resolution, self.channels, self.num_ws = resolution, channels, num_ws
        self.w_dim = self.z_dim = w_dim
        rng = np.random.RandomState(seed)
        # Cosines of zero to three half waves across the image.
        frequencies = np.pi * np.arange(4)[:, None]
        self._waves = np.cos(frequencies * (np.arange(resolution) + 0.5) / resolution)
        weights = rng.randn(num_ws, w_dim, 4, 4, channels) / np.sqrt(num_ws * w_dim) / 3.0
        self._weights = weights.astype("float32")
        self._codes = (rng.randn(w_dim, w_dim) / np.sqrt(w_dim)).astype("float32")

    def mapping(self, z):
        """Maps z [B, Z] to w [B, D]."""
        return keras.ops.leaky_relu(keras.ops.matmul(z, self._codes))

    def synthesis(self, ws):
        """Maps latents ws [B, L, D] to images [B, resolution, resolution, channels]."""
        kernel = keras.ops.cast(self._weights, ws.dtype)
        waves = keras.ops.cast(self._waves, ws.dtype)
        amplitudes = keras.ops.einsum("bld,ldijc->bijc", keras.ops.tanh(ws), kernel)
        return keras.ops.tanh(keras.ops.einsum("ih,bijc,jw->bhwc", waves, amplitudes, waves))


@functools.cache
def smooth_generator(resolution, *, channels=3):
    """Returns a `SmoothGenerator`, the same for all tests of a process."""
    return SmoothGenerator(resolution, channels=channels)


def generated(resolution, count, *, channels=3):
    """Returns images [count, resolution, resolution, channels] of the generator."""
    generator = smooth_generator(resolution, channels=channels)
    z = np.random.RandomState(5).randn(count, generator.z_dim).astype("float32")
    return np.asarray(generator(z))
