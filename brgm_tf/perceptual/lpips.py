"""LPIPS on VGG16: features of an image, and the distance between two images.

Notation: phi_l(x) [B, H_l, W_l, C_l] are the activations after the last ReLU of block l of
VGG16, divided by their length over channels; h_l [C_l] >= 0 are the learned weights of block l.

Reference: Zhang et al., The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric (arXiv 1801.03924), equation 1, version 0.1 of its weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from brgm_tf.ops.constant_conv import ConstantConv

MAX_SIZE = 256
# Number of convolutions of each block; features are taken after the last one.
BLOCKS = (2, 2, 3, 3, 3)
# Mean and standard deviation of ImageNet's colours, for RGB in [-1, 1].
SHIFT = np.array([-0.030, -0.088, -0.188], "float32")
SCALE = np.array([0.458, 0.448, 0.450], "float32")
_EPSILON = 1e-10


class LPIPS(keras.layers.Layer):
    """The perceptual distance of version 0.1 with VGG16 features.

        d(x, y) = sum_l mean_hw sum_c h_lc (phi_lc(x) - phi_lc(y))^2

    Args:
        arrays: Arrays by name: 'conv{i}.kernel' [3, 3, in, out] and 'conv{i}.bias' for i in
            0..12, 'head{l}' [C_l] for l in 0..4. The network sees (x - shift) / scale;
            'shift' [3] and 'scale' [3] default to ImageNet's.
        max_size: Largest height and width in pixels; larger images are area-averaged to it.
            Default 256.

    Reference: arXiv 1801.03924, equation 1.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        *,
        max_size: int = MAX_SIZE,
    ):
        super().__init__(name="lpips", trainable=False)
        self.max_size = max_size
        arrays = dict(arrays)
        self._shift = np.asarray(arrays.pop("shift", SHIFT), "float32")
        self._scale = np.asarray(arrays.pop("scale", SCALE), "float32")
        self._convs = [ConstantConv(arrays.pop(f"conv{i}.kernel")) for i in range(sum(BLOCKS))]
        self._weights = {key: self._constant(key, value) for key, value in arrays.items()}
        self.built = True

    def features(self, x: Any, *, enlarge: bool = False) -> list:
        """Returns sqrt(h_l / (H_l W_l)) phi_l(x); their squared differences sum to the distance.

        Args:
            x: Images [B, H, W, 1 or 3] in [-1, 1]; grey is repeated to three channels.
            enlarge: Whether to enlarge images below max_size by repeating pixels, as the
                objective of brgm-pytorch does; default False.

        Returns:
            Five tensors [B, H_l, W_l, C_l]. Images below 16 pixels give fewer, because the
            last blocks would see less than one pixel.
        """
        x = shrink(x, size=self.max_size)
        if enlarge:
            x = repeat_pixels(x, size=self.max_size)
        if x.shape[-1] == 1:
            x = ops.repeat(x, 3, axis=-1)
        x = (x - self._shift) / self._scale
        features, index = [], 0
        for block, num_convs in enumerate(BLOCKS):
            if block:
                if min(x.shape[1:3]) < 2:
                    break
                x = ops.max_pool(x, 2, 2)
            for _ in range(num_convs):
                x = ops.relu(self._convs[index](x) + self._weights[f"conv{index}.bias"])
                index += 1
            weight = ops.sqrt(self._weights[f"head{block}"] / (x.shape[1] * x.shape[2]))
            features.append(_unit(x) * weight)
        return features

    def _constant(self, name: str, value):
        weight = self.add_weight(
            name=name.replace(".", "_"), shape=value.shape, dtype="float32", trainable=False
        )
        weight.assign(value)
        return weight

    def call(self, x: Any, y: Any) -> Any:
        """Returns the distance between images x and y, [B]."""
        return distance(self.features(x), self.features(y))


def distance(first: Sequence, second: Sequence) -> Any:
    """Returns sum_l || first_l - second_l ||^2 [B] for two lists of features.

    Example:
        >>> a, b = np.zeros([1, 2, 2, 3]), np.ones([1, 2, 2, 3])
        >>> distance([a, a], [b, a]).numpy().tolist()
        [12.0]
    """
    return sum(
        ops.sum(ops.square(a - b), axis=(1, 2, 3)) for a, b in zip(first, second, strict=True)
    )


def shrink(x: Any, *, size: int = MAX_SIZE) -> Any:
    """Area-averages images [B, H, W, C] above size x size pixels to that size.

    Each output pixel is the mean of the input pixels that it covers, weighted by the
    covered fraction.

    Example:
        >>> x = np.array([1.0, 2.0, 4.0]).reshape(1, 1, 3, 1)
        >>> shrink(x, size=2).numpy().ravel().round(4).tolist()
        [1.3333, 3.3333]
    """
    for axis in (1, 2):
        length = x.shape[axis]
        if length <= size:
            continue
        if length % size == 0:
            shape = (*((-1 if n is None else n) for n in x.shape[:axis]), size, length // size)
            x = ops.mean(ops.reshape(x, (*shape, *x.shape[axis + 1 :])), axis=axis + 1)
        else:
            weights = ops.cast(_area_weights(length, size), x.dtype)
            x = ops.moveaxis(ops.tensordot(x, weights, axes=[[axis], [1]]), -1, axis)
    return x


def repeat_pixels(x: Any, *, size: int = MAX_SIZE) -> Any:
    """Enlarges images [B, H, W, C] to size x size by repeating pixels."""
    for axis in (1, 2):
        if x.shape[axis] < size:
            x = ops.take(x, np.arange(size) * x.shape[axis] // size, axis=axis)
    return x


def _area_weights(length: int, size: int) -> np.ndarray:
    """Returns [size, length], the fraction of input pixel j in output pixel i; rows sum to 1."""
    edges = np.linspace(0, length, size + 1)
    pixels = np.arange(length)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.clip(covered, 0, None) * size / length


def _unit(x):
    # With epsilon inside the root, the gradient at an all-zero pixel is 0 instead of NaN.
    return x * ops.rsqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + _EPSILON**2)
