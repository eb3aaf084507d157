"""Enlargement by ESRGAN, a network that was trained with an adversarial loss on photographs.

The weights are those of `@upscalerjs/esrgan-thick` 1.0.0 by Kevin Scott (MIT licence), trained on
DIV2K. Each factor 2, 3, 4 and 8 has a network: 10 residual-in-residual dense blocks, then
a pixel shuffle.

Notation: y [h, w, C] a measurement in [-1, 1], x [H, W, C] the restored image, C = 1 or 3.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from brgm_tf.core.compilation import compiled
from brgm_tf.evaluation.baselines.enlargements import passes
from brgm_tf.weights import fetching
from brgm_tf.weights.formats import tfjs

_WEIGHTS = "esrgan-thick"


def esrgan(measurement: Any, *, resolution: int, **_) -> np.ndarray:
    """Enlarges a measurement by ESRGAN-thick, by several networks in turn where necessary.

    A factor of 8 takes one network, and a factor of 32 takes the networks for 8 and 4. A grey
    image is repeated in three channels, whose mean is the result.

    Args:
        measurement: Measurement y [h, w, C].
        resolution: Height and width of the result, H = W.

    Returns:
        float32 [H, W, C], clipped to [-1, 1].

    Raises:
        InputError: H / h is not a product of 2, 3, 4 and 8, or the weights cannot be fetched.

    Reference: Wang et al., ESRGAN: Enhanced super-resolution generative adversarial networks
    (arXiv 1809.00219); https://github.com/thekevinscott/UpscalerJS.
    """
    y = np.asarray(measurement, np.float32)
    x = np.repeat(y, 3 // y.shape[-1], axis=-1)
    for factor in passes(resolution / y.shape[0]):
        x = np.clip(_network(factor)(x[None] / 2 + 0.5)[0] * 2 - 1, -1, 1)
    return x if y.shape[-1] == 3 else x.mean(axis=-1, keepdims=True)


class MultiplyBeta(keras.layers.Layer):
    """Multiplies by a constant, the weight of a residual.

    Args:
        beta: The constant.
    """

    def __init__(self, beta: float, **keywords):
        super().__init__(**keywords)
        self._beta = beta

    def call(self, x):
        """Returns beta x."""
        return self._beta * x


class PixelShuffle(keras.layers.Layer):
    """Makes blocks of pixels out of channels: [B, h, w, f^2 C] -> [B, f h, f w, C].

    Args:
        scale: f, height and width of a block.
    """

    def __init__(self, scale: int, **keywords):
        super().__init__(**keywords)
        self._scale = scale

    def call(self, x):
        """Returns x[b, i // f, j // f, (f (i % f) + j % f) C + c] at [b, i, j, c]."""
        return tf.nn.depth_to_space(x, self._scale)


def load_network(path: Path) -> keras.Model:
    """Builds the Keras model that a `model.json` of TensorFlow.js describes.

    Args:
        path: Path of `model.json`, with layers of Keras, `MultiplyBeta` and `PixelShuffle<f>x`.

    Raises:
        InputError: The file cannot be read as a layers model.
    """
    model = tfjs.read(path, argument="baselines")
    shuffles: dict[str, Any] = {f"PixelShuffle{factor}x": PixelShuffle for factor in (2, 3, 4, 8)}
    # The lists of one input and one output would make the network take and return lists.
    (inputs,), (outputs,) = model.config["input_layers"], model.config["output_layers"]
    network = keras.Model.from_config(
        {**model.config, "input_layers": inputs, "output_layers": outputs},
        custom_objects={**shuffles, "MultiplyBeta": MultiplyBeta},
    )
    for layer in network.layers:
        for variable in layer.weights:
            variable.assign(model.arrays[f"{layer.name}/{variable.name}"])
    return network


@functools.cache
def _network(factor: int) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the network for a factor, a function of images in [0, 1]."""
    folder = fetching.fetch(_WEIGHTS, argument="baselines")
    network = compiled(load_network(folder / f"x{factor}" / "model.json"))
    return lambda x: network(x).numpy()
