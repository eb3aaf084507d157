"""Features of the fixed VGG16 at four depths, for the projected discriminator.

Notation: images [B, H, W, 1 or 3] in [-1, 1]. The features of a depth are the activations after
the last ReLU of a block of VGG16, before the pooling. At size s they are

    [B, s / 2, s / 2, 128], [B, s / 4, s / 4, 256], [B, s / 8, s / 8, 512], [B, s / 16, s / 16, 512]

Reference: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image
Recognition (arXiv 1409.1556), configuration D.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from brgm_tf.ops.constant_conv import ConstantConv
from brgm_tf.perceptual.lpips import BLOCKS, SCALE, SHIFT, shrink


class VGG16Features:
    """Function from images to the features of four depths.

    Args:
        arrays: Arrays of `perceptual.read_perceptual`.
        size: Height and width in pixels at which VGG16 sees the images. Larger images are
            area-averaged, and smaller images are enlarged bilinearly.
        dtype: Dtype of the convolutions; default 'float32'.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], *, size: int, dtype: str = "float32"):
        self._size, self._dtype = size, dtype
        self._shift = np.asarray(arrays.get("shift", SHIFT), "float32")
        self._scale = np.asarray(arrays.get("scale", SCALE), "float32")
        count = sum(BLOCKS)
        self._convs = [ConstantConv(arrays[f"conv{i}.kernel"], dtype=dtype) for i in range(count)]
        self._biases = [
            ops.convert_to_tensor(arrays[f"conv{i}.bias"], dtype=dtype) for i in range(count)
        ]

    def __call__(self, images: Any) -> list:
        """Returns the features of the four depths, the most detailed first."""
        x = resized(images, size=self._size)
        if x.shape[-1] == 1:
            x = ops.repeat(x, 3, axis=-1)
        x = ops.cast((x - self._shift) / self._scale, self._dtype)
        features, index = [], 0
        for block, num_convs in enumerate(BLOCKS):
            if block:
                x = ops.max_pool(x, 2, 2)
            for _ in range(num_convs):
                x = ops.relu(self._convs[index](x) + self._biases[index])
                index += 1
            features.append(x)
        return features[1:]


def resized(images: Any, *, size: int) -> Any:
    """Returns images [B, size, size, C]: area-averaged or enlarged bilinearly."""
    if min(images.shape[1:3]) < size:
        return ops.image.resize(images, (size, size), data_format="channels_last")
    return shrink(images, size=size)
